"""Objects changed in ways that only a look at more than one of them, or at their flags, shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.cache.again import compiled, linked
from wasmlink_tool.inputs import parse_cache

MAIN = 'extern "C" int a(int); extern "C" int b(int); extern "C" void _start() { a(b(1)); }'


def _link(work: Path, sources: Mapping[str, str], *, debug: bool = False) -> bytes | str:
    # As in a new process.
    parse_cache.forget()
    return linked(work, compiled(work, sources), strip_debug=not debug)


def test_two_objects_newly_define_one_name(tmp_path: Path) -> None:
    sources = {"main.cc": MAIN}
    sources.update({f"{n}.cc": f'extern "C" int {n}(int x) {{ return x; }} int {n}2() {{ return 2; }}' for n in "ab"})
    assert isinstance(_link(tmp_path, sources), bytes)
    for name in "ab":
        sources[f"{name}.cc"] += " int added() { return 1; }"
    assert "duplicate symbol" in str(_link(tmp_path, sources))


def test_new_data_that_is_kept_by_itself(tmp_path: Path) -> None:
    sources = {"main.cc": MAIN, "b.cc": 'extern "C" int b(int x) { return x; }'}
    sources["a.cc"] = 'int old = 1; extern "C" int a(int x) { return x + old; }'
    before = _link(tmp_path, sources)
    # Without a symbol, whose flags would tell it as well.
    sources["a.cc"] += r'__asm__(".section .data.kept,\"R\",@\n.int32 0x77777777\n");'
    after = _link(tmp_path, sources)
    assert isinstance(after, bytes)
    assert b"\x77\x77\x77\x77" in after
    assert after != before


def test_debug_information_of_one_changed_object_names_functions_of_another(tmp_path: Path) -> None:
    # Both have the inline function; the first one's is linked, and the second one's debug information is told of it.
    def sources(more: str) -> dict[str, str]:
        inline = "inline __attribute__((noinline)) int shared(int x) { return x * 77; }"
        before = f'extern "C" __attribute__((noinline)) int before(int x) {{ {more} return x ^ 3; }}'
        return {
            "main.cc": MAIN,
            "a.cc": f'{before} {inline} extern "C" int a(int x) {{ {more} return before(x) + shared(x); }}',
            "b.cc": f'{inline} extern "C" int b(int x) {{ {more} return shared(x) * 3; }}',
        }

    for count in (1, 2, 40):
        assert isinstance(_link(tmp_path, sources('asm volatile("nop");' * count), debug=True), bytes)


def test_a_changed_object_names_a_merged_string_of_another(tmp_path: Path) -> None:
    # Merged, the strings stand in the other order.
    strings = (
        r'__asm__(".section .rodata.str,\"S\",@\n.globl one\n.type one,@object\none:\n.asciz \"hello!\"\n.size one,7\n'
        r'.globl two\n.type two,@object\ntwo:\n.asciz \"worlz\"\n.size two,6\n");'
    )
    sources = {"main.cc": MAIN, "b.cc": strings + 'extern "C" int b(int x) { return x; }'}
    for more in ("", 'asm volatile("nop");'):
        sources["a.cc"] = f'extern "C" char two[]; extern "C" int a(int x) {{ {more} return x + (int)two; }}'
        assert isinstance(_link(tmp_path, sources), bytes)
