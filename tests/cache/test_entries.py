"""Entries of the cache: an object is what it was, and what is no entry does no harm."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

import pytest

from tests.cache.again import compiled
from wasmlink_tool import stored
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.inputs import entries, entry_writer, parse_cache
from wasmlink_tool.inputs.object_file import PARSED, ObjectFile
from wasmlink_tool.inputs.object_reader import read_object
from wasmlink_tool.inputs.packs import Packs
from wasmlink_tool.linker import link
from wasmlink_tool.options import LinkOptions, UnresolvedPolicy

SOURCES = {
    "a.cc": """
        struct Base { virtual int f(int); };
        inline int shared(int x) { static int count; return count += x; }
        extern thread_local int other;
        thread_local int mine = 3;
        extern "C" __attribute__((import_module("host"), import_name("log"))) void log(const char *);
        extern "C" __attribute__((export_name("named"))) int named(Base &b) { log("text"); return b.f(mine); }
        static int made = named(*new Base);
        int (*pointer)(int) = shared;
        void _start() { pointer(other + made); }
    """,
    "b.c": "int empty;",
    "c.c": """
        void *data[] = {data, "one", "two"};
        __attribute__((constructor(7))) static void start(void) { data[0] = 0; }
        __asm__(".tagtype tag i32\\n.globl tag\\ntag:\\n");
    """,
}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    work = tmp_path_factory.mktemp("objects")
    found = []
    for flags in (["-g"], ["-fPIC"], ["-pthread", "-fvisibility=hidden"]):
        found += [Path(path).read_bytes() for path in compiled(work, SOURCES, flags=flags)]
    return found


def _decoded(data: bytes) -> ObjectFile:
    obj = read_object(data)
    for section in range(len(obj.sections)):
        obj.relocations(section)
    return obj


def _attributes(kind: type) -> list[str]:
    """The attributes of a class of ours: of an interpreted one, its slots; of a compiled one, fields of a C struct."""
    return [
        name
        for base in kind.__mro__
        if base.__module__.startswith("wasmlink_tool.")
        for name, value in vars(base).items()
        if isinstance(value, (MemberDescriptorType, GetSetDescriptorType)) and not name.startswith("__")
    ]


def _plain(value: Any) -> Any:
    """A value as what can be compared."""
    names = _attributes(type(value))
    if names:
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, array)):
        return [_plain(entry) for entry in value]
    return value


def test_an_object_is_what_it_was(objects: list[bytes]) -> None:
    for data in objects:
        obj = _decoded(data)
        entry = entry_writer.encode_object(obj)
        for before in (b"", b"before"):
            moved = before + data + b"behind"
            again = entries.decode_object(entry, moved, len(before), len(before) + len(data))
            assert again is not None
            assert again.decoded_sections() == [s for s in obj.relocation_sections() if obj.sections[s].id]
            for section in obj.relocation_sections():
                assert _plain(again.relocations(section)) == _plain(obj.relocations(section))
            for name in PARSED:
                if name not in ("_relocations", "_ranges", "_data_count", "is_cached"):
                    assert _plain(getattr(again, name)) == _plain(getattr(obj, name)), name
            assert [(s.id, s.name, s.start - len(before), s.end - len(before)) for s in again.sections] == [
                (s.id, s.name, s.start, s.end) for s in obj.sections
            ]
        assert entries.decode_object(entry, data + b"longer", 0, len(data) + 6) is None
        assert entries.decode_object(entry, b"", 0, 0) is not None


def _mutations(entry: bytes, pick: random.Random) -> Iterator[bytes]:
    """Entries that are well-formed columns of other numbers, and bytes that are not even that."""
    numbers, names, *others = stored.unpack_columns(entry)
    values, texts = stored.unpack_numbers(numbers), stored.unpack_strings(names)
    for _ in range(150):
        changed = list(values)
        for _ in range(pick.randrange(1, 4)):
            at = pick.randrange(len(changed))
            changed[at] = pick.choice([0, 1, changed[at] + 1, changed[at] * 2, 127, 1 << 16, 1 << 32, (1 << 63) - 1])
        yield stored.pack_record([stored.pack_numbers(changed), names, *others])
    for _ in range(30):
        text = list(texts)
        text[pick.randrange(len(text))] = pick.choice([b"", b"\xff", b"\x60\x01", bytes(40)])
        yield stored.pack_record([numbers, stored.pack_strings(text), *others])
    for _ in range(30 if others else 0):
        columns = list(others)
        at = pick.randrange(len(columns))
        column = bytearray(columns[at])
        if column:
            column[pick.randrange(len(column))] ^= 1 << pick.randrange(8)
        yield stored.pack_record([numbers, names, *columns[:at], bytes(column), *columns[at + 1 :]])
    for _ in range(100):
        damaged = bytearray(entry[: pick.choice([len(entry), pick.randrange(len(entry))])])
        if damaged:
            damaged[pick.randrange(len(damaged))] ^= 1 << pick.randrange(8)
        yield bytes(damaged)


@pytest.mark.parametrize("seed", range(4))
def test_a_crafted_entry_ends_in_a_link(objects: list[bytes], seed: int, tmp_path: Path) -> None:
    """Whoever writes a cache decides what its modules hold, but not that a link ends otherwise than with a module or an
    error."""
    pick = random.Random(seed)
    data = objects[seed]
    (tmp_path / "a.o").write_bytes(data)
    key = parse_cache.content_key(data)
    entry = entry_writer.encode_object(_decoded(data))
    for number, crafted in enumerate(_mutations(entry, pick)):
        entries.decode_object(crafted, data, 0, len(data))
        if number % 6:
            continue
        parse_cache.forget()
        directory = tmp_path / f"cache{number}"
        assert Packs(str(directory)).write({key: crafted})
        options = LinkOptions(
            inputs=[str(tmp_path / "a.o")],
            output=None,
            entry=None,
            unresolved_symbols=UnresolvedPolicy.IGNORE,
            export_all=True,
            cache_directory=str(directory),
        )
        try:
            link(options)
        except LinkError:
            continue


# Archives


def test_an_index_is_what_it_was(tmp_path: Path) -> None:
    index: entries.ArchiveIndex = [("a.o", 68, 90, [b"f", b"g"]), ("b\udcff.o", 150, 150, None), ("c", 210, 300, [])]
    packed = entry_writer.encode_index(index)
    assert entries.decode_index(packed, 300) == index
    assert entries.decode_index(packed) == index
    assert entries.decode_index(packed, 299) is None
    assert entries.decode_index(entry_writer.encode_index([])) == []
    pick = random.Random(1)
    for _ in range(3000):
        damaged = bytearray(packed)
        damaged[pick.randrange(len(damaged))] ^= 1 << pick.randrange(8)
        found = entries.decode_index(bytes(damaged[: pick.randrange(len(damaged) + 1)] or damaged), 300)
        assert found is None or all(0 <= start <= end <= 300 for _, start, end, _ in found)
