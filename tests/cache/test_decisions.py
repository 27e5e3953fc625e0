"""A link decides some things by what one object's code does: objects that change in just that."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cache.again import compiled, linked, thin_archive
from tests.support import objects
from wasmlink_tool.inputs import parse_cache
from wasmlink_tool.linker import link
from wasmlink_tool.options import Input, LinkOptions, UnresolvedPolicy

MAIN = "extern int a(int); extern int b(int); void _start(void) { a(b(1)); }"
B = "int b(int x) { return x; }"


def _bodies(work: Path, before: str, bodies: tuple[str, ...], **options: object) -> None:
    """Link with one body of ``a`` after the other, behind the same declarations; no two modules are the same."""
    modules = []
    for body in bodies:
        source = before + f" int a(int x) {{ {body} }}"
        modules.append(linked(work, compiled(work, {"main.c": MAIN, "a.c": source, "b.c": B}), **options))
    assert all(isinstance(module, bytes) for module in modules)
    assert len(set(modules)) == len(modules)


def test_a_new_process_links_from_the_last_link(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    for body in ("return x;", "return x * 7;"):
        inputs = compiled(tmp_path, {"main.c": MAIN, "a.c": f"int a(int x) {{ {body} }}", "b.c": B})
        options = LinkOptions(
            inputs=inputs, output=None, cache_directory=str(tmp_path / "cache"), time_report=str(report)
        )
        link(options)
        parse_cache.forget()
    assert json.loads(report.read_text())["last_link"] == "used"


def test_a_stub_is_no_longer_called(tmp_path: Path) -> None:
    # Something dead calls it still.
    before = "extern int w(int) __attribute__((weak)); int dead(int x) { return w(x); }"
    _bodies(tmp_path, before, ("return w ? w(x) : 3;", "return w ? 4 : 3;"))


def test_whether_a_call_or_the_address_of_an_undefined_function_comes_first(tmp_path: Path) -> None:
    # A function that became a stub takes no table entry.
    before = "extern int f(int); volatile long v;"
    bodies = ("int r = f(x); v = (long)&f; return r;", "v = (long)&f; return f(x);")
    _bodies(tmp_path, before, bodies, unresolved_symbols=UnresolvedPolicy.IGNORE)


def test_the_order_of_undefined_functions(tmp_path: Path) -> None:
    # Each signature has a stub of its own.
    before = "extern int f(int); extern float g(float); int dead(int x) { return f(x) + (int)g(x); }"
    bodies = ("int r = f(x); return r + (int)g(x);", "int r = (int)g(x); return r + f(x);")
    _bodies(tmp_path, before, bodies, unresolved_symbols=UnresolvedPolicy.IGNORE)


def test_functions_that_move_within_their_object(tmp_path: Path) -> None:
    # The debug information of the last object names a function of the second one, whose size stays.
    shared = "inline __attribute__((noinline)) int shared(int x) { return x * 77; }"
    modules = []
    for first, last in ((3, 5), (5, 3)):
        fillers = [f'asm volatile(".rept {count}\\n nop\\n .endr");' for count in (first, last)]
        sources: dict[str, str | bytes] = {
            "main.cpp": 'extern "C" int a(int); extern "C" int b(int); extern "C" void _start() { a(b(1)); }',
            "a.cpp": f"""{shared}
                extern "C" __attribute__((noinline)) int before(int x) {{ {fillers[0]} return x ^ 3; }}
                extern "C" int a(int x) {{ return before(x) + shared(x); }}
                template <int> __attribute__((noinline)) int after(int x) {{ {fillers[1]} return x; }}
                __attribute__((used)) int kept(int x) {{ return after<1>(x); }}""",
            "b.cpp": f'{shared} extern "C" int b(int x) {{ return shared(x) * 3; }}',
        }
        modules.append(linked(tmp_path, compiled(tmp_path, sources)))
    assert len(modules[0]) == len(modules[1])
    assert modules[0] != modules[1]


def test_an_object_that_is_also_the_member_of_athin_archive(tmp_path: Path) -> None:
    for value in (1, 2):
        constructor = f"static volatile int n; __attribute__((constructor)) static void start(void) {{ n = {value}; }}"
        source = f"__attribute__((weak)) int a(int x) {{ return x; }} {constructor}"
        inputs = compiled(tmp_path, {"main.c": MAIN, "b.c": B, "a.c": source}, flags=["-g0"])
        thin_archive(tmp_path / "lib.a", tmp_path / "a.c.o")
        linked(tmp_path, [*inputs, Input(str(tmp_path / "lib.a"), whole_archive=True)])


USER = "extern void f(void); extern int d; void ext(void) {} void _start(void) { f(); d = 1; }"
PARTS = {name: part for name, part in objects.PARTS.items() if name != "reloc.debug"}


def test_a_section_gets_its_first_contents(tmp_path: Path) -> None:
    for contents in (b"", b"something", b""):
        sources: dict[str, str | bytes] = {
            "main.c": USER,
            "a": objects.build(PARTS, debug=objects.custom("mine", contents)),
        }
        linked(tmp_path, compiled(tmp_path, sources))


def test_data_that_tell_where_a_function_stands(tmp_path: Path) -> None:
    function_offset = objects.relocation(8, 6, 0, 0)
    data = objects.relocations("DATA", 6, function_offset, objects.relocation(5, 10, 4, 1))
    for count in (1, 9):
        filler = f'asm volatile(".rept {count}\\n nop\\n .endr");'
        sources: dict[str, str | bytes] = {
            "main.c": USER,
            "b.c": f"__attribute__((constructor)) void b(void) {{ {filler} }}",
            "a": objects.build(PARTS, reloc_DATA=data),
        }
        linked(tmp_path, compiled(tmp_path, sources))


def test_position_independent_objects_reach_their_data_through_the_global_offset_table(tmp_path: Path) -> None:
    for value in (100, 101):
        sources: dict[str, str | bytes] = {
            "main.c": MAIN,
            "a.c": f"int table[3] = {{1, 2, 3}}; int (*p)(int); int b(int); int a(int x) "
            f"{{ p = a; return p != b ? table[x] + {value} : 0; }}",
            "b.c": B,
        }
        module = linked(tmp_path, compiled(tmp_path, sources, flags=["-fPIC", "-fvisibility=default"]))
        assert isinstance(module, bytes)


def test_absolute_symbols_of_an_object_that_changes(tmp_path: Path) -> None:
    leb, name, symbol = objects.leb, objects.name, objects.symbol
    symbols = objects.vector(
        symbol(objects.FUNCTION, 0, leb(1), name("f")),
        symbol(objects.FUNCTION, objects.UNDEFINED, leb(0)),
        symbol(objects.GLOBAL, objects.UNDEFINED, leb(0)),
        symbol(objects.DATA, 0, name("d"), leb(0), leb(0), leb(8)),
        symbol(objects.DATA, objects.LOCAL, name("s"), leb(1), leb(0), leb(5)),
        symbol(objects.DATA, 0x200, name("absolute"), leb(0), leb(0x123), leb(4)),
        symbol(objects.FUNCTION, 0, leb(2), name("h")),
    )
    segments = objects.vector(name(".data.d") + leb(2) + leb(0), name(".rodata.s") + leb(0) + leb(1))
    linking = objects.linking(
        objects.subsection(objects.SYMBOL_TABLE, symbols), objects.subsection(objects.SEGMENT_INFO, segments)
    )
    modules = []
    for addend in (0, 4):
        code = objects.relocations("CODE", 5, objects.relocation(3, 29, 5, addend))
        sources: dict[str, str | bytes] = {
            "main.c": "extern int h(int); extern int d; void ext(void) {} void _start(void) { d = h(1); }",
            "a": objects.build(PARTS, linking=linking, reloc_CODE=code),
        }
        module = linked(tmp_path, compiled(tmp_path, sources))
        assert isinstance(module, bytes), module
        modules.append(module)
        assert leb((0x123 + addend) | 1 << 28)[:2] in module
    assert modules[0] != modules[1]


def test_a_dead_static_function_and_its_string_go(tmp_path: Path) -> None:
    """The fast way takes an object of which nothing that was in the output is missing."""
    report = tmp_path / "report.json"
    dead = 'static __attribute__((noinline)) int dead(int y) { return b(y) + *(volatile const char *)"dead"; }'
    for before, result in ((dead, "dead(y)"), ("", "b(y)")):
        keeper = f"{before} int keeper(int y) {{ return {result} * 2; }}"
        source = f"int b(int); {keeper} int a(int x) {{ return b(x) * 9; }}"
        inputs = compiled(tmp_path, {"main.c": MAIN, "a.c": source, "b.c": B})
        options = LinkOptions(inputs=inputs, output=None, cache_directory=str(tmp_path / "cache"))
        options.time_report = str(report)
        assert link(options).module == link(LinkOptions(inputs=inputs, output=None)).module
        parse_cache.forget()
    assert json.loads(report.read_text())["last_link"] == "used"


def test_sections_of_debug_information_come_and_go(tmp_path: Path) -> None:
    # One function needs no list of ranges, two do.
    report = tmp_path / "report.json"
    more = "static __attribute__((noinline)) int more(int x) { return x * x; } "
    main = "int other(int x) { return x; } " + MAIN
    one, two = "int a(int x) { return x; }", more + "int a(int x) { return more(x); }"
    for first, second in ((one, two), (two, one)):
        for number, source in enumerate((first, second)):
            inputs = compiled(tmp_path, {"main.c": main, "a.c": source, "b.c": B}, flags=("-g",))
            cache = tmp_path / f"cache{first == one}"
            options = LinkOptions(inputs=inputs, output=None, cache_directory=str(cache), time_report=str(report))
            module = link(options).module
            assert module == link(LinkOptions(inputs=inputs, output=None)).module
            how = json.loads(report.read_text())["last_link"]
            assert how.startswith("decisions updated" if number else "not used"), how
