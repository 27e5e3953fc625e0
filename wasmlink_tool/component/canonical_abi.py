"""The Canonical ABI as far as an encoder needs it: core signatures, and which canonical options a function takes."""

from __future__ import annotations

from ..binary.constants import ValueType
from .core_module import Signature
from .wit_model import PRIMITIVES, Function, Kind, Type, dependencies_first

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

MAX_FLAT_PARAMETERS: Final = 16
MAX_FLAT_ASYNC_PARAMETERS: Final = 4
MAX_FLAT_RESULTS: Final = 1

_I32: Final = bytes((ValueType.I32,))
_I64: Final = bytes((ValueType.I64,))
_F32: Final = bytes((ValueType.F32,))
_F64: Final = bytes((ValueType.F64,))

_TOO_MANY: Final = MAX_FLAT_PARAMETERS + 1
"""Where counting stops: one more than fits is as good as any number."""

_FLAT_PRIMITIVES: Final = {
    Kind.S64: _I64,
    Kind.U64: _I64,
    Kind.F32: _F32,
    Kind.F64: _F64,
    Kind.STRING: _I32 + _I32,
}


class TypeFacts:
    """Properties of a type for the ABI: its core types (at most 17), and whether it has a list or a string."""

    def __init__(self, flat: bytes, has_list: bool, has_string: bool) -> None:
        self.flat = flat
        self.has_list = has_list
        self.has_string = has_string


class AbiTypes:
    """Facts about types, computed once each."""

    def __init__(self) -> None:
        self._facts: dict[Type, TypeFacts] = {
            primitive: TypeFacts(
                _FLAT_PRIMITIVES.get(primitive.kind, _I32),
                primitive.kind == Kind.STRING,
                primitive.kind == Kind.STRING,
            )
            for primitive in PRIMITIVES.values()
        }
        self._seen: set[Type] = set()

    def facts(self, type_: Type) -> TypeFacts:
        """Return the facts about a type."""
        found = self._facts.get(type_)
        if found is not None:
            return found
        for part in dependencies_first([type_], self._seen):
            self._facts[part] = self._combine(part)
        return self._facts[type_]

    def _combine(self, type_: Type) -> TypeFacts:
        """Return the facts about a type from those about its parts."""
        kind = type_.kind
        if kind in (Kind.OWN, Kind.BORROW, Kind.RESOURCE, Kind.STREAM, Kind.FUTURE):
            return TypeFacts(_I32, False, False)
        parts = [None if part is None else self._facts[part] for part in type_.parts]
        has_list = any(part is not None and part.has_list for part in parts)
        has_string = any(part is not None and part.has_string for part in parts)
        if kind in (Kind.LIST, Kind.MAP):
            return TypeFacts(_I32 + _I32, True, has_string)
        if kind in (Kind.FLAGS, Kind.ENUM):
            return TypeFacts(_I32, False, False)
        if kind == Kind.FIXED_LIST:
            element = parts[0]
            assert element is not None
            flat = element.flat * min(type_.length, _TOO_MANY)
        elif kind in (Kind.OPTION, Kind.VARIANT, Kind.RESULT):
            flat = _I32 + _join([part.flat for part in parts if part is not None])
        else:
            flat = b""
            for part in parts:
                if part is not None and len(flat) < _TOO_MANY:
                    flat += part.flat
        return TypeFacts(flat[:_TOO_MANY], has_list, has_string)

    def flat(self, types: Sequence[Type]) -> bytes:
        """Return the core types of several values, at most 17."""
        flat = b""
        for type_ in types:
            flat += self.facts(type_).flat
            if len(flat) >= _TOO_MANY:
                return flat[:_TOO_MANY]
        return flat


def _join(cases: list[bytes]) -> bytes:
    """Return core types that hold those of any case."""
    joined = bytearray()
    for flat in cases:
        for place, code in enumerate(flat):
            if place == len(joined):
                joined.append(code)
            elif joined[place] != code:
                narrow = (ValueType.I32, ValueType.F32)
                joined[place] = ValueType.I32 if joined[place] in narrow and code in narrow else ValueType.I64
    return bytes(joined)


class Lowering:
    """The calling convention of a function: its core signature, and the options that it needs."""

    def __init__(self, signature: Signature, memory: bool, realloc: bool, encoding: bool) -> None:
        self.signature = signature
        self.memory = memory
        self.realloc = realloc
        self.encoding = encoding


def lower(function: Function, types: AbiTypes, is_async: bool = False) -> Lowering:
    """Return how core code calls an imported function, by the synchronous or the asynchronous ABI."""
    flat = types.flat(function.parameter_types)
    results = b"" if function.result is None else types.flat([function.result])
    memory = realloc = encoding = False
    for type_ in function.parameter_types:
        facts = types.facts(type_)
        memory |= facts.has_list
        encoding |= facts.has_string
    if function.result is not None:
        facts = types.facts(function.result)
        memory |= facts.has_list
        realloc |= facts.has_list
        encoding |= facts.has_string
    if len(flat) > (MAX_FLAT_ASYNC_PARAMETERS if is_async else MAX_FLAT_PARAMETERS):
        flat = _I32
        memory = True
    if len(results) > (0 if is_async else MAX_FLAT_RESULTS):
        flat += _I32
        results = b""
        memory = True
    if is_async:
        results = _I32
    return Lowering(Signature(flat, results), memory, realloc, encoding)


def lift(function: Function, types: AbiTypes) -> Lowering:
    """Return how an exported function is called in core code. By the asynchronous ABI it has the same parameters and
    options, but no results."""
    flat = types.flat(function.parameter_types)
    results = b"" if function.result is None else types.flat([function.result])
    memory = realloc = encoding = False
    for type_ in function.parameter_types:
        facts = types.facts(type_)
        memory |= facts.has_list
        realloc |= facts.has_list
        encoding |= facts.has_string
    if function.result is not None:
        facts = types.facts(function.result)
        memory |= facts.has_list
        encoding |= facts.has_string
    if len(flat) > MAX_FLAT_PARAMETERS:
        flat = _I32
        memory = realloc = True
    if len(results) > MAX_FLAT_RESULTS:
        results = _I32
        memory = True
    return Lowering(Signature(flat, results), memory, realloc, encoding)
