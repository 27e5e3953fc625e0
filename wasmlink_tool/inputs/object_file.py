"""A parsed object file: its properties, which depend on the file's bytes alone, and lookups for the passes.

Function bodies, data and custom sections remain slices of the input; relocations are decoded when a pass needs them.
"""

from __future__ import annotations

from array import array

from ..binary import relocations
from ..binary.constants import MAGIC
from ..binary.relocations import NO_RELOCATIONS, Relocations
from ..empty_collections import NO_ENTRIES, NO_ITEMS
from .known_files import UnreadFile
from .relocation_checks import check_relocations
from .section_columns import SectionColumns
from .segment_columns import segment_columns
from .symbol_columns import symbol_columns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final


class GlobalType:
    __slots__ = ("mutable", "value_type")

    def __init__(self, value_type: bytes, mutable: bool) -> None:
        self.value_type = value_type
        self.mutable = mutable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GlobalType) and (self.value_type, self.mutable) == (other.value_type, other.mutable)

    def __hash__(self) -> int:
        return hash((self.value_type, self.mutable))


class TableType:
    __slots__ = ("element_type", "flags", "maximum", "minimum")

    def __init__(self, element_type: bytes, flags: int, minimum: int, maximum: int | None) -> None:
        self.element_type = element_type
        self.flags = flags
        self.minimum = minimum
        self.maximum = maximum

    def _fields(self) -> tuple[bytes, int, int, int | None]:
        return self.element_type, self.flags, self.minimum, self.maximum

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TableType) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())


class Import:
    """``type`` is a type index for functions and tags."""

    __slots__ = ("field", "module", "type")

    def __init__(self, module: bytes, field: bytes, type_: int | GlobalType | TableType) -> None:
        self.module = module
        self.field = field
        self.type = type_


class Global:
    """``initializer`` is a constant expression with its ``end``."""

    __slots__ = ("initializer", "type")

    def __init__(self, type_: GlobalType, initializer: bytes) -> None:
        self.type = type_
        self.initializer = initializer


class Comdat:
    """``members`` are (:class:`ComdatKind`, index); the index of a function, global, tag or table counts from the
    imports."""

    __slots__ = ("members", "name")

    def __init__(self, name: bytes, members: list[tuple[int, int]]) -> None:
        self.name = name
        self.members = members


class InitFunction:
    """A constructor: ``symbol`` is an index into the symbol table."""

    __slots__ = ("priority", "symbol")

    def __init__(self, priority: int, symbol: int) -> None:
        self.priority = priority
        self.symbol = symbol


class InitFunctions:
    """A sequence of :class:`InitFunction` in columns: a constructor takes as little as two bytes of an object."""

    __slots__ = ("priorities", "symbols")

    def __init__(self, priorities: Iterable[int] = (), symbols: Iterable[int] = ()) -> None:
        self.priorities = array("I", priorities)
        self.symbols = array("I", symbols)

    def __len__(self) -> int:
        return len(self.symbols)

    def __iter__(self) -> Iterator[InitFunction]:
        return map(InitFunction, self.priorities, self.symbols)

    def append(self, priority: int, symbol: int) -> None:
        self.priorities.append(priority)
        self.symbols.append(symbol)


_NO_INIT_FUNCTIONS: Final = InitFunctions()
_NO_SYMBOLS: Final = symbol_columns()
_NO_OFFSETS: Final = array("I")
_NO_SEGMENTS: Final = segment_columns()

Producers = dict[str, list[tuple[bytes, bytes]]]
"""Field name (``language``, ``processed-by``, ``sdk``) to (name, version) pairs."""


def is_wasm(data: bytes, start: int = 0) -> bool:
    """Return whether a Wasm binary starts at ``start``."""
    return data[start : start + 4] == MAGIC


PARSED: Final = (
    "types",
    "imported_functions",
    "imported_tables",
    "imported_globals",
    "imported_tags",
    "is_64",
    "functions",
    "function_offsets",
    "tables",
    "globals",
    "tags",
    "segments",
    "symbols",
    "function_names",
    "init_functions",
    "comdats",
    "features",
    "producers",
    "export_names",
    "debug_names",
    "code_section",
    "data_section",
    "_relocations",
    "_ranges",
    "is_cached",
)
"""The attributes of an object file that do not depend on the location of its bytes."""


class ObjectFile:
    """A parsed object: ``data[start:end]`` holds the file. :func:`.object_reader.read_object` makes one from the bytes,
    :func:`.entries.decode_object` from a cache entry."""

    __slots__ = (*PARSED, "_data", "_relocation_sections", "_unread", "end", "sections", "start")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._unread: UnreadFile | None = None
        self.start = start
        self.end = len(data) if end is None else end
        self.sections = SectionColumns()
        self.types: list[bytes] = NO_ITEMS
        """Function signatures: parameter and result vectors, encoded as in the type section."""
        self.imported_functions: list[Import] = NO_ITEMS
        self.imported_tables: list[Import] = NO_ITEMS
        self.imported_globals: list[Import] = NO_ITEMS
        self.imported_tags: list[Import] = NO_ITEMS
        self.is_64 = False
        """Whether its memory has 64-bit addresses."""
        self.functions: list[int] = NO_ITEMS
        """The type index of each defined function."""
        self.function_offsets = _NO_OFFSETS
        """The offset of each defined function's entry (its size first) in the code section's contents, in bytes; one
        more element marks the end of the last."""
        self.tables: list[TableType] = NO_ITEMS
        self.globals: list[Global] = NO_ITEMS
        self.tags: list[int] = NO_ITEMS
        self.segments = _NO_SEGMENTS
        self.symbols = _NO_SYMBOLS
        self.function_names: list[bytes] = NO_ITEMS
        """The name of each defined function: that of its first symbol."""
        self.init_functions = _NO_INIT_FUNCTIONS
        self.comdats: list[Comdat] = NO_ITEMS
        self.features: Iterable[bytes] = NO_ITEMS
        """Each is ``+`` or ``-``, and the name of a feature."""
        self.producers: Producers = NO_ENTRIES
        self.export_names: dict[int, bytes] = NO_ENTRIES
        """Defined function (counted from 0) to the name that it is exported under."""
        self.debug_names: dict[int, bytes] = NO_ENTRIES
        """Defined function to its name in the name section, where the object has one."""
        self.code_section = -1
        self.data_section = -1
        self._relocation_sections: dict[int, tuple[int, int, int]] = NO_ENTRIES
        self._relocations: dict[int, Relocations] = NO_ENTRIES
        self._ranges: dict[int, list[int]] = NO_ENTRIES
        self.is_cached = False
        """Whether decoded relocations of code and data outlive the link."""

    @property
    def data(self) -> bytes:
        """Return the bytes that contain the file; for an archive member, those of the whole archive."""
        if self._unread is not None:
            self._data = self._unread.contents()
            self._unread = None
        return self._data

    @property
    def is_unread(self) -> bool:
        """Whether its bytes have not been needed so far."""
        return self._unread is not None

    # Lookups for the passes

    def function_signature(self, index: int) -> bytes:
        """Return the signature of function ``index`` of the function index space."""
        imported = len(self.imported_functions)
        if index < imported:
            type_ = self.imported_functions[index].type
            assert isinstance(type_, int)
            return self.types[type_]
        return self.types[self.functions[index - imported]]

    def relocations(self, section: int) -> Relocations:
        """Return the relocations of section ``section``, checked against it and the symbol table."""
        found = self._relocations.get(section)
        if found is None:
            entry = self._relocation_sections.get(section)
            if entry is None:
                return NO_RELOCATIONS
            found = relocations.decode(self.data[entry[0] : entry[1]], entry[2])
            check_relocations(self, found, section)
            if self._relocations is NO_ENTRIES:
                self._relocations = {}
            self._relocations[section] = found
        return found

    def relocation_ranges(self, section: int) -> list[int]:
        """Return the index of each function's or segment's first relocation among those of the code or data section;
        one more element marks the end of the last."""
        return self._ranges.get(section) or self.find_ranges(section, self.relocations(section))

    def find_ranges(self, section: int, relocs: Relocations) -> list[int]:
        """Return :meth:`relocation_ranges` for relocations that are not checked yet."""
        starts = self.function_offsets[:-1] if section == self.code_section else self.segments.offsets
        ranges = relocations.first_from(relocs, starts.tolist())
        ranges.append(len(relocs.offsets))
        # Assigned when it is complete, since other threads read it.
        if self._ranges is NO_ENTRIES:
            self._ranges = {}
        self._ranges[section] = ranges
        return ranges

    def release_relocations(self, section: int) -> None:
        """Drop decoded relocations: the link no longer needs them, and there are many."""
        if not self.is_cached or not self.sections.ids[section]:
            self._relocations.pop(section, None)
            self._ranges.pop(section, None)

    # For the cache

    def leave_unread(self, file: UnreadFile) -> None:
        """Make the object read its bytes on demand."""
        self._unread = file

    def is_at(self, data: bytes | UnreadFile, start: int) -> bool:
        """Return whether the object's bytes are at ``data[start:]``."""
        return self.start == start and data is (self._unread or self._data)

    def moved(self, data: bytes | UnreadFile, start: int) -> ObjectFile:
        """Return the same object with its bytes at ``data[start:]``."""
        shift = start - self.start
        other = ObjectFile(b"" if isinstance(data, UnreadFile) else data, start, self.end + shift)
        if isinstance(data, UnreadFile):
            other._unread = data
        # Each has what the other decodes.
        self._relocations = self._relocations or {}
        self._ranges = self._ranges or {}
        for name in PARSED:
            setattr(other, name, getattr(self, name))
        other.sections = self.sections.moved(shift)
        other._relocation_sections = {
            section: (first + shift, after + shift, count)
            for section, (first, after, count) in self._relocation_sections.items()
        }
        return other

    def relocation_entries(self, section: int) -> tuple[bytes, int]:
        """Return the encoded relocations of a section, and their number."""
        start, end, count = self._relocation_sections.get(section, (0, 0, 0))
        return self.data[start:end], count

    def relocation_sections(self) -> dict[int, tuple[int, int, int]]:
        """Maps each section to the range in ``data`` of its relocation entries (start, end), and their number."""
        return self._relocation_sections

    def add_relocation_section(self, section: int, start: int, end: int, count: int) -> None:
        """Record the range of the ``count`` encoded relocations of a section."""
        if self._relocation_sections is NO_ENTRIES:
            self._relocation_sections = {}
        self._relocation_sections[section] = (start, end, count)

    def decoded_sections(self) -> list[int]:
        """Return the sections whose relocations were decoded."""
        return [section for section in self._relocations if section in self._relocation_sections]

    def set_relocations(self, sections: dict[int, tuple[int, int, int]], decoded: dict[int, Relocations]) -> None:
        """Set the decoded relocations of sections.

        :raises FormatError: the relocations of a section do not match it.
        """
        self._relocation_sections = sections
        self._relocations = decoded
        for section, relocs in decoded.items():
            check_relocations(self, relocs, section)
