"""Files that hold more symbols than they could use: local symbols that nothing names change no module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fuzz import mutate
from tests.fuzz.corpus import SOURCES
from tests.support.objects import DATA, FUNCTION, LOCAL, SECTION, leb, name, symbol
from tests.support.toolchain import compile_object
from wasmlink_tool import LinkOptions, link
from wasmlink_tool.inputs.object_reader import read_object
from wasmlink_tool.linking.lazy_symbols import is_dense
from wasmlink_tool.options import IcfLevel, UnresolvedPolicy

SYMBOL_TABLE = 8


def with_symbols(data: bytes, added: bytes, count: int) -> bytes:
    """An object with ``count`` encoded symbols more, behind its own."""
    sections, _ = mutate.split(data)
    for number, (identity, content) in enumerate(sections):
        if identity == 0 and content.startswith(b"\7linking"):
            out, position = content[:9], 9
            while position < len(content):
                size, start = mutate.read_uleb(content, position + 1)
                part = content[start : start + size]
                if content[position] == SYMBOL_TABLE:
                    own, after = mutate.read_uleb(part, 0)
                    part = leb(own + count) + part[after:] + added
                out += content[position : position + 1] + mutate.blob(part)
                position = start + size
            sections[number] = identity, out
    return mutate.join(sections)


def dense(data: bytes) -> bytes:
    """The object with so many local symbols that it holds little else."""
    obj = read_object(data)
    debug = next((i for i, section in enumerate(obj.sections) if section.name == b".debug_info"), None)
    first = leb(len(obj.imported_functions))
    rows = [symbol(FUNCTION, LOCAL, first, name("")), symbol(DATA, LOCAL, name("x"), leb(0), leb(0), leb(1))]
    if debug is not None:
        rows.append(symbol(SECTION, LOCAL, leb(debug)))
    count = len(data) // 8
    found = with_symbols(data, b"".join(rows) * count, count * len(rows))
    assert is_dense(read_object(found))
    assert not is_dense(obj)
    return found


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gc_sections": False},
        {"strip_debug": True},
        {"export_all": True},
        {"allow_multiple_definition": True, "wrap": ["f", "h"]},
        {"trace_symbols": ["f"], "demangle": False},
        {"shared": True, "entry": None},
        {"icf": IcfLevel.ALL},
        {"build_id": "sha1", "compress_relocations": True, "strip_debug": True},
    ],
    ids=str,
)
def test_symbols_that_nothing_names_change_no_module(options: dict[str, object], tmp_path: Path) -> None:
    cache = tmp_path / "objects"
    cache.mkdir()
    names = ["pic.o"] if "shared" in options else ["c.o", "cpp.o", "pic.o"]
    modules = []
    for change in (bytes, dense):
        for title in names:
            suffix, text = SOURCES[title]
            # A static function and a string of the object's own, too.
            text += '\nstatic __attribute__((noinline)) int own(int x) { asm(""); return x + 1; }\n'
            text += 'static __attribute__((noinline)) int same(int x) { asm(""); return x + 1; }\n'
            text += f'const char *keep_{title[:-2]}(int x) {{ return own(x) + same(x) ? "text" : "other text"; }}\n'
            (tmp_path / title).write_bytes(change(compile_object(text, suffix, cache)))
        inputs = [str(tmp_path / title) for title in names]
        given: dict[str, Any] = {"unresolved_symbols": UnresolvedPolicy.IGNORE, "entry": None, **options}
        given["exports_if_defined"] = ["f", "keep_c"]
        result = link(LinkOptions(inputs=inputs, output=None, **given))
        modules.append((result.module, [str(entry) for entry in result.diagnostics]))
    assert modules[0] == modules[1]


def test_map_of_a_file_of_symbols(tmp_path: Path) -> None:
    """Code that iterates over all symbols visits each once."""
    cache = tmp_path / "objects"
    cache.mkdir()
    text = "int d = 1; static int own(int x) { return x; } int (*f(void))(int) { return own; }\n"
    (tmp_path / "a.o").write_bytes(dense(compile_object(text, ".c", cache)))
    chosen: dict[str, Any] = {"exports": ["f"], "entry": None, "map_file": str(tmp_path / "m")}
    link(LinkOptions(inputs=[str(tmp_path / "a.o")], output=None, **chosen))
    words = (tmp_path / "m").read_text().split()
    assert words.count("own") >= 1
