"""Conversion between C values and the core values of the Canonical ABI, as C code.

``Lowering`` takes a value apart into core values, ``Lifting`` puts one together. A variant's payloads share core values
of the joined type, which is cast with its bits.
"""

from __future__ import annotations

from ..binary.constants import ValueType
from .c_types import CType, discriminant_size, tag_of
from .canonical_abi import AbiTypes
from .wit_model import Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

CORE_TYPES: Final = {
    ValueType.I32: "int32_t",
    ValueType.I64: "int64_t",
    ValueType.F32: "float",
    ValueType.F64: "double",
}

_BITS: Final = "((union {{ {source} from; {target} to; }}) {{ {value} }}).to"


class Code:
    """Lines of C, indented. ``names`` gives names of locals."""

    def __init__(self, abi: AbiTypes) -> None:
        self.abi = abi
        self.lines: list[str] = []
        self._depth = 1
        self._count = 0

    def add(self, line: str) -> None:
        """Append a line; braces change the indentation."""
        if line.startswith("}"):
            self._depth -= 1
        self.lines.append("  " * self._depth + line)
        if line.endswith("{"):
            self._depth += 1

    def local(self, word: str) -> str:
        """Return a new name, which no parameter has: those end in an underscore only after a keyword."""
        self._count += 1
        return f"{word}_{self._count}_"

    def flat(self, made: CType) -> list[str]:
        """Return the core types of a value, as C spells them."""
        return [CORE_TYPES[code] for code in self.abi.facts(made.type_).flat]


def cast_bits(value: str, source: str, target: str) -> str:
    """Return an expression with the bits of a value, as another core type; the wider one is filled up or cut."""
    if source == target:
        return value
    if source == "float":
        bits = _BITS.format(source=source, target="int32_t", value=value)
        return bits if target == "int32_t" else f"(int64_t) {bits}"
    if target == "float":
        narrow = value if source == "int32_t" else f"(int32_t) ({value})"
        return _BITS.format(source="int32_t", target=target, value=narrow)
    if "double" in (source, target):
        return _BITS.format(source=source, target=target, value=value)
    return f"({target}) ({value})"


def lower(made: CType, value: str, code: Code) -> list[str]:
    """Append what takes ``value`` apart; return the core values as expressions."""
    kind = made.kind
    if kind in (Kind.STRING, Kind.LIST):
        return [f"(int32_t) {value}.ptr", f"(int32_t) {value}.len"]
    if kind in (Kind.OWN, Kind.BORROW):
        return [f"{value}.__handle"]
    if kind in (Kind.F32, Kind.F64):
        return [value]
    if kind in (Kind.S64, Kind.U64):
        return [f"(int64_t) {value}"]
    if kind in (Kind.RECORD, Kind.TUPLE):
        flat = []
        for part, member in zip(made.whole_parts(), made.members):
            flat += lower(part, f"{value}.{member}", code)
        return flat
    if kind == Kind.FIXED_LIST:
        flat = []
        for place in range(made.type_.length):
            flat += lower(made.whole_parts()[0], f"{value}.items[{place}]", code)
        return flat
    if kind in (Kind.VARIANT, Kind.RESULT, Kind.OPTION):
        return _lower_variant(made, value, code)
    return [f"(int32_t) {value}"]


def _cases(made: CType, value: str) -> list[tuple[str, CType | None]]:
    """Return the payload of each case: the expression and its type."""
    if made.kind == Kind.OPTION:
        return [("", None), (f"{value}.val", made.parts[0])]
    return [(f"{value}.val.{member}", part) for member, part in zip(made.members, made.parts)]


def _tag(made: CType, value: str) -> str:
    return f"(int) {value}.is_some" if made.kind == Kind.OPTION else tag_of(made, f"{value}.")


def _lower_variant(made: CType, value: str, code: Code) -> list[str]:
    types = code.flat(made)[1:]
    if not types:
        return [f"(int32_t) {value}.{_tag_member(made)}"]
    joined = [code.local("flat") for _ in types]
    for name, type_ in zip(joined, types):
        code.add(f"{type_} {name} = 0;")
    code.add(f"switch ({_tag(made, value)}) {{")
    for place, (payload, part) in enumerate(_cases(made, value)):
        if part is not None:
            code.add(f"case {place}: {{")
            flat = lower(part, payload, code)
            for name, expression, source, target in zip(joined, flat, code.flat(part), types):
                code.add(f"{name} = {cast_bits(expression, source, target)};")
            code.add("break;")
            code.add("}")
    code.add("default: break;")
    code.add("}")
    return [f"(int32_t) {value}.{_tag_member(made)}", *joined]


def _tag_member(made: CType) -> str:
    return {Kind.OPTION: "is_some", Kind.RESULT: "is_err"}.get(made.kind, "tag")


def lift(made: CType, flat: list[str], target: str, code: Code) -> None:
    """Append what makes a value of core values and stores it in ``target``."""
    kind = made.kind
    if kind == Kind.STRING:
        code.add(f"{target}.ptr = (uint8_t *) {flat[0]};")
        code.add(f"{target}.len = (size_t) {flat[1]};")
    elif kind == Kind.LIST:
        code.add(f"{target}.ptr = ({made.whole_parts()[0].name} *) {flat[0]};")
        code.add(f"{target}.len = (size_t) {flat[1]};")
    elif kind == Kind.OWN or (kind == Kind.BORROW and not _is_exported(made)):
        code.add(f"{target}.__handle = {flat[0]};")
    elif kind in (Kind.RECORD, Kind.TUPLE):
        start = 0
        for part, member in zip(made.whole_parts(), made.members):
            count = len(code.flat(part))
            lift(part, flat[start : start + count], f"{target}.{member}", code)
            start += count
    elif kind == Kind.FIXED_LIST:
        element = made.whole_parts()[0]
        count = len(code.flat(element))
        for place in range(made.type_.length):
            lift(element, flat[place * count : (place + 1) * count], f"{target}.items[{place}]", code)
    elif kind in (Kind.VARIANT, Kind.RESULT, Kind.OPTION):
        _lift_variant(made, flat, target, code)
    elif kind == Kind.BOOL:
        code.add(f"{target} = {flat[0]} != 0;")
    else:
        code.add(f"{target} = ({made.name}) {flat[0]};")


def _is_exported(made: CType) -> bool:
    return made.resource is not None and made.resource.scope.exported


def _lift_variant(made: CType, flat: list[str], target: str, code: Code) -> None:
    types = code.flat(made)[1:]
    if made.kind == Kind.VARIANT:
        code.add(f"{target}.tag = (uint{8 * discriminant_size(len(made.members))}_t) {flat[0]};")
    else:
        code.add(f"{target}.{_tag_member(made)} = {flat[0]} != 0;")
    if not types:
        return
    code.add(f"switch ({flat[0]}) {{")
    for place, (payload, part) in enumerate(_cases(made, target)):
        if part is not None:
            code.add(f"case {place}: {{")
            cast = [cast_bits(*casts) for casts in zip(flat[1:], types, code.flat(part))]
            lift(part, cast, payload, code)
            code.add("break;")
            code.add("}")
    code.add("default: break;")
    code.add("}")
