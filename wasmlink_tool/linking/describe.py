"""Types and kinds as diagnostics show them: wasm-ld's wording."""

from __future__ import annotations

from ..binary.constants import SymbolKind
from ..demangle import demangle
from ..inputs.object_file import GlobalType, TableType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_VALUE_TYPES: Final = {
    b"\x7f": "i32",
    b"\x7e": "i64",
    b"\x7d": "f32",
    b"\x7c": "f64",
    b"\x7b": "v128",
    b"\x70": "funcref",
    b"\x6f": "externref",
    b"\x69": "exnref",
}

_EXPANSION: Final = 8
_USUAL_LENGTH: Final = 256
"""Readable names up to so many times the length of the mangled one, and so many characters more, are not counted."""
_MOST_EXCESS: Final = 16 << 20
"""How long the others may be, all together."""

KIND_NAMES: Final[dict[int, str]] = {
    SymbolKind.FUNCTION: "WASM_SYMBOL_TYPE_FUNCTION",
    SymbolKind.DATA: "WASM_SYMBOL_TYPE_DATA",
    SymbolKind.GLOBAL: "WASM_SYMBOL_TYPE_GLOBAL",
    SymbolKind.SECTION: "WASM_SYMBOL_TYPE_SECTION",
    SymbolKind.TAG: "WASM_SYMBOL_TYPE_TAG",
    SymbolKind.TABLE: "WASM_SYMBOL_TYPE_TABLE",
}


def symbol_name(name: bytes) -> bytes:
    """A symbol's name as a person reads it, in messages, maps and the name section."""
    # What C calls main has another name where it takes arguments: callers and callees must agree on types.
    return b"main" if name == b"__main_argc_argv" else name


def symbol_text(name: bytes) -> str:
    return symbol_name(name).decode("utf-8", "backslashreplace")


class Names:
    """How symbols are shown: as they are, or as a programmer wrote them.

    A mangled name can stand for one of a megabyte. Names that together would be too long stay mangled: how many depends
    on their order alone, and each user of names (the name section, the map) has an instance of its own.
    """

    def __init__(self, *, demangle: bool) -> None:
        self.demangled = demangle
        self._excess = 0

    def name(self, raw: bytes) -> bytes:
        """For the name section."""
        name = symbol_name(raw)
        if not self.demangled or self._excess > _MOST_EXCESS:
            return name
        readable = demangle(name)
        if len(readable) > _EXPANSION * len(name) + _USUAL_LENGTH:
            self._excess += len(readable)
            if self._excess > _MOST_EXCESS:
                return name
        return readable

    def text(self, raw: bytes) -> str:
        """For messages and maps."""
        return self.name(raw).decode("utf-8", "backslashreplace")


def value_type(encoded: bytes) -> str:
    return _VALUE_TYPES.get(encoded, "reference")


def _split(types: bytes) -> list[str]:
    """A run of encoded value types; those with a heap type take more than one byte."""
    out = []
    pos = 0
    while pos < len(types):
        end = pos + 1
        if types[pos] in (0x63, 0x64):
            while types[end] >= 0x80:
                end += 1
            end += 1
        out.append(value_type(types[pos:end]))
        pos = end
    return out


def parameters_and_results(signature: bytes) -> tuple[list[str], list[str]]:
    """The value types of a signature as encoded in a type section (both vectors are shorter than 128)."""
    pos = 0
    parts: list[list[str]] = []
    for _ in range(2):
        count = shift = 0
        while True:
            byte = signature[pos]
            pos += 1
            count |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        start = pos
        for _ in range(count):
            if signature[pos] in (0x63, 0x64):
                pos += 1
                while signature[pos] >= 0x80:
                    pos += 1
            pos += 1
        parts.append(_split(signature[start:pos]))
    return parts[0], parts[1]


def signature(encoded: bytes) -> str:
    parameters, results = parameters_and_results(encoded)
    return f"({', '.join(parameters)}) -> {', '.join(results) if results else 'void'}"


def global_type(type_: GlobalType) -> str:
    return ("var " if type_.mutable else "const ") + value_type(type_.value_type)


def table_type(type_: TableType) -> str:
    maximum = f"; max={type_.maximum}" if type_.maximum is not None else ""
    limits = f"flags=0x{type_.flags:x}; min={type_.minimum}{maximum}"
    return f"type={value_type(type_.element_type)}; limits=[{limits}]"
