"""The references to an undefined symbol, under its first error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.badinput.test_failures import constructor
from tests.explanations.conftest import Compile, Explain
from wasmlink_tool import Input, LinkError, LinkOptions, UnresolvedPolicy, link

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


def test_each_symbol_is_reported_once_and_counts_its_references(compile_at: Compile) -> None:
    """However many references there are, within the limit of errors other symbols are reported too."""
    calls = "".join(f"int f{i}(int x) {{ return lost(x + {i}); }}\n" for i in range(30))
    text = f"int lost(int); int also_lost(void);\n{calls}int g(void) {{ return also_lost(); }}\n"
    one = compile_at("many.c", text)
    two = compile_at("other.c", "int lost(int); int h(int x) { return lost(x); }")
    with pytest.raises(LinkError) as caught:
        link(LinkOptions(inputs=[one, two], entry=None, output=None, gc_sections=False))
    errors = {entry.text: entry.hints for entry in caught.value.diagnostics}
    assert list(errors) == [f"{one}: undefined symbol: lost", f"{one}: undefined symbol: also_lost"]
    assert len(caught.value.diagnostics) == 2
    assert errors[f"{one}: undefined symbol: lost"][:4] == (
        "referenced by f0",
        "referenced by f1",
        "referenced by f2",
        "referenced 28 more times",
    )


def test_constructor(tmp_path: Path) -> None:
    path = tmp_path / "a.o"
    path.write_bytes(constructor())
    with pytest.raises(LinkError) as caught:
        link(LinkOptions(inputs=[str(path)], entry=None, output=None, wrap=["f"]))
    (error,) = caught.value.diagnostics
    assert (error.text, error.hints[0]) == (
        f"{path}: undefined symbol: __wrap_f",
        "referenced by the list of constructors",
    )


def test_main_is_called_by_its_name(compile_at: Compile, explain: Explain) -> None:
    obj = compile_at("main.c", "int missing(int); int main(void) { return missing(1); }")
    assert explain(obj, gc_sections=False) == {"missing": ("referenced by main",)}


def test_bitcode_is_named(compile_at: Compile, explain: Explain) -> None:
    """The object that refers to the symbol was generated: no file on disk has its name."""
    user = compile_at("user.c", "int lost(int); int run(int x) { return lost(x); }", "-flto")
    other = compile_at("other.c", "int other(int x) { return x; }", "-flto")
    (hints,) = explain(user, other).values()
    assert f"referenced by bitcode file {user}" in hints
    assert not any("other" in hint for hint in hints)


def test_signature_mismatch_names_the_callers(compile_at: Compile) -> None:
    definition = compile_at("f.c", "int f(int x) { return x; }")
    caller = compile_at("g.c", "void f(long long);\nvoid run(void) {\n  f(1);\n}\n", "-g")
    plain = compile_at("h.c", "void f(long long); void more(void) { f(2); }")
    options = LinkOptions(inputs=[caller, definition, plain], entry=None, output=None, exports=["run", "more"])
    (warning,) = link(options).diagnostics
    assert warning.text.startswith("function signature mismatch: f\n")
    assert warning.hints == ("called by run (g.c:3)", f"called by more ({plain})")
    with pytest.raises(LinkError, match="function signature mismatch: f") as caught:
        link(LinkOptions(inputs=[caller, compile_at("i.c", "int f(int); int i(void) { return f(1); }")], output=None,
                         entry=None, exports=["run", "i"], import_undefined=True))  # fmt: skip
    assert any(hint.startswith("called by run (g.c:3)") for hint in caught.value.diagnostics[0].hints)


def test_every_message_about_a_generated_object_names_the_bitcode(compile_at: Compile) -> None:
    kind = compile_at("kind.c", "extern int f; int run(void) { return f; }", "-flto")
    function = compile_at("f.c", "int f(void) { return 1; }")
    with pytest.raises(LinkError) as caught:
        link(LinkOptions(inputs=[kind, function], entry=None, exports=["run"], output="out.wasm"))
    text = str(caught.value)
    assert "symbol type mismatch" in text
    assert kind in text


def test_a_function_that_reads_like_the_symbol_has_its_own_name(compile_at: Compile, explain: Explain) -> None:
    """One is libc's wrapper, which is shown as main where it is defined."""
    text = 'int plain(long long) __asm__("main"); int wrapper(int, char **) __asm__("__main_argc_argv");\n'
    obj = compile_at("main.c", text + "int wrapper(int c, char **v) { return plain(c); }\n")
    (hints,) = explain(obj, gc_sections=False).values()
    assert hints[0] == "referenced by __main_argc_argv"
