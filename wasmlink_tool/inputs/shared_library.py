"""Shared libraries as inputs: the exports of a module with a ``dylink.0`` section (DynamicLinking.md)."""

from __future__ import annotations

from ..binary.constants import ExternalKind, SectionId, SymbolKind
from ..binary.leb128 import uleb
from ..binary.reader import FormatError, Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCAL_NAMES = frozenset((b"__wasm_apply_data_relocs", b"__wasm_call_ctors"))
"""Every shared library has its own."""
_TYPED = {
    ExternalKind.FUNCTION: (SymbolKind.FUNCTION, "function"),
    ExternalKind.TAG: (SymbolKind.TAG, "tag"),
}
"""The kind of symbol and its name in messages, by kind of export."""


SharedSymbol = tuple[int, bytes, "bytes | None"]
"""(kind, name, signature): a function, a tag, or data, which has no signature."""


def is_shared_library(data: bytes) -> bool:
    """Return whether a Wasm binary begins with a section for the dynamic linker."""
    reader = Reader(data, 8, len(data))
    try:
        if reader.u8() != SectionId.CUSTOM:
            return False
        reader.uleb()
        return reader.name() in (b"dylink.0", b"dylink")
    except FormatError:
        return False


class SharedLibrary:
    """The functions, tags and data that a shared library exports.

    :raises FormatError: the file is damaged.
    """

    def __init__(self, path: str, data: bytes) -> None:
        self.name = path
        # In columns: an export takes as little as four bytes.
        self._kinds = bytearray()
        self._names: list[bytes] = []
        self._signatures: list[bytes | None] = []
        types: list[bytes] = []
        functions: list[int] = []
        tags: list[int] = []
        exports: list[tuple[bytes, int, int]] = []
        reader = Reader(data, 8, len(data))
        while reader.pos < reader.end:
            kind = reader.u8()
            size = reader.uleb()
            if size > reader.end - reader.pos:
                raise FormatError("section too large")
            section = Reader(data, reader.pos, reader.pos + size)
            reader.pos += size
            if kind == SectionId.TYPE:
                types = _types(section)
            elif kind == SectionId.IMPORT:
                _read_imports(section, functions, tags)
            elif kind == SectionId.FUNCTION:
                functions += [section.uleb() for _ in range(section.count())]
            elif kind == SectionId.TAG:
                tags += [_tag_type(section) for _ in range(section.count(2))]
            elif kind == SectionId.EXPORT:
                exports = [(section.name(), section.u8(), section.uleb()) for _ in range(section.count(3))]
        for name, kind, index in exports:
            if name in _LOCAL_NAMES or name.startswith((b"__start_", b"__stop_")):
                continue
            if kind in _TYPED:
                symbol_kind, what = _TYPED[kind]
                indices = functions if kind == ExternalKind.FUNCTION else tags
                if index >= len(indices) or indices[index] >= len(types):
                    raise FormatError(f"invalid {what} export")
                self._add(symbol_kind, name, types[indices[index]])
            elif kind == ExternalKind.GLOBAL:
                self._add(SymbolKind.DATA, name, None)
            elif kind > ExternalKind.TAG:
                raise FormatError(f"unexpected export kind: {kind}")

    def _add(self, kind: int, name: bytes, signature: bytes | None) -> None:
        self._kinds.append(kind)
        self._names.append(name)
        self._signatures.append(signature)

    @property
    def symbols(self) -> Iterator[SharedSymbol]:
        """The symbols in order."""
        return zip(bytes(self._kinds), self._names, self._signatures)


def _types(section: Reader) -> list[bytes]:
    types = []
    for _ in range(section.count(3)):
        section.u8()
        vectors = [[section.value_type() for _ in range(section.count())] for _ in range(2)]
        types.append(b"".join(uleb(len(vector)) + b"".join(vector) for vector in vectors))
    return types


def _tag_type(section: Reader) -> int:
    section.u8()
    return section.uleb()


def _read_imports(section: Reader, functions: list[int], tags: list[int]) -> None:
    """Add the type indices of imported functions and tags."""
    for _ in range(section.count(4)):
        section.name()
        section.name()
        kind = section.u8()
        if kind == ExternalKind.FUNCTION:
            functions.append(section.uleb())
        elif kind == ExternalKind.TABLE:
            section.value_type()
            section.limits()
        elif kind == ExternalKind.MEMORY:
            section.limits()
        elif kind == ExternalKind.GLOBAL:
            section.value_type()
            section.u8()
        elif kind == ExternalKind.TAG:
            tags.append(_tag_type(section))
        else:
            raise FormatError(f"unexpected import kind: {kind}")
