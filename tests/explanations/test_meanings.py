"""Suggestions for an undefined symbol, under its first error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.explanations.conftest import Compile, Explain
from tests.support.toolchain import make_archive
from wasmlink_tool import Input, LinkError, LinkOptions, Severity, UnresolvedPolicy, link
from wasmlink_tool.binary.constants import SymbolKind
from wasmlink_tool.linking.explain.advice import Advice
from wasmlink_tool.linking.explain.spelling import Spelling
from wasmlink_tool.linking.symbols import DEFINED, LAZY, UNDEFINED, Symbol

if TYPE_CHECKING:
    from _collections_abc import dict_items, dict_keys, dict_values

# Misspelling


@pytest.mark.parametrize(
    ("undefined", "meant"),
    [
        ("open_file", "open_files"),
        ("open_filess", "open_files"),
        ("open_filex", "open_files"),
        ("open_flies", "open_files"),
        ("opne_files", "open_files"),
        ("Open_Files", "open_files"),
        ("OPEN_FILES", "open_files"),
        ("xopen_file", None),
        ("opeen_file", None),
        ("fo", None),
        ("_Z4printi", "_Z5printi"),
        ("_Z6pritnti", "_Z5printi"),
        ("_Z7prittnti", None),
        ("_ZN3abc5pritnEv", "_ZN3abc5printEv"),
        ("_ZN3abc4prntEv", "_ZN3abc5printEv"),
        ("_Z5printl", "_Z5printi"),
    ],
)
def test_slips(undefined: str, meant: str | None) -> None:
    symbols = table("open_files", "_Z5printi", "_ZN3abc5printEv", "f")
    symbol = Spelling(symbols).likely(Symbol(undefined.encode(), SymbolKind.FUNCTION, UNDEFINED, 0, None))
    assert (symbol.name.decode() if symbol else None) == meant


def table(*names: str, state: int = DEFINED, kind: int = SymbolKind.FUNCTION) -> dict[bytes, Symbol]:
    return {name.encode(): Symbol(name.encode(), kind, state, 0, None) for name in names}


def test_kind_is_preferred() -> None:
    symbols = table("counts", kind=SymbolKind.DATA) | table("county")
    function = Symbol(b"count", SymbolKind.FUNCTION, UNDEFINED, 0, None)
    data = Symbol(b"count", SymbolKind.DATA, UNDEFINED, 0, None)
    assert Spelling(symbols).likely(function) is symbols[b"county"]
    assert Spelling(symbols).likely(data) is symbols[b"counts"]


def test_undefined_and_stubs_mean_nothing() -> None:
    symbols = table("counts", state=UNDEFINED) | table("county")
    symbols[b"county"].is_stub = True
    undefined = Symbol(b"count", SymbolKind.FUNCTION, UNDEFINED, 0, None)
    assert Spelling(symbols).likely(undefined) is None
    symbols |= table("counts", state=LAZY)
    assert Spelling(symbols).likely(undefined) is symbols[b"counts"]


class Counted(dict[bytes, Symbol]):
    """A table that counts the entries which are visited by walking through it."""

    visits = 0

    def __iter__(self) -> Iterator[bytes]:
        self.visits += len(self)
        return super().__iter__()

    def keys(self) -> dict_keys[bytes, Symbol]:
        self.visits += len(self)
        return super().keys()

    def values(self) -> dict_values[bytes, Symbol]:
        self.visits += len(self)
        return super().values()

    def items(self) -> dict_items[bytes, Symbol]:
        self.visits += len(self)
        return super().items()


def test_cost_does_not_grow_with_the_table() -> None:
    """However many symbols are undefined, the table is walked twice: for C++ functions, and for names in lower case."""
    symbols = Counted(table(*(f"some_function_{i:06}" for i in range(10_000))))
    spelling = Spelling(symbols)
    for i in range(50):
        undefined = Symbol(b"some_function_%06dxyz" % i, SymbolKind.FUNCTION, UNDEFINED, 0, None)
        assert spelling.likely(undefined) is None
        assert spelling.cpp_symbol(undefined) is None
    assert 0 < symbols.visits <= 2 * len(symbols)


def test_misspelled(compile_at: Compile, explain: Explain) -> None:
    main = compile_at("main.c", "void print_lin(void); void run(void) { print_lin(); }")
    other = compile_at("other.c", "void print_line(void) {}")
    assert explain(main, other) == {
        "print_lin": ("referenced by run", "did you mean: print_line", f"defined in: {other}")
    }


def test_misspelled_member(compile_at: Compile, explain: Explain, tmp_path: Path) -> None:
    main = compile_at("main.c", "extern int Total; int run(void) { return Total; }")
    compile_at("other.c", "int total = 3;")
    make_archive(tmp_path / "libother.a", ["other.o"])
    archive = str(tmp_path / "libother.a")
    assert explain(main, archive) == {
        "Total": ("referenced by run", "did you mean: total", f"defined in: {archive}(other.o)")
    }


def test_many_undefined(compile_at: Compile, explain: Explain) -> None:
    """Beyond some number of symbols, only what costs nothing is told."""
    names = [f"missing_{chr(97 + i // 26)}{chr(97 + i % 26)}_x" for i in range(150)]
    main = compile_at(
        "main.c",
        "".join(f"void {name}(void);\n" for name in names)
        + "void run(void) {" + "".join(f"{name}();" for name in names) + "}",
    )  # fmt: skip
    other = compile_at("other.c", "".join(f"void {name}y(void) {{}}\n" for name in names))
    found = explain(main, other)
    assert list(found) == names
    assert found[names[0]][1] == f"did you mean: {names[0]}y"
    assert found[names[-1]] == ("referenced by run",)


# Languages


def test_declared_without_extern_c(compile_at: Compile, explain: Explain) -> None:
    main = compile_at("main.cpp", 'void call(int); extern "C" void run() { call(1); }')
    other = compile_at("other.c", "void call(int x) {}")
    assert explain(main, other) == {
        "call(int)": ("referenced by run", 'did you mean: extern "C" call', f"defined in: {other}")
    }


def test_defined_without_extern_c(compile_at: Compile, explain: Explain) -> None:
    main = compile_at("main.c", "void call(int); void run(void) { call(1); }")
    other = compile_at("other.cpp", "void call(int) {}")
    assert explain(main, other) == {
        "call": ("referenced by run", 'did you mean to declare call(int) as extern "C"?', f"defined in: {other}")
    }


# Who has it


def test_library_on_the_path(compile_at: Compile, explain: Explain, tmp_path: Path) -> None:
    main = compile_at("main.c", "void draw(void); void run(void) { draw(); }")
    # One that would be a likely misspelling is not told: the very symbol is found.
    other = compile_at("other.c", "void drew(void) {}")
    compile_at("gfx.c", "void draw(void) {}")
    compile_at("used.c", "void unrelated(void) {}")
    for directory in ("one", "two"):
        (tmp_path / directory).mkdir()
    make_archive(tmp_path / "libgfx.a", ["gfx.o"])
    make_archive(tmp_path / "libused.a", ["used.o"])
    os.rename(tmp_path / "libgfx.a", tmp_path / "two" / "libgfx.a")
    os.rename(tmp_path / "libused.a", tmp_path / "two" / "libused.a")
    (tmp_path / "one" / "libbroken.a").write_bytes(b"!<arch>\nbroken")
    (tmp_path / "one" / "libtext.a").write_text("INPUT(-lc)", encoding="utf-8")
    (tmp_path / "one" / "libdirectory.a").mkdir()
    (tmp_path / "one" / "libdangling.a").symlink_to("nowhere")
    paths = [str(tmp_path / directory) for directory in ("absent", "one", "two")]
    library = os.path.join(paths[2], "libgfx.a")
    found = explain(main, other, Input("used", library=True), library_paths=paths)
    expected = f"defined by libgfx.a on the library path ({library}): add -lgfx"
    assert found == {"draw": ("referenced by run", expected)}


def test_linked_library_is_not_proposed(compile_at: Compile, explain: Explain, tmp_path: Path) -> None:
    """A library of that name in an earlier directory hides another one."""
    main = compile_at("main.c", "void draw(void); void run(void) { draw(); }")
    compile_at("gfx.c", "void draw(void) {}")
    compile_at("empty.c", "void nothing(void) {}")
    for directory, member in (("one", "empty.o"), ("two", "gfx.o")):
        (tmp_path / directory).mkdir()
        make_archive(tmp_path / "libgfx.a", [member])
        os.rename(tmp_path / "libgfx.a", tmp_path / directory / "libgfx.a")
    paths = [str(tmp_path / directory) for directory in ("one", "two")]
    found = explain(main, Input("gfx", library=True), library_paths=paths)
    assert found == {"draw": ("referenced by run",)}


def test_local_symbol(compile_at: Compile, explain: Explain) -> None:
    main = compile_at("main.c", "void helper(void); void run(void) { helper(); }")
    other = compile_at("other.c", "static void helper(void) {} void (*keep)(void) = helper;")
    assert explain(main, other) == {"helper": ("referenced by run", f"{other} has a local symbol of that name")}


def test_local_symbol_of_a_member(compile_at: Compile, explain: Explain, tmp_path: Path) -> None:
    main = compile_at("main.c", "void helper(void); void run(void) { helper(); }")
    compile_at("other.c", "static void helper(void) {} void (*keep)(void) = helper;")
    archive = tmp_path / "libother.a"
    make_archive(archive, ["other.o"])
    expected = f"{archive}(other.o) has a local symbol of that name"
    assert explain(main, str(archive)) == {"helper": ("referenced by run", expected)}


GROUP = """.section .text.{name},"G",@,group,comdat
.type {name},@function
.globl {name}
{name}:
.functype {name} () -> ()
end_function
"""


def test_discarded_definition(compile_at: Compile, explain: Explain) -> None:
    """The first file with a COMDAT group provides all of it; a definition that only the second has is lost."""
    main = compile_at("main.c", "void one(void); void two(void); void run(void) { one(); two(); }")
    first = compile_at("first.s", GROUP.format(name="one"))
    second = compile_at("second.s", GROUP.format(name="one") + GROUP.format(name="two"))
    expected = f"{second} defines it in a COMDAT group that another file provides"
    assert explain(main, first, second) == {"two": ("referenced by run", expected)}


# Advice


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("__cxa_allocate_exception", "-fno-exceptions"),
        ("__cxa_throw", "-fno-exceptions"),
        ("__cxa_begin_catch", "-fno-exceptions"),
        ("_Unwind_CallPersonality", "-fno-exceptions"),
        ("setjmp", "-lsetjmp"),
        ("__wasm_longjmp", "-lsetjmp"),
        ("__wasm_setjmp_test", "-lsetjmp"),
        ("__cxa_pure_virtual", "-lc++abi"),
        ("__cxa_guard_acquire", "-lc++abi"),
        ("_Znwm", "-lc++"),
        ("__multi3", "builtins"),
        ("__cxa_atexit", None),
        ("longjmper", None),
        ("remainder", None),
    ],
)
def test_part_of_the_runtime(name: str, part: str | None) -> None:
    advice = Advice().on(name.encode())
    assert (part in advice) if part and advice else advice is part


def test_advice_is_given_once(compile_at: Compile, explain: Explain) -> None:
    text = (
        "void __cxa_throw(void); void __cxa_begin_catch(void); void run(void) { __cxa_throw(); __cxa_begin_catch(); }"
    )
    found = explain(compile_at("a.c", text))
    assert len(found) == 2
    assert sum("C++ exceptions" in hint for hints in found.values() for hint in hints) == 1


# Exports


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("first_nmae", "did you mean: first_name"),
        ("plain", 'did you mean to declare plain(int) as extern "C"?'),
        ("nothing_like_it", None),
    ],
)
def test_missing_export(asked: str, hint: str | None, compile_at: Compile) -> None:
    obj = compile_at("a.cpp", 'extern "C" int first_name(void) { return 1; }\nint plain(int x) { return x; }\n')
    for shared in (False, True):
        with pytest.raises(LinkError) as caught:
            link(
                LinkOptions(
                    inputs=[obj],
                    entry=None,
                    output=None,
                    exports=[asked],
                    shared=shared,
                    unresolved_symbols=UnresolvedPolicy.IMPORT_DYNAMIC if shared else UnresolvedPolicy.REPORT_ERROR,
                )
            )
        errors = [entry for entry in caught.value.diagnostics if entry.severity is Severity.ERROR]
        assert [error.text for error in errors] == [f"symbol exported via --export not found: {asked}"]
        assert errors[0].hints == ((hint, f"defined in: {obj}") if hint else ())


class Looked(dict[bytes, Symbol]):
    """A table that counts lookups."""

    lookups = 0

    def get(self, key: bytes, default: Any = None, /) -> Any:
        self.lookups += 1
        return super().get(key, default)


def test_suggestions_for_many_names_cost_little() -> None:
    """A long name has ten thousand typos: after some names they are not looked up any more."""
    symbols = Looked(table("some_function"))
    spelling = Spelling(symbols)
    counts = []
    for i in range(1000):
        spelling.likely(Symbol(b"a_very_long_name_of_a_function_%06d" % i, SymbolKind.FUNCTION, UNDEFINED, 0, None))
        counts.append(symbols.lookups)
    assert counts[9] > 10_000
    assert counts[-1] == counts[-500]
    assert spelling.likely(Symbol(b"Some_Function", SymbolKind.FUNCTION, UNDEFINED, 0, None)) is not None
