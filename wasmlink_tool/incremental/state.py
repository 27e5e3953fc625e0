"""The state of a finished link, as stored in the cache directory.

It is a record of columns (:mod:`..stored`) with a checksum. A state that is damaged, foreign or of another version is
ignored. The meaning of its numbers is checked where they are used: whoever can write to a cache may have forged them,
so that any of them may be out of range; a link that finds such a number starts again without the state.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Mapping, Sequence
from itertools import pairwise
from struct import error

from ..files import frame, read_frame, working_directory
from ..identity import linker_stamp
from ..inputs.input_files import ObjectSource
from ..inputs.known_files import FileChangedError
from ..inputs.packs import write_file
from ..inputs.parse_cache import content_key
from ..options import FIELDS, LinkOptions
from ..output.encoding import Chunk
from ..records import record
from ..stored import (
    StoredError,
    pack_array,
    pack_groups,
    pack_numbers,
    pack_record,
    pack_strings,
    record_chunks,
    unpack_array,
    unpack_columns,
    unpack_groups,
    unpack_numbers,
    unpack_record,
    unpack_strings,
)
from ..version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    Buffer = bytes | memoryview

_MAGIC: Final = f"wasmlink {__version__} state 12\n".encode()
"""Increase the number when the stored data or its encoding changes."""
UNFIT: Final = (AssertionError, FileChangedError, LookupError, OverflowError, TypeError, ValueError, error)
"""Exceptions that a forged state may cause, since a state is protected by a checksum only. The link then starts again,
without the state."""
ROW: Final = 13
"""Numbers in a row of the foreign symbols."""
INTERNAL: Final = -1
"""In place of an object's ordinal: the linker's own file."""
NO_FILE: Final = -2
PLACE: Final = 4
"""The number of numbers for a segment."""


@record()
class Decisions:
    """The link's decisions about an object in the output; read if the object changed, or a changed one refers to it."""

    function_live: bytes
    function_numbers: Buffer
    """Columns of 32-bit numbers, as the next ones."""
    function_offsets: Buffer
    slots: dict[int, int]
    types: dict[int, int]
    globals: list[int]
    tags: list[int]
    tables: list[int]
    """The numbers of the live ones, -1 for others."""
    segments: list[tuple[int, int, int, int] | None]
    """For live segments: address, offset in the output segment, position in the module (or -1), flags."""
    symbols: Buffer
    """For each symbol, -1 if the file's own symbol table describes it completely, else a row of the foreign symbols."""
    discarded: list[int]
    """Custom sections that another file provides."""
    segment_pieces: dict[int, list[int]]
    """For merged data segments, the offsets of their strings in the merged chunk."""

    def packed(self) -> bytes:
        segments: list[int] = []
        for index, place in enumerate(self.segments):
            if place is not None:
                segments += (index, *place)
        groups = [
            _flat(self.slots),
            _flat(self.types),
            self.globals,
            self.tags,
            self.tables,
            [len(self.segments)],
            segments,
            self.discarded,
            [*self.segment_pieces],
            *self.segment_pieces.values(),
        ]
        return pack_record(
            [self.function_live, self.function_numbers, self.function_offsets, self.symbols, pack_groups(groups)]
        )


def unpack_decisions(packed: Buffer) -> Decisions:
    """Return the decisions.

    :raises StoredError: the column is not a packed :class:`Decisions`.
    """
    live, numbers, offsets, symbols, rest = unpack_record(packed, 5)
    groups = unpack_groups(rest)
    if len(groups) < 9:
        raise StoredError("decisions that are cut short")
    slots, types, globals_, tags, tables, count, places, discarded, merged = groups[:9]
    # An object has no more segments than a column of them has bytes.
    if len(count) != 1 or not 0 <= count[0] <= _MOST_SEGMENTS or len(merged) != len(groups) - 9:
        raise StoredError("decisions that do not fit together")
    segments: list[tuple[int, int, int, int] | None] = [None] * count[0]
    step = PLACE + 1
    for at in range(0, len(places) - PLACE, step):
        index, address, offset, position, flags = places[at : at + step]
        if not 0 <= index < len(segments):
            raise StoredError("the place of a segment that is not there")
        segments[index] = address, offset, position, flags
    return Decisions(
        function_live=bytes(live),
        function_numbers=numbers,
        function_offsets=offsets,
        slots=_pairs(slots),
        types=_pairs(types),
        globals=globals_,
        tags=tags,
        tables=tables,
        segments=segments,
        symbols=symbols,
        discarded=discarded,
        segment_pieces=dict(zip(merged, groups[9:])),
    )


_MOST_SEGMENTS: Final = 1 << 20


def _flat(numbers: dict[int, int]) -> list[int]:
    return [number for pair in numbers.items() for number in pair]


def _pairs(numbers: list[int]) -> dict[int, int]:
    return dict(zip(numbers[::2], numbers[1::2]))


PackedOrder = list[tuple[int, bytes, int, int, bytes, int, int]]


@record()
class FileState:
    """An object in the output. Positions count from the start of the module."""

    path: str
    """The file that was read: the object, or its archive."""
    start: int
    """The object's offset in that file, in bytes; -1 for a member of a thin archive, which is a separate file."""
    key: str
    """The key of its bytes in the cache of parsed objects."""
    code_start: int
    """The range of its functions in the output code section's contents; they are adjacent."""
    code_size: int
    sections: dict[int, tuple[int, int, int]]
    """The custom sections in the output: output section, offset in its contents, size."""
    pieces: dict[int, Buffer]
    """Merged custom sections: the offsets of their strings in the output section, of 32 bits."""
    packed: Buffer
    """Its :class:`Decisions`."""

    def decisions(self) -> Decisions:
        return unpack_decisions(self.packed)


def empty_file(path: str) -> FileState:
    """Return an object without anything in it."""
    nothing = Decisions(
        function_live=b"",
        function_numbers=b"",
        function_offsets=b"",
        slots={},
        types={},
        globals=[],
        tags=[],
        tables=[],
        segments=[],
        symbols=b"",
        discarded=[],
        segment_pieces={},
    )
    return FileState(path, 0, "", 0, 0, {}, {}, nothing.packed())


@record()
class State:
    """A finished link."""

    read: list[tuple[str, tuple[int, ...], str, int]]
    """Every file that was read: path, stamp, key of the contents, kind (see :mod:`..inputs.known_files`)."""
    given: str
    """The inputs as given."""
    inputs: list[str]
    """The path of each input, libraries found."""
    is_exact: bool
    """Whether a link without passes may start from the state; otherwise some columns are empty."""
    files: list[FileState]
    internal: FileState
    """The linker's own functions and globals."""
    foreign: Buffer
    """Rows of 64-bit numbers, see :mod:`.record`."""
    code: tuple[int, int]
    """The code section's contents in the module: start and end."""
    custom: list[tuple[bytes, int, int, int]]
    """The custom sections that are made from the inputs': name, start of the header, start of the contents after the
    name, end."""
    moving: list[dict[int, tuple[int, int]]]
    """For each file, by section, the range of its note (:mod:`.moved_fields`) in ``columns``."""
    order: list[PackedOrder]
    """With packed data, the sorted output segments: key, file and index of each input, in order."""
    names: Buffer
    """All names in the symbol table, packed."""
    data: list[Chunk]
    """The :class:`..data_state.DataState`, packed; in one piece, once it was loaded, which is empty where there is
    none."""
    link: Buffer
    """The link's :mod:`.link_columns`, packed; empty where there are none."""
    table_base: int
    tls_base: int
    """The same as in :class:`..linking.relocation_values.Bases`."""
    columns: array[int]
    module: list[Chunk]
    """The module in one writable piece, once it was loaded."""


def state_magic() -> bytes:
    """Return the bytes that a state of this version begins with."""
    return _MAGIC


def is_saved(options: LinkOptions) -> bool:
    """Return whether links with these options save a state."""
    return options.cache_directory is not None and not whole_link_option(options)


def whole_link_option(options: LinkOptions) -> str:
    """Return the option for which each link is a whole one, empty if there is none. Objects that are linked again refer
    to everything; debug information of compressed functions moves with each number in them, and in another order of
    functions an object's are not side by side."""
    follows_code = options.compress_relocations and options.keeps_debug_information
    chosen = {
        "--relocatable": options.relocatable,
        "--emit-relocs": options.emit_relocs,
        "--renumber": options.renumber,
        "--compress-relocations with debug information": follows_code,
    }
    return next((option for option, is_chosen in chosen.items() if is_chosen), "")


def state_key(options: LinkOptions) -> str:
    """Return the name of a link's state, derived from its options, its directory and the linker."""
    identity: list[object] = [working_directory(), linker_stamp()]
    # The other fields cannot matter: a link saves a state only if a warm link supports their values.
    identity += [
        (field.name, repr(getattr(options, field.name)))
        for field in FIELDS
        if field.significant and (field.name != "inputs" or options.output is None)
    ]
    return content_key(repr(identity).encode("utf-8", "surrogateescape"))


def _text(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _texts(column: Buffer) -> list[str]:
    return [text.decode("utf-8", "surrogateescape") for text in unpack_strings(column)]


def _encoded(key: str, state: State) -> list[Chunk]:
    files = [*state.files, state.internal]
    columns: list[Chunk | Sequence[Chunk]] = [
        _text(key),
        _text(state.given),
        pack_strings([_text(path) for path, _, _, _ in state.read]),
        pack_groups([[*stamp, kind] for _, stamp, _, kind in state.read]),
        pack_strings([_text(key) for _, _, key, _ in state.read]),
        pack_strings([_text(path) for path in state.inputs]),
        pack_strings([_text(file.path) for file in files]),
        pack_strings([_text(file.key) for file in files]),
        pack_groups([[file.start, file.code_start, file.code_size] for file in files]),
        pack_groups(
            [[number for index, place in file.sections.items() for number in (index, *place)] for file in files]
        ),
        pack_groups([[n for index, offsets in file.pieces.items() for n in (index, len(offsets))] for file in files]),
        [offsets for file in files for offsets in file.pieces.values()],
        record_chunks([file.packed for file in files]),
        state.foreign,
        pack_numbers([*state.code, state.is_exact, state.table_base, state.tls_base]),
        pack_strings([name for name, _, _, _ in state.custom]),
        pack_groups([[*numbers] for _, *numbers in state.custom]),
        pack_groups([[n for index, place in sections.items() for n in (index, *place)] for sections in state.moving]),
        pack_record([_packed_order(order) for order in state.order]),
        state.names,
        state.data,
        state.link,
        pack_array("I", state.columns),
        state.module,
    ]
    return frame(_MAGIC, record_chunks(columns))


_COLUMNS: Final = 24


def _packed_order(order: PackedOrder) -> bytes:
    numbers = [[row[0], row[2], row[3], row[5], row[6]] for row in order]
    return pack_record(
        [pack_groups(numbers), pack_strings([row[1] for row in order]), pack_strings([row[4] for row in order])]
    )


def _unpacked_order(packed: Buffer) -> PackedOrder:
    numbers, prefixes, suffixes = unpack_record(packed, 3)
    return [
        (category, prefix, alignment, references, suffix, file, index)
        for (category, alignment, references, file, index), prefix, suffix in zip(
            unpack_groups(numbers), unpack_strings(prefixes), unpack_strings(suffixes)
        )
    ]


def _decoded(data: memoryview, key: str) -> State | None:
    columns = unpack_record(data, _COLUMNS)
    if columns[0] != _text(key):
        return None
    files = _files(columns[6:13])
    code_start, code_end, is_exact, table_base, tls_base = unpack_numbers(columns[14])
    module = columns[23]
    assert isinstance(module, memoryview)
    custom = [
        (name, header, start, end)
        for name, (header, start, end) in zip(unpack_strings(columns[15]), unpack_groups(columns[16]))
    ]
    for start, end in ((code_start, code_end), *((header, end) for _, header, _, end in custom)):
        if not 0 <= start <= end <= len(module):
            raise StoredError("a section that is not in the module")
    return State(
        read=[
            (path, tuple(numbers[:-1]), entry, numbers[-1])
            for path, numbers, entry in zip(_texts(columns[2]), unpack_groups(columns[3]), _texts(columns[4]))
        ],
        given=bytes(columns[1]).decode("utf-8", "surrogateescape"),
        inputs=_texts(columns[5]),
        is_exact=bool(is_exact),
        files=files[:-1],
        internal=files[-1],
        foreign=columns[13],
        code=(code_start, code_end),
        custom=custom,
        moving=[{n[0]: (n[1], n[2]) for n in _rows(numbers, 3)} for numbers in unpack_groups(columns[17])],
        order=[_unpacked_order(packed) for packed in unpack_columns(columns[18])],
        names=columns[19],
        data=[columns[20]],
        link=columns[21],
        table_base=table_base,
        tls_base=tls_base,
        columns=unpack_array("I", columns[22]),
        module=[module],
    )


def _files(columns: list[Buffer]) -> list[FileState]:
    paths, keys, numbers, sections, counts, offsets, packed = columns
    found = []
    at = 0
    for path, key, (start, code_start, code_size), places, sizes, decisions in zip(
        _texts(paths),
        _texts(keys),
        unpack_groups(numbers),
        unpack_groups(sections),
        unpack_groups(counts),
        unpack_columns(packed),
    ):
        pieces: dict[int, Buffer] = {}
        for index, size in _rows(sizes, 2) if sizes else ():
            if not 0 <= size <= len(offsets) - at:
                raise StoredError("offsets of strings that are not there")
            pieces[index] = offsets[at : at + size]
            at += size
        found.append(
            FileState(
                path=path,
                start=start,
                key=key,
                code_start=code_start,
                code_size=code_size,
                sections={row[0]: (row[1], row[2], row[3]) for row in _rows(places, 4)} if places else {},
                pieces=pieces,
                packed=decisions,
            )
        )
    if not found:
        raise StoredError("a link without files")
    return found


def _rows(numbers: list[int], size: int) -> list[list[int]]:
    if len(numbers) % size:
        raise StoredError("rows that are cut short")
    return [numbers[start:end] for start, end in pairwise(range(0, len(numbers) + 1, size))]


def column(data: Buffer, code: str = "i") -> array[int]:
    """Return the numbers of a packed column."""
    return unpack_array(code, data)


def path_of(directory: str, key: str) -> str:
    return os.path.join(directory, "links", key)


def load(directory: str, key: str) -> State | None:
    """Return the state, or ``None`` if there is no usable one."""
    data = read_frame(path_of(directory, key), _MAGIC)
    try:
        return None if data is None else _decoded(data, key)
    except (LookupError, TypeError, ValueError):
        return None


def is_first_patch(directory: str, key: str, state: State, changed: Mapping[int, ObjectSource | None]) -> bool:
    """Return whether no earlier link has patched the state's module with many changed objects, or only with the same
    ones, and note that this one does.

    Patching leaves no new state: every next link would have to link the same objects again.
    """

    def digest(told: object) -> bytes:
        return content_key(repr(told).encode("utf-8", "surrogateescape")).encode()

    path = path_of(directory, content_key(f"patched {key}".encode()))
    identity = digest(state.read)
    versions = digest(
        [
            (ordinal, "" if of is None else content_key(memoryview(of.data)[of.start : of.end]))
            for ordinal, of in sorted(changed.items(), key=lambda item: item[0])
        ]
    )
    known = read_frame(path, _MAGIC)
    if known is not None and known[: len(identity)] == identity:
        return known[len(identity) :] == versions
    write_file(path, frame(_MAGIC, [identity, versions]))
    return True


def save(directory: str, key: str, state: State) -> int:
    """Write a state; return its size in bytes, 0 if the directory cannot be written to."""
    return write_file(path_of(directory, key), _encoded(key, state))
