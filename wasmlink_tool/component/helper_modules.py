"""The two small modules that an encoder adds to a component.

A core module is instantiated with its imports, but lowering some of them takes the module's own memory. So the module
first gets functions of a *shim*, each of which calls through a slot of a table; when the memory is there, the *fixup*
module fills the slots with the lowered functions.
"""

from __future__ import annotations

from ..binary.constants import MAGIC, VERSION, ExternalKind, Opcode, SectionId
from ..binary.leb128 import sleb, uleb
from .component_writer import encode_text
from .core_module import Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

SHIM_NAME: Final = "wasmlink:shim"
FIXUP_NAME: Final = "wasmlink:fixup"
SHIM_TABLE: Final = "$imports"
SHIM_MEMORY: Final = "$memory"

_FUNCREF_WITH_MAXIMUM: Final = b"\x70\1"


def section(number: int, items: Sequence[bytes]) -> bytes:
    """Return a section that is a vector of items."""
    body = b"".join([uleb(len(items)), *items])
    return bytes((number,)) + uleb(len(body)) + body


def name_section(module: str, functions: Mapping[int, str]) -> bytes:
    """Return the custom section that names a module and its functions."""
    named = encode_text(module)
    assoc = b"".join([uleb(len(functions))] + [uleb(i) + encode_text(functions[i]) for i in sorted(functions)])
    body = encode_text("name") + b"\0" + uleb(len(named)) + named
    if functions:
        body += b"\1" + uleb(len(assoc)) + assoc
    return b"\0" + uleb(len(body)) + body


class _Types:
    """Distinct signatures in order of first use."""

    def __init__(self) -> None:
        self._indices: dict[tuple[bytes, bytes], int] = {}
        self.encoded: list[bytes] = []

    def index(self, signature: Signature) -> int:
        key = signature.key()
        found = self._indices.get(key)
        if found is None:
            found = self._indices[key] = len(self.encoded)
            self.encoded.append(signature.encode())
        return found


def shim_module(signatures: Sequence[Signature], names: Sequence[str] | None, memory: bytes | None) -> bytes:
    """Return the module with a function for each slot, named if there are names; ``memory`` is the memory type that it
    defines, if it does."""
    types = _Types()
    indices = [types.index(signature) for signature in signatures]
    count = len(signatures)
    exports = [encode_text(str(slot)) + b"\0" + uleb(slot) for slot in range(count)]
    codes: list[bytes] = []
    for slot, signature in enumerate(signatures):
        parameters = [b"\x20" + uleb(place) for place in range(len(signature.parameters))]
        call = [b"\x41", sleb(slot), b"\x11", uleb(indices[slot]), b"\0"]
        body = b"".join([b"\0", *parameters, *call, bytes((Opcode.END,))])
        codes.append(uleb(len(body)) + body)
    parts = [MAGIC, VERSION, section(SectionId.TYPE, types.encoded)]
    if count:
        parts.append(section(SectionId.FUNCTION, [uleb(index) for index in indices]))
        parts.append(section(SectionId.TABLE, [_FUNCREF_WITH_MAXIMUM + uleb(count) + uleb(count)]))
        exports.append(encode_text(SHIM_TABLE) + b"\1\0")
    if memory is not None:
        parts.append(section(SectionId.MEMORY, [memory]))
        exports.append(encode_text(SHIM_MEMORY) + b"\2\0")
    parts.append(section(SectionId.EXPORT, exports))
    if count:
        parts.append(section(SectionId.CODE, codes))
    if names is not None:
        parts.append(name_section(SHIM_NAME, {slot: f"shim: {name}" for slot, name in enumerate(names)}))
    return b"".join(parts)


def fixup_module(signatures: Sequence[Signature], initializer: str | None, *, named: bool) -> bytes:
    """Return the module that fills the slots, and then calls the main module's initializer, if it has one."""
    types = _Types()
    imports: list[bytes] = []
    for slot, signature in enumerate(signatures):
        imports.append(encode_text("actual") + encode_text(str(slot)) + b"\0" + uleb(types.index(signature)))
    if initializer is not None:
        index = types.index(Signature(b"", b""))
        imports.append(encode_text("main") + encode_text(initializer) + b"\0" + uleb(index))
    count = len(signatures)
    parts = [MAGIC, VERSION]
    if count:
        table = bytes((ExternalKind.TABLE,)) + _FUNCREF_WITH_MAXIMUM + uleb(count) + uleb(count)
        imports.append(encode_text("shim") + encode_text(SHIM_TABLE) + table)
    parts += (section(SectionId.TYPE, types.encoded), section(SectionId.IMPORT, imports))
    if initializer is not None:
        start = uleb(count)
        parts += (bytes((SectionId.START,)), uleb(len(start)), start)
    if count:
        functions = b"".join([uleb(slot) for slot in range(count)])
        parts.append(section(SectionId.ELEMENT, [b"\0\x41\0\x0b" + uleb(count) + functions]))
    if named:
        parts.append(name_section(FIXUP_NAME, {}))
    return b"".join(parts)
