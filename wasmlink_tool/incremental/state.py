"""The state of a finished link, as it stands in the cache directory.

It is data only, and self-contained: numbers, bytes, and columns of numbers that load with one copy. Each of its parts
has a checksum; a state that is damaged, foreign or of another version is as good as none.
"""

from __future__ import annotations

import marshal
import os
import sys
from array import array
from contextlib import suppress
from itertools import chain
from zlib import crc32

from ..files import open_regular, working_directory
from ..identity import linker_stamp
from ..inputs.packs import PLAIN, write_file
from ..inputs.parse_cache import content_key
from ..options import FIELDS, LinkOptions
from ..output.encoding import Chunk
from ..records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BufferedReader
    from typing import Final

_LARGE: Final = 4 << 20
_STEP: Final = 1 << 18
_MAGIC: Final = b"wasmlink state 5\n"
"""Its number changes with whatever is stored or how."""


@record()
class Decisions:
    """What the link decided about an object in the output: asked for where the object changed, or a changed one names
    what is in it."""

    function_live: bytes
    function_numbers: bytes
    """Columns of 32-bit numbers, as the next ones."""
    function_offsets: bytes
    slots: dict[int, int]
    types: dict[int, int]
    globals: list[int]
    tags: list[int]
    tables: list[int]
    """The numbers of the live ones, -1 for others."""
    segments: list[tuple[int, int, int, int] | None]
    """Of live ones: address, offset in its output segment, position in the module (or -1), flags."""
    symbols: bytes
    """Of each symbol: -1 for what the file's own symbol table says in full, else a row of the foreign symbols."""
    discarded: list[int]
    """Custom sections that another file provides."""
    segment_pieces: dict[int, list[int]]
    """Of merged data segments, the offsets of their strings in the merged chunk."""

    def packed(self) -> bytes:
        return marshal.dumps([getattr(self, name) for name in _DECISIONS], PLAIN)


@record()
class FileState:
    """An object in the output. Positions count from the start of the module."""

    path: str
    """What was read: the object, or the archive that it is a member of."""
    start: int
    """Where it starts there, in bytes; -1 for the member of a thin archive, which is a file of its own."""
    key: str
    """Of its bytes, in the cache of parsed objects."""
    code_start: int
    """Of its functions in the output code section's contents, which stand together."""
    code_size: int
    sections: dict[int, tuple[int, int, int]]
    """The custom sections in the output: output section, offset in its contents, size."""
    pieces: dict[int, bytes]
    """Merged custom sections: the offsets of their strings in the output section."""
    packed: bytes
    """Its :class:`Decisions`."""

    def decisions(self) -> Decisions:
        return Decisions(*marshal.loads(self.packed))


@record()
class State:
    """A finished link."""

    read: list[tuple[str, tuple[int, ...], str, int]]
    """Every file that was read: path, stamp, key of the contents, kind (see :mod:`..inputs.known_files`)."""
    given: str
    """The inputs as they were given."""
    inputs: list[str]
    """The path of each input, libraries found."""
    is_exact: bool
    """Whether a link may begin with it that repeats no decision; otherwise some columns are empty."""
    files: list[FileState]
    internal: FileState
    """The linker's own functions and globals."""
    foreign: bytes
    """Rows of 64-bit numbers, see :mod:`.record`."""
    code: tuple[int, int]
    """The code section's contents in the module: start and end."""
    custom: list[tuple[bytes, int, int, int]]
    """The custom sections that are made of the inputs': name, start of the header, start of the contents behind the
    name, end."""
    moving: list[dict[int, tuple[int, int]]]
    """Of each file, section by section: from where to where its note of :class:`.moving.MovingFields` is in
    ``columns``."""
    packed: bytes
    """With packed data, the sorted output segments: of each input in order its key, file and index; marshalled."""
    names: bytes
    """All names in the symbol table, packed."""
    table_base: int
    tls_base: int
    """As in :class:`..linking.relocate.Bases`."""
    columns: array[int]
    module: list[Chunk]
    """Once it was loaded, one piece that may be changed."""


_HEAD: Final = [name for name in State.__annotations__ if name not in ("columns", "module")]
_FILE: Final = list(FileState.__annotations__)
_DECISIONS: Final = list(Decisions.__annotations__)


def is_saved(options: LinkOptions) -> bool:
    """Return whether links with these options leave a state. An object that is linked again names everything."""
    return options.cache_directory is not None and not options.relocatable and not options.emit_relocs


def state_key(options: LinkOptions) -> str:
    """The name of the state of a link: of its options, its directory and the linker."""
    told: list[object] = [working_directory(), linker_stamp(), sys.byteorder, marshal.version]
    # Of a field on which the module does not depend, a link that leaves a state has a value that a warm link respects.
    told += [
        (field.name, repr(getattr(options, field.name)))
        for field in FIELDS
        if field.significant and (field.name != "inputs" or options.output is None)
    ]
    return content_key(repr(told).encode("utf-8", "surrogateescape"))


def _encoded(key: str, state: State) -> list[Chunk]:
    head = {name: getattr(state, name) for name in _HEAD}
    head["files"] = [[getattr(entry, name) for name in _FILE] for entry in state.files]
    head["internal"] = [getattr(state.internal, name) for name in _FILE]
    parts: list[list[Chunk]] = [[marshal.dumps(head, PLAIN)], [memoryview(state.columns).cast("B")], state.module]
    index = [key, *map(_measured, parts)]
    first = marshal.dumps(index, PLAIN)
    start = _MAGIC + crc32(first).to_bytes(4, "little") + len(first).to_bytes(4, "little") + first
    return [start, *chain.from_iterable(parts)]


def _measured(part: list[Chunk]) -> tuple[int, int]:
    """Bytes and checksum."""
    checksum = 0
    for chunk in part:
        checksum = crc32(chunk, checksum)
    return sum(map(len, part)), checksum


def read(file: BufferedReader, key: str) -> State | None:
    """The state, or ``None`` where there is none that can be used."""
    try:
        if file.read(len(_MAGIC)) != _MAGIC:
            return None
        checksum, size = (int.from_bytes(file.read(4), "little") for _ in range(2))
        first = file.read(min(size, 1 << 16))
        if crc32(first) != checksum:
            return None
        index = marshal.loads(first)
        if index[0] != key:
            return None
        parts = []
        for length, checksum in index[1:]:
            part = _room(length)
            seen = 0
            for start in range(0, length, _STEP):
                # While it is in the processor's cache.
                piece = part[start : start + _STEP]
                if file.readinto(piece) != len(piece):
                    return None
                seen = crc32(piece, seen)
            if seen != checksum:
                return None
            parts.append(part)
        head, packed, module = parts
        values = marshal.loads(head)
        values["files"] = [FileState(*entry) for entry in values["files"]]
        values["internal"] = FileState(*values["internal"])
        columns = array("I")
        columns.frombytes(packed)
        return State(**values, columns=columns, module=[module])
    except (OSError, ValueError, TypeError, EOFError, LookupError):
        return None


def _room(size: int) -> memoryview:
    """Memory for so many bytes. To touch new memory page by page takes longer than to read it from a file: where the
    system has large pages, these are asked for."""
    if size >= _LARGE:
        import mmap

        if hasattr(mmap, "MADV_HUGEPAGE"):
            room = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            with suppress(OSError):
                room.madvise(mmap.MADV_HUGEPAGE)
            return memoryview(room)
    return memoryview(bytearray(size))


def column(data: bytes, code: str = "i") -> array[int]:
    """The numbers of a packed column."""
    numbers = array(code)
    numbers.frombytes(data)
    return numbers


def path_of(directory: str, key: str) -> str:
    return os.path.join(directory, "links", key)


def load(directory: str, key: str) -> State | None:
    try:
        with open_regular(path_of(directory, key)) as file:
            return read(file, key)
    except (OSError, ValueError):
        return None


def save(directory: str, key: str, state: State) -> int:
    """Write a state, and say how many bytes it takes: none if the directory cannot be written to."""
    return write_file(path_of(directory, key), _encoded(key, state))
