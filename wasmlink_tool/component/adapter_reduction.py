"""Adapters are reduced to what the main module uses, and get a stack of their own.

1. Exports that are not kept are removed: the last one takes each gap.
2. What the kept exports reach is live, through bodies, globals and signatures.
3. An adapter has no data, and its stack pointer starts out as null: before its first function runs, its stack is
   allocated, with the main module's allocation function if it has one, else by growing memory. Where there is a state
   variable, each exported function begins with that; else a start function does it.
4. The live definitions are written with new indices.
"""

from __future__ import annotations

from ..binary.constants import MAGIC, VERSION, ExternalKind, SectionId
from ..binary.instructions import Body, Space
from ..binary.leb128 import sleb, uleb
from ..binary.reader import FormatError
from .adapter_module import AdapterModule
from .classified_module import REALLOC_SIGNATURE
from .component_writer import encode_text
from .core_module import CoreExport, CoreModule, Signature
from .core_names import MAIN_MODULE
from .errors import ComponentError, quote
from .helper_modules import name_section, section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

STACK_POINTER: Final = "__stack_pointer"
ALLOCATION_STATE: Final = "allocation_state"
REALLOC_IMPORTS: Final = ("cabi_realloc", "canonical_abi_realloc")
"""The adapters' name for the main module's allocation function."""

_MUTABLE_I32: Final = b"\x7f\1"
_EMPTY: Final = Signature(b"", b"")
_PAGE: Final = 65536

_IF: Final = b"\x04\x40"
_END: Final = b"\x0b"
_UNREACHABLE: Final = b"\x00"
_NOT_EQUAL: Final = b"\x47"
_EQUAL: Final = b"\x46"
_ADD: Final = b"\x6a"
_SHIFT_LEFT: Final = b"\x74"


def _constant(value: int) -> bytes:
    return b"\x41" + sleb(value)


def _local(index: int) -> bytes:
    return b"\x20" + uleb(index)


def grow_body() -> bytes:
    """Return an allocation function that grows memory by one page, and takes no other request than a fresh page."""
    parts = [b"\1\1\x7f"]
    for local, expected in ((0, 0), (1, 0), (3, _PAGE)):
        parts += (_constant(expected), _local(local), _NOT_EQUAL, _IF, _UNREACHABLE, _END)
    parts += (_constant(1), b"\x40\0", b"\x22\4", _constant(-1), _EQUAL, _IF, _UNREACHABLE, _END)
    parts += (_local(4), _constant(16), _SHIFT_LEFT, _END)
    return b"".join(parts)


def allocation_body(realloc: int, stack_pointer: int, state: int | None) -> bytes:
    """Return a function that allocates the stack; with ``state``, once."""
    parts = [b"\0"]
    if state is not None:
        get, put = b"\x23" + uleb(state), b"\x24" + uleb(state)
        parts += (get, _constant(0), _EQUAL, _IF, _constant(1), put)
    parts += (_constant(0), _constant(0), _constant(8), _constant(_PAGE), b"\x10" + uleb(realloc))
    parts += (_constant(_PAGE), _ADD, b"\x24" + uleb(stack_pointer))
    if state is not None:
        parts += (_constant(2), put, _END)
    parts.append(_END)
    return b"".join(parts)


def kept_exports(core: CoreModule, kept: set[str]) -> list[CoreExport]:
    """Return the exports that are kept, in the order that removing the others leaves: the last one takes each gap."""
    exports = list(core.exports)
    places = {export.name: place for place, export in enumerate(exports)}
    for export in core.exports:
        if export.name not in kept:
            place = places.pop(export.name)
            last = exports.pop()
            if last is not export:
                exports[place] = last
                places[last.name] = place
    return exports


class _Live:
    """The live definitions, by index."""

    def __init__(self, module: AdapterModule) -> None:
        self._module = module
        self.functions: set[int] = set()
        self.bodies: dict[int, Body] = {}
        self.types: set[int] = set()
        self.globals: set[int] = set()
        self.tables: set[int] = set()
        self.memories: set[int] = set()
        self._pending: list[int] = []

    def add_export(self, export: CoreExport) -> None:
        if export.kind == ExternalKind.FUNCTION:
            self._function(export.index)
        elif export.kind == ExternalKind.GLOBAL:
            self._global(export.index)
        elif export.kind == ExternalKind.TABLE:
            self.tables.add(export.index)
        elif export.kind == ExternalKind.MEMORY:
            self.memories.add(export.index)
        while self._pending:
            index = self._pending.pop()
            body = self._module.body(index)
            if body is not None:
                self.bodies[index] = body
                self._body(body)

    def _function(self, index: int) -> None:
        if index not in self.functions:
            self.types.add(self._module.function_type(index))
            self.functions.add(index)
            self._pending.append(index)

    def _global(self, index: int) -> None:
        if index >= len(self._module.globals):
            raise FormatError(f"there is no global {index}")
        if index not in self.globals:
            self.globals.add(index)
            initializer = self._module.globals[index].initializer
            if initializer is not None:
                self._body(initializer)

    def _body(self, body: Body) -> None:
        self.memories |= body.memories
        for space, index in zip(body.spaces, body.indices):
            if space == Space.FUNCTION:
                self._function(index)
            elif space == Space.GLOBAL:
                self._global(index)
            elif space == Space.TABLE:
                self.tables.add(index)
            else:
                self._module.signature(index)
                self.types.add(index)


class _Writer:
    """The reduced module while it is written: new indices, and what is added."""

    def __init__(self, module: AdapterModule, live: _Live) -> None:
        self.module = module
        self.live = live
        self.types = [module.signature(index).encode() for index in sorted(live.types)]
        self.type_numbers = {old: new for new, old in enumerate(sorted(live.types))}
        self.function_imports: list[tuple[str, str, int]] = []
        """Module, field, new type."""
        self.functions: list[tuple[int, bytes]] = []
        """New type, body."""
        self.names: list[str] = []

    def fresh_type(self, signature: Signature) -> int:
        self.types.append(signature.encode())
        return len(self.types) - 1


def _only_live_global(module: AdapterModule, live: _Live, name: str) -> int | None:
    """Return the live mutable i32 global of that name, if there is one."""
    found = [
        index
        for index in sorted(live.globals)
        if module.global_names.get(index) == name and module.globals[index].description == _MUTABLE_I32
    ]
    if len(found) > 1:
        raise FormatError(f"it has two globals with the name {quote(name)}")
    return found[0] if found else None


def reduce_adapter(core: CoreModule, kept: set[str], realloc: str | None, where: str, *, label: str) -> bytes:
    """Return the adapter with what its exports in ``kept`` need.

    ``realloc`` is the main module's export that allocates memory, if it has one and it is to be used. ``label`` is what
    the name section calls the adapter; without one there is no name section.
    """
    try:
        return _reduce(AdapterModule(core), kept, realloc, label)
    except FormatError as error:
        raise ComponentError(f"{where}: {error}") from None


def _reduce(module: AdapterModule, kept: set[str], realloc: str | None, label: str) -> bytes:
    exports = kept_exports(module.core, kept)
    live = _Live(module)
    for export in exports:
        live.add_export(export)
    _refuse_own(live.memories, module, ExternalKind.MEMORY, "memory")
    _refuse_own(live.tables, module, ExternalKind.TABLE, "table")
    writer = _Writer(module, live)
    function_imports = module.imports[ExternalKind.FUNCTION]
    imported = len(function_imports)

    # Function imports, with the main module's allocation function under its name there.
    local_reallocs: list[int] = []
    realloc_import = -1
    numbers: dict[int, int] = {}
    for index in sorted(live.functions):
        if index >= imported:
            break
        given = function_imports[index]
        type_ = writer.type_numbers[module.import_types[index]]
        field = given.field
        if given.module == MAIN_MODULE and field in REALLOC_IMPORTS:
            if realloc is None:
                local_reallocs.append(index)
                continue
            field = realloc
            realloc_import = len(writer.function_imports)
        numbers[index] = len(writer.function_imports)
        writer.function_imports.append((given.module, field, type_))

    stack_pointer = _only_live_global(module, live, STACK_POINTER)
    state = _only_live_global(module, live, ALLOCATION_STATE)
    if stack_pointer is not None and realloc is not None and realloc_import < 0:
        realloc_import = len(writer.function_imports)
        writer.function_imports.append((MAIN_MODULE, realloc, writer.fresh_type(REALLOC_SIGNATURE)))

    # Functions: the replacement of the allocation function, the live ones, then the function that allocates the stack.
    first = len(writer.function_imports)
    order: list[int] = []
    for index in local_reallocs:
        numbers[index] = first + len(order)
        order.append(index)
    for index in sorted(live.functions):
        if index >= imported:
            numbers[index] = first + len(order)
            order.append(index)
    global_numbers = {old: new for new, old in enumerate(sorted(live.globals))}
    lazy = stack_pointer is not None and state is not None and realloc is not None
    start: int | None = None
    added: list[tuple[int, bytes]] = []
    prologue = b""
    if stack_pointer is not None:
        if not live.memories and not module.imports[ExternalKind.MEMORY]:
            raise FormatError("it needs a stack, and imports no memory")
        pointer = global_numbers[stack_pointer]
        state_number = None if state is None else global_numbers[state]
        if lazy:
            allocate = first + len(order)
            added.append((writer.fresh_type(_EMPTY), allocation_body(realloc_import, pointer, state_number)))
            prologue = b"\x10" + uleb(allocate)
        else:
            allocator = realloc_import if realloc_import >= 0 else -1
            if local_reallocs:
                allocator = numbers[local_reallocs[0]]
            if (realloc is None and not local_reallocs) or state is None:
                allocator = first + len(order) + len(added)
                added.append((writer.fresh_type(REALLOC_SIGNATURE), grow_body()))
            if live.memories:
                start = first + len(order) + len(added)
                empty = [new for old, new in writer.type_numbers.items() if module.signature(old).key() == (b"", b"")]
                type_ = empty[-1] if empty else writer.fresh_type(_EMPTY)
                added.append((type_, allocation_body(allocator, pointer, state_number)))

    tables = sorted(live.tables)
    maps: list[dict[int, int]] = [{}, {}, {}, {}]
    maps[Space.FUNCTION] = numbers
    maps[Space.TYPE] = writer.type_numbers
    maps[Space.GLOBAL] = global_numbers
    maps[Space.TABLE] = {old: new for new, old in enumerate(tables)}
    exported = {export.index for export in exports if export.kind == ExternalKind.FUNCTION}
    for index in order:
        type_ = writer.type_numbers[module.function_type(index)]
        if index in local_reallocs:
            writer.functions.append((type_, grow_body()))
            continue
        encoded = live.bodies[index].encode(maps)
        if prologue and index in exported:
            encoded = _with_prologue(encoded, prologue)
        writer.functions.append((type_, encoded))
    writer.functions += added
    return _write(writer, exports, maps, start, label)


def _with_prologue(body: bytes, prologue: bytes) -> bytes:
    """Return a body that runs ``prologue`` first, after its locals."""
    from ..binary.reader import Reader

    reader = Reader(body, 0, len(body))
    for _ in range(reader.count()):
        reader.uleb()
        reader.value_type()
    return body[: reader.pos] + prologue + body[reader.pos :]


def _refuse_own(indices: set[int], module: AdapterModule, kind: int, what: str) -> None:
    if any(index >= len(module.imports[kind]) for index in indices):
        raise FormatError(f"what is used of it needs a {what} of its own, which an adapter cannot have")


def _write(
    writer: _Writer, exports: list[CoreExport], maps: list[dict[int, int]], start: int | None, label: str
) -> bytes:
    """Return the module."""
    module, live = writer.module, writer.live
    imports: list[bytes] = []
    for kind, indices in (
        (ExternalKind.MEMORY, live.memories),
        (ExternalKind.TABLE, live.tables),
        (ExternalKind.GLOBAL, live.globals),
    ):
        given = module.imports[kind]
        for index in sorted(indices):
            if index < len(given):
                name = encode_text(given[index].module) + encode_text(given[index].field)
                imports.append(name + bytes((kind,)) + given[index].description)
    for module_name, field, type_ in writer.function_imports:
        imports.append(encode_text(module_name) + encode_text(field) + b"\0" + uleb(type_))
    own_globals: list[bytes] = []
    for index in sorted(live.globals):
        initializer = module.globals[index].initializer
        if initializer is not None:
            own_globals.append(module.globals[index].description + initializer.encode(maps)[1:])
    kinds = {
        int(ExternalKind.FUNCTION): maps[Space.FUNCTION],
        int(ExternalKind.GLOBAL): maps[Space.GLOBAL],
        int(ExternalKind.TABLE): maps[Space.TABLE],
        int(ExternalKind.MEMORY): {old: new for new, old in enumerate(sorted(live.memories))},
    }
    written = [
        encode_text(export.name) + bytes((export.kind,)) + uleb(kinds[export.kind][export.index]) for export in exports
    ]
    parts = [MAGIC, VERSION]
    for number, items in (
        (SectionId.TYPE, writer.types),
        (SectionId.IMPORT, imports),
        (SectionId.FUNCTION, [uleb(type_) for type_, _ in writer.functions]),
        (SectionId.GLOBAL, own_globals),
        (SectionId.EXPORT, written),
    ):
        if items:
            parts.append(section(number, items))
    if start is not None:
        number_of_start = uleb(start)
        parts += (bytes((SectionId.START,)), uleb(len(number_of_start)), number_of_start)
    if writer.functions:
        parts.append(section(SectionId.CODE, [uleb(len(body)) + body for _, body in writer.functions]))
    if label:
        numbers = maps[Space.FUNCTION]
        names = {numbers[old]: name for old, name in module.function_names.items() if old in live.functions}
        parts.append(name_section(label, names))
    return b"".join(parts)
