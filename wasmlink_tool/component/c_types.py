"""WIT types in C: a typedef for each, laid out in memory as the Canonical ABI has it.

On wasm32 a C struct of the same members has the ABI's layout: a record is a struct, a variant a small integer and a
union, a list a pointer and a length. Lists therefore cross the boundary as they are, and only parameters and single
results are converted. The source asserts size and alignment of each type.

Anonymous types of one structure are one C type, whichever interface mentions them: ``list<u8>`` is always
``<world>_list_u8_t``. A named type has its interface's prefix.
"""

from __future__ import annotations

from .c_identifiers import Identifiers, Scope, Scopes, member_name, snake_case
from .errors import ComponentError
from .wit_model import WIT_NAMES, Interface, Kind, Type, World, dependencies_first
from .wit_text import show_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

_PRIMITIVES: Final = {
    Kind.BOOL: ("bool", 1),
    Kind.S8: ("int8_t", 1),
    Kind.U8: ("uint8_t", 1),
    Kind.S16: ("int16_t", 2),
    Kind.U16: ("uint16_t", 2),
    Kind.S32: ("int32_t", 4),
    Kind.U32: ("uint32_t", 4),
    Kind.S64: ("int64_t", 8),
    Kind.U64: ("uint64_t", 8),
    Kind.F32: ("float", 4),
    Kind.F64: ("double", 8),
    Kind.CHAR: ("uint32_t", 4),
}
"""The C type of each primitive but strings, and its size."""

RESOURCE_SUFFIXES: Final = ("_drop_own", "_drop_borrow", "_new", "_rep", "_destructor")
"""What follows the base of a resource in the names of its functions."""
STRING_SUFFIXES: Final = ("_set", "_dup", "_dup_n", "_free")

_POINTER: Final = 4
_BY_POINTER: Final = frozenset(
    (Kind.STRING, Kind.LIST, Kind.FIXED_LIST, Kind.RECORD, Kind.TUPLE, Kind.VARIANT, Kind.OPTION, Kind.RESULT)
)
_REFUSED: Final = (Kind.STREAM, Kind.FUTURE, Kind.ERROR_CONTEXT, Kind.MAP)
_MAX_FLAGS: Final = 32


class CType:
    """A value type in C.

    ``type_`` is the definition, without aliases; ``name`` is the type's name in C, ``base`` what its functions begin
    with, and ``key`` is equal for equal types. ``scope`` is where the first named type in it is declared, ``label`` its
    name there. ``has_memory`` and ``has_own`` describe what a value owns, memory and handles; ``original`` is the type
    that an alias stands for.
    """

    def __init__(self, type_: Type, name: str, base: str, key: object, size: int, align: int) -> None:
        self.type_ = type_
        self.kind = type_.kind
        self.name = name
        self.base = base
        self.key = key
        self.size = size
        self.align = align
        self.scope: Scope | None = None
        self.label = ""
        self.parts: list[CType | None] = []
        self.members: list[str] = []
        self.has_memory = False
        self.has_own = False
        self.has_borrow = False
        self.resource: CResource | None = None
        self.original = self

    def by_pointer(self) -> bool:
        """Return whether functions take and give it through a pointer."""
        return self.kind in _BY_POINTER

    def owns(self) -> bool:
        """Return whether a value has to be freed."""
        return self.has_memory or self.has_own

    def whole_parts(self) -> list[CType]:
        """Return the types of its members, of which there is one for each part."""
        return [part for part in self.parts if part is not None]


class CResource:
    """A resource in C: the types of its handles, and the functions for them."""

    def __init__(self, label: str, scope: Scope, own: str, borrow_own: str, base: str) -> None:
        self.label = label
        self.scope = scope
        self.own = own
        self.borrow = f"{borrow_own}_t"
        self.borrow_own = borrow_own
        self.base = base
        self.drop_own = f"{base}_drop_own"
        self.drop_borrow = f"{base}_drop_borrow"


class CTypes:
    """The C types of a world, in the order in which they are defined. ``typedefs`` are the lines of the header."""

    def __init__(self, scopes: Scopes, identifiers: Identifiers) -> None:
        self._scopes = scopes
        self._identifiers = identifiers
        self._known: dict[Type, CType] = {}
        self._resources: dict[Type, CResource] = {}
        self._anonymous: dict[object, CType] = {}
        self._seen: set[Type] = set()
        self.typedefs: list[str] = []
        self.resources: list[CResource] = []
        self.defined: list[CType] = []
        self.aliases: list[CType] = []
        self.string: CType | None = None

    def of(self, type_: Type) -> CType:
        """Return the C type of a value type; define it and its parts if they are new.

        :raises ComponentError: the type has no place in C bindings.
        """
        if type_ not in self._known:
            if type_.kind in _REFUSED:
                self._refuse(type_)
            if type_.kind in _PRIMITIVES or type_.kind == Kind.STRING:
                self._known[type_] = self._primitive(type_)
            for part in dependencies_first([type_], self._seen):
                self._define(part)
        return self._known[type_]

    def add_named(self, type_: Type) -> None:
        """Define a type that an interface or the world declares."""
        for part in dependencies_first([type_], self._seen):
            self._define(part)

    def resource(self, type_: Type) -> CResource:
        """Return a resource, which may have been reached through aliases."""
        return self._resources[type_.dealias()]

    def _refuse(self, type_: Type) -> None:
        where = "" if type_.name is None else f" ('{type_.name}')"
        raise ComponentError(f"C bindings do not support the type {show_type(type_)}{where}: they are synchronous")

    def _primitive(self, type_: Type) -> CType:
        if type_.kind == Kind.STRING:
            base = self._identifiers.take(f"{self._scopes.world}_string", "_t", *STRING_SUFFIXES)
            made = CType(type_, f"{base}_t", base, type_.kind, 2 * _POINTER, _POINTER)
            made.has_memory = True
            self.string = made
            self.typedefs.append(f"typedef struct {made.name} {{\n  uint8_t *ptr;\n  size_t len;\n}} {made.name};\n")
        else:
            name, size = _PRIMITIVES[type_.kind]
            made = CType(type_, name, "", type_.kind, size, size)
        made.label = WIT_NAMES[type_.kind]
        return made

    def _define(self, type_: Type) -> None:
        """Define a type whose parts are defined."""
        if type_.kind in _REFUSED:
            self._refuse(type_)
        if type_.kind == Kind.RESOURCE:
            self._define_resource(type_)
        elif type_.kind == Kind.ALIAS:
            self._define_alias(type_)
        else:
            self._define_value(type_)

    def _scope(self, type_: Type) -> Scope:
        owner = type_.owner
        assert isinstance(owner, (Interface, World))
        return self._scopes.of(owner)

    def _take(self, scope: Scope, label: str, *suffixes: str) -> str:
        """Return an unused base of the identifiers of a type."""
        return self._identifiers.take(f"{scope.prefix}_{label}", "_t", "_free", *suffixes)

    def _define_resource(self, type_: Type) -> None:
        scope = self._scope(type_)
        assert type_.name is not None
        label = snake_case(type_.name)
        own = f"{self._take(scope, f'own_{label}')}_t"
        borrow_own = self._take(scope, f"borrow_{label}", "")
        borrow = f"{borrow_own}_t"
        base = self._take(scope, label, *RESOURCE_SUFFIXES)
        made = CResource(type_.name, scope, own, borrow_own, base)
        self._resources[type_] = made
        self.resources.append(made)
        handle = "{\n  int32_t __handle;\n}"
        self.typedefs.append(f"typedef struct {own} {handle} {own};\n")
        if scope.exported:
            self.typedefs.append(f"typedef struct {base}_t {base}_t;\ntypedef {base}_t *{borrow};\n")
        else:
            self.typedefs.append(f"typedef struct {borrow} {handle} {borrow};\n")

    def _define_alias(self, type_: Type) -> None:
        target = type_.parts[0]
        assert target is not None and type_.name is not None
        scope, label = self._scope(type_), snake_case(type_.name)
        resource = self._resources.get(target.dealias())
        if resource is not None:
            for form, name in (("own", resource.own), ("borrow", resource.borrow)):
                self.typedefs.append(f"typedef {name} {self._take(scope, f'{form}_{label}')}_t;\n")
            return
        original = self.of(target).original
        base = self._take(scope, label)
        made = CType(original.type_, f"{base}_t", base, original.key, original.size, original.align)
        made.scope, made.label, made.original = scope, label, original
        made.parts, made.members, made.resource = original.parts, original.members, original.resource
        made.has_memory, made.has_own, made.has_borrow = original.has_memory, original.has_own, original.has_borrow
        self.typedefs.append(f"typedef {original.name} {made.name};\n")
        self._known[type_] = made
        self.aliases.append(made)

    def _define_value(self, type_: Type) -> None:
        if type_.kind in (Kind.OWN, Kind.BORROW):
            self._known[type_] = self._handle(type_)
            return
        parts = [None if part is None else self.of(part) for part in type_.parts]
        if type_.name is not None:
            scope, label = self._scope(type_), snake_case(type_.name)
            self._known[type_] = self._make(type_, parts, scope, label, type_)
            return
        parts = [None if part is None else part.original for part in parts]
        key = (type_.kind, type_.length, *(None if part is None else part.key for part in parts))
        if key not in self._anonymous:
            named = [part.scope for part in parts if part is not None and part.scope is not None]
            inner = named[0] if named else None
            label = _anonymous_label(type_, parts, inner)
            made = self._make(type_, parts, inner or self._scopes.root, label, key)
            made.scope = inner
            self._anonymous[key] = made
        self._known[type_] = self._anonymous[key]

    def _handle(self, type_: Type) -> CType:
        target = type_.parts[0]
        assert target is not None
        resource = self._resources[target.dealias()]
        is_own = type_.kind == Kind.OWN
        key = (type_.kind, target.dealias())
        if type_.name is None and key in self._anonymous:
            return self._anonymous[key]
        name = resource.own if is_own else resource.borrow
        made = CType(type_, name, name[:-2], key, _POINTER, _POINTER)
        made.scope, made.label, made.resource = resource.scope, name[len(resource.scope.prefix) + 1 : -2], resource
        made.has_own, made.has_borrow = is_own, not is_own
        if type_.name is not None:
            base = self._take(self._scope(type_), snake_case(type_.name))
            self.typedefs.append(f"typedef {name} {base}_t;\n")
        self._anonymous.setdefault(key, made)
        return self._anonymous[key]

    def _make(self, type_: Type, parts: list[CType | None], scope: Scope, label: str, key: object) -> CType:
        base = self._take(scope, label)
        made = CType(type_, f"{base}_t", base, key, 0, 1)
        made.scope, made.label, made.parts = scope, label, parts
        whole = made.whole_parts()
        made.has_memory = type_.kind == Kind.LIST or any(part.has_memory for part in whole)
        made.has_own = any(part.has_own for part in whole)
        made.has_borrow = any(part.has_borrow for part in whole)
        getattr(self, _DEFINITIONS[type_.kind])(made)
        made.size = -(-made.size // made.align) * made.align
        self.defined.append(made)
        return made

    # Each form of a type: append its typedef, set its size and alignment.

    def _list(self, made: CType) -> None:
        element = made.whole_parts()[0]
        made.size, made.align = 2 * _POINTER, _POINTER
        self._struct(made, [f"{element.name} *ptr;", "size_t len;"])

    def _fixed_list(self, made: CType) -> None:
        element = made.whole_parts()[0]
        made.size, made.align = element.size * made.type_.length, element.align
        self._struct(made, [f"{element.name} items[{made.type_.length}];"])

    def _record(self, made: CType) -> None:
        labels = made.type_.labels
        if made.kind == Kind.TUPLE:
            made.members = [f"f{place}" for place in range(len(made.parts))]
        else:
            made.members = [member_name(label) for label in labels]
        made.size, made.align = layout(made.whole_parts())
        self._struct(made, [f"{part.name} {name};" for part, name in zip(made.whole_parts(), made.members)])

    def _variant(self, made: CType) -> None:
        labels = made.type_.labels
        made.members = [member_name(label) for label in labels]
        tag = discriminant_size(len(labels))
        self._macros(made, list(labels))
        self._union(made, f"uint{8 * tag}_t tag;", tag)

    def _result(self, made: CType) -> None:
        made.members = ["ok", "err"]
        self._union(made, "bool is_err;", 1)

    def _option(self, made: CType) -> None:
        value = made.whole_parts()[0]
        made.align = value.align
        made.size = value.align + value.size
        self._struct(made, ["bool is_some;", f"{value.name} val;"])

    def _enum(self, made: CType) -> None:
        made.size = made.align = discriminant_size(len(made.type_.labels))
        self.typedefs.append(f"typedef uint{8 * made.size}_t {made.name};\n")
        self._macros(made, list(made.type_.labels))

    def _flags(self, made: CType) -> None:
        count = len(made.type_.labels)
        if count > _MAX_FLAGS:
            raise ComponentError(f"C bindings do not support {count} flags ('{made.type_.name}'): a component has 32")
        made.size = made.align = 1 if count <= 8 else 2 if count <= 16 else 4
        self.typedefs.append(f"typedef uint{8 * made.size}_t {made.name};\n")
        self._macros(made, list(made.type_.labels), flags=True)

    def _macros(self, made: CType, labels: list[str], flags: bool = False) -> None:
        lines = []
        for place, label in enumerate(labels):
            macro = self._identifiers.take(f"{made.base}_{snake_case(label)}".upper())
            lines.append(f"#define {macro} ({'UINT32_C(1) << ' if flags else ''}{place})\n")
        self.typedefs.append("".join(lines))

    def _union(self, made: CType, tag: str, size: int) -> None:
        """Define a tag with a union of the payloads, if any case has one."""
        fields = [f"{part.name} {name};" for part, name in zip(made.parts, made.members) if part is not None]
        whole = made.whole_parts()
        made.align = max([size, *(part.align for part in whole)])
        payload = max([0, *(part.size for part in whole)])
        start = max([size, *(part.align for part in whole)]) if whole else size
        made.size = start + payload
        if fields:
            tag += "\n  union {\n    " + "\n    ".join(fields) + "\n  } val;"
        self._struct(made, [tag])

    def _struct(self, made: CType, fields: list[str]) -> None:
        body = "".join(f"  {field}\n" for field in fields)
        self.typedefs.append(f"typedef struct {made.name} {{\n{body}}} {made.name};\n")


_DEFINITIONS: Final = {
    Kind.LIST: "_list",
    Kind.FIXED_LIST: "_fixed_list",
    Kind.RECORD: "_record",
    Kind.TUPLE: "_record",
    Kind.VARIANT: "_variant",
    Kind.RESULT: "_result",
    Kind.OPTION: "_option",
    Kind.ENUM: "_enum",
    Kind.FLAGS: "_flags",
}


def discriminant_size(cases: int) -> int:
    """Return the size of the number that says which case a variant has."""
    return 1 if cases <= 1 << 8 else 2 if cases <= 1 << 16 else 4


def layout(parts: list[CType]) -> tuple[int, int]:
    """Return the size, without padding at the end, and the alignment of a struct."""
    size, align = 0, 1
    for part in parts:
        size = -(-size // part.align) * part.align + part.size
        align = max(align, part.align)
    return size, align


def _anonymous_label(type_: Type, parts: list[CType | None], scope: Scope | None) -> str:
    """Return what an anonymous type is called: ``list_u8``, ``tuple2_u8_string``, ``result_void_error``."""
    words = [WIT_NAMES[type_.kind] + (str(len(parts)) if type_.kind == Kind.TUPLE else "")]
    if type_.kind == Kind.FIXED_LIST:
        words[0] = f"list{type_.length}"
    for part in parts:
        if part is None:
            words.append("void")
        elif part.scope is None or part.scope is scope:
            words.append(part.label)
        else:
            words.append(part.base)
    return "_".join(words)


def free_statements(made: CType, pointer: str, handles: bool, function: str) -> Iterator[str]:
    """Yield the body of a function that frees a value.

    :param handles: whether handles are dropped too; after a return they are the caller's.
    :param function: what follows the base of a type in the name of the function that frees it.
    """

    def free(part: CType, address: str) -> Iterator[str]:
        if part.has_memory or (handles and part.has_own):
            yield free_call(part, address, function)

    if made.kind == Kind.STRING:
        yield f"if ({pointer}->len > 0) free({pointer}->ptr);"
    elif made.kind == Kind.LIST:
        inner = list(free(made.whole_parts()[0], f"&{pointer}->ptr[i]"))
        if inner:
            yield f"for (size_t i = 0; i < {pointer}->len; i++) {{"
            yield from (f"  {line}" for line in inner)
            yield "}"
        yield f"if ({pointer}->len > 0) free({pointer}->ptr);"
    elif made.kind == Kind.FIXED_LIST:
        yield f"for (size_t i = 0; i < {made.type_.length}; i++) {{"
        yield from (f"  {line}" for line in free(made.whole_parts()[0], f"&{pointer}->items[i]"))
        yield "}"
    elif made.kind in (Kind.RECORD, Kind.TUPLE):
        for part, member in zip(made.whole_parts(), made.members):
            yield from free(part, f"&{pointer}->{member}")
    elif made.kind == Kind.OPTION:
        yield f"if ({pointer}->is_some) {{"
        yield from (f"  {line}" for line in free(made.whole_parts()[0], f"&{pointer}->val"))
        yield "}"
    elif made.kind in (Kind.VARIANT, Kind.RESULT):
        yield f"switch ({tag_of(made, pointer + '->')}) {{"
        for place, (case, member) in enumerate(zip(made.parts, made.members)):
            if case is not None:
                for line in free(case, f"&{pointer}->val.{member}"):
                    yield f"  case {place}: {line} break;"
        yield "  default: break;"
        yield "}"


def free_call(made: CType, pointer: str, function: str) -> str:
    """Return the statement that frees a value."""
    if made.kind == Kind.OWN:
        assert made.resource is not None
        value = pointer[1:] if pointer.startswith("&") else f"*{pointer}"
        return f"{made.resource.drop_own}({value});"
    return f"{made.original.base}_{function}({pointer});"


def tag_of(made: CType, prefix: str) -> str:
    """Return the number of a variant's case; a member of a value is ``prefix`` and the member's name."""
    return f"(int) {prefix}is_err" if made.kind == Kind.RESULT else f"{prefix}tag"
