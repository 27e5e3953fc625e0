"""Describe the location of a reference for diagnostics: function or segment, file and line."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from ...binary.relocation_types import RelocationType as R
from ...diagnostics import FatalError
from ...inputs.object_file import ObjectFile
from ..chunks import LinkedFile, ObjectInput
from ..symbol_names import Names, symbol_text
from .line_table import LineTable, debug_line_size, read_line_table

_DEBUG_LINE_BYTES: Final = 4 << 20
"""The maximum total size of line tables to decode, in bytes."""
_CALLS: Final = 3
"""The maximum number of calls of a function to show."""
_CALLED: Final = 20
"""The maximum number of functions whose calls are looked up."""


class Site(NamedTuple):
    """A reference: at ``offset`` of the contents of ``section`` of ``file``."""

    file: ObjectInput
    section: int
    offset: int

    @property
    def chunk(self) -> int:
        """The index of the function or segment that contains the reference; 0 in other sections."""
        obj = self.file.object
        if self.section < 0:
            return 0
        if self.section == obj.code_section:
            return bisect_right(obj.function_offsets, self.offset) - 1
        if self.section == obj.data_section:
            return bisect_right(obj.segments.offsets, self.offset) - 1
        return 0


class Places:
    """Describes references of one link."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._line_tables: dict[ObjectFile, LineTable] = {}
        self._line_budget = _DEBUG_LINE_BYTES
        self._called = 0

    def describe(self, site: Site, reported: ObjectInput | None, about: bytes = b"") -> str:
        """Describe a reference.

        :param reported: the file that the error names already, if it names one.
        :param about: the symbol that is referred to: a function with the same readable name (libc's
            ``__main_argc_argv`` calls ``main``) is shown by its name in the object.
        """
        file, section, offset = site
        obj = file.object
        where = ""
        chunk = site.chunk
        if section < 0:
            what = "the list of constructors"
        elif section == obj.code_section:
            name = file.function_names[chunk] or file.function_debug_names.get(chunk, b"")
            # A main without parameters has this name in objects.
            shown = b"main" if name == b"__original_main" else name
            what = self._names.text(shown) if name else "a function without a name"
            if name != about and what == self._names.text(about):
                what = name.decode("utf-8", "backslashreplace")
            where = self._source_line(obj, offset)
        elif section == obj.data_section:
            segment = obj.segments.names[chunk]
            what = f"data segment {symbol_text(segment) if segment else chunk}"
        else:
            what = f"section {symbol_text(obj.sections[section].name)}"
        if not where and file is not reported:
            where = file.name
        return f"{what} ({where})" if where else what

    def _source_line(self, obj: ObjectFile, offset: int) -> str:
        """Return ``file:line``, or an empty string if debug information does not have it."""
        table = self._line_tables.get(obj)
        if table is None:
            size = debug_line_size(obj)
            if not 0 < size <= self._line_budget:
                return ""
            self._line_budget -= size
            table = self._line_tables[obj] = read_line_table(obj)
        place = table.find(offset)
        if place is None:
            return ""
        return f"{place.file}:{place.line}" if place.line else place.file

    def calls(self, referrers: Iterable[tuple[LinkedFile, int]]) -> Iterator[str]:
        """Describe the first calls of a function by ``referrers``, which are files with the index of its symbol in
        each; several calls from one function count once."""
        self._called += 1
        if self._called > _CALLED:
            return
        shown: set[tuple[ObjectInput, int]] = set()
        for file, index in referrers:
            if not isinstance(file, ObjectInput):
                continue
            section = file.object.code_section
            try:
                relocs = file.relocations(section)
            except FatalError:
                # The pass that needs them reports the damage.
                continue
            for type_, target, offset in zip(relocs.types, relocs.indices, relocs.offsets):
                if target == index and type_ == R.FUNCTION_INDEX_LEB:
                    site = Site(file, section, offset)
                    if (file, site.chunk) not in shown:
                        shown.add((file, site.chunk))
                        yield f"called by {self.describe(site, None)}"
                        if len(shown) == _CALLS:
                            return
