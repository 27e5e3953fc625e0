"""Parsing of an object's name section. Names of functions are kept; others are checked."""

from __future__ import annotations

from ..binary.constants import NameSubsection
from ..binary.reader import FormatError, Reader
from .object_file import ObjectFile


def read_names(obj: ObjectFile, reader: Reader) -> dict[int, bytes]:
    """Return the names of the object's own functions, by their position among these."""
    imported = len(obj.imported_functions)
    own: dict[int, bytes] = {}
    kinds = {
        NameSubsection.FUNCTION: ("function", imported + len(obj.functions)),
        NameSubsection.GLOBAL: ("global", len(obj.imported_globals) + len(obj.globals)),
        # The reference takes a name for a segment after the last.
        NameSubsection.DATA_SEGMENT: ("segment", len(obj.segments) + 1),
    }
    named: dict[int, set[int]] = {kind: set() for kind in kinds}
    while reader.pos < reader.end:
        kind = reader.u8()
        size = reader.uleb()
        end = reader.pos + size
        if end > reader.end:
            raise FormatError("a subsection of the name section is too large")
        if kind in kinds:
            what, number = kinds[kind]
            seen = named[kind]
            names = Reader(obj.data, reader.pos, end)
            for _ in range(names.count(2)):
                index = names.uleb()
                name = names.name()
                if index in seen:
                    raise FormatError(f"{what} named more than once")
                seen.add(index)
                if index >= number or not (name or kind == NameSubsection.DATA_SEGMENT):
                    raise FormatError(f"invalid {'data segment' if what == 'segment' else what} name entry")
                if kind == NameSubsection.FUNCTION and index >= imported:
                    own[index - imported] = name
            if names.pos != end:
                raise FormatError("a subsection of the name section ended prematurely")
        reader.pos = end
    return own
