"""Where an undefined symbol is referenced, as its first error tells."""

from __future__ import annotations

from pathlib import Path

from tests.explanations.conftest import Compile, Explain
from wasmlink_tool import Input, LinkOptions, UnresolvedPolicy, link

MAIN = """int missing(int);
int run(int x) {
    return x +
        missing(x);
}
"""


def test_source_line(compile_at: Compile, explain: Explain) -> None:
    for version in ("-gdwarf-4", "-gdwarf-5"):
        obj = compile_at("src/main.c", MAIN, version)
        assert explain(obj) == {"missing": ("referenced by run (src/main.c:4)",)}


def test_no_debug_information(compile_at: Compile, explain: Explain) -> None:
    assert explain(compile_at("main.c", MAIN)) == {"missing": ("referenced by run",)}


def test_damaged_line_table(compile_at: Compile, explain: Explain) -> None:
    obj = Path(compile_at("main.c", MAIN, "-gdwarf-4"))
    content = obj.read_bytes()
    start = content.index(b"\x0b.debug_line") + len(b"\x0b.debug_line")
    obj.write_bytes(content[: start + 4] + b"\x63" + content[start + 5 :])
    assert explain(str(obj)) == {"missing": ("referenced by run",)}


def test_data(compile_at: Compile, explain: Explain) -> None:
    text = "extern int missing; int *table[] = {0, &missing}; int run(void) { return *table[1]; }"
    assert explain(compile_at("main.c", text)) == {"missing": ("referenced by data segment .data.table",)}


def test_several_places(compile_at: Compile, explain: Explain) -> None:
    text = """int missing(int);
int a(int x) { return missing(x) + missing(x + 1); }
int b(int x) { return missing(x); }
static int unused(int x) { return missing(x); }
"""
    one = compile_at("one.c", text, "-g")
    two = compile_at("two.c", "int missing(int); int c(int x) { return missing(x); }")
    three = compile_at("three.c", "int missing(int); int a(int), b(int), c(int); int run(int x) "
                       "{ return a(x) + b(x) + c(x) + missing(x); }")  # fmt: skip
    assert explain(one, two, three) == {
        "missing": (
            "referenced by a (one.c:2)",
            "referenced by b (one.c:3)",
            f"referenced by c ({two})",
            "referenced 2 more times",
        )
    }


def test_dead_references_do_not_count(compile_at: Compile, explain: Explain) -> None:
    text = "int missing(int); int dead(int x) { return missing(x); } int run(int x) { return missing(x); }"
    obj = compile_at("main.c", text)
    assert explain(obj) == {"missing": ("referenced by run",)}
    assert explain(obj, gc_sections=False) == {"missing": ("referenced by dead", "referenced by run")}


def test_warnings_are_explained_too(compile_at: Compile) -> None:
    obj = compile_at("main.c", MAIN, "-g")
    options = LinkOptions(
        inputs=[Input(obj)],
        entry=None,
        exports=["run"],
        output=None,
        unresolved_symbols=UnresolvedPolicy.WARN,
    )
    assert [entry.hints for entry in link(options).diagnostics] == [("referenced by run (main.c:4)",)]
