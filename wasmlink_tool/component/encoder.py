"""The encoder: a world and classified core modules become a component.

The order of what is written is that of ``wasm-tools component new``: imports, core modules, the shim, the types of
exported interfaces, the instances of the core modules, the fixup, exports. An item is written when something first
needs it, so the order of the calls below is the order in the file.
"""

from __future__ import annotations

from ..binary.constants import ExternalKind
from ..binary.leb128 import uleb
from .async_abi import TASK_RETURN, Intrinsic
from .canonical_abi import AbiTypes, Lowering, lift, lower
from .classified_module import ClassifiedImport, ClassifiedModule, show_name
from .component_writer import ComponentWriter, NamedSort, Sort, encode_name, encode_text
from .core_names import MAIN_MODULE, Role
from .directed_world import DirectedWorld
from .errors import ComponentError, quote
from .helper_modules import FIXUP_NAME, SHIM_MEMORY, SHIM_NAME, fixup_module, shim_module
from .live_types import find_live_imports, interface_types
from .lowering_slots import Slot, SlotKind, Slots
from .type_scopes import InstanceScope, NestedScope, RootScope
from .wit_model import Function, Interface, Kind, Type, WorldItem, dependencies_first

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final


class CanonicalOption:
    MEMORY: Final = 3
    REALLOC: Final = 4
    POST_RETURN: Final = 5
    ASYNC: Final = 6
    CALLBACK: Final = 7


_RESOURCE_OPCODES: Final = {Role.RESOURCE_NEW: b"\2", Role.RESOURCE_DROP: b"\3", Role.RESOURCE_REP: b"\4"}
_REP_I32: Final = b"\x3f\x7f"


class Encoder:
    """Encodes one component."""

    def __init__(
        self,
        directed: DirectedWorld,
        types: AbiTypes,
        main: ClassifiedModule,
        adapters: dict[str, ClassifiedModule],
        pieces: dict[str, Sequence[bytes]],
        producers: list[tuple[str, str, str]] | None,
    ) -> None:
        """``pieces`` are the modules' bytes by name; without ``producers`` nothing gets a name for traps and tools."""
        self._world = directed.world
        self._types = types
        self._main = main
        self._adapters = adapters
        self._modules = [main, *adapters.values()]
        self._pieces = pieces
        self._producers = producers
        self._writer = ComponentWriter()
        self._root = RootScope(self._writer, self._world)
        self._slots = Slots(main, list(adapters.values()), types)
        self._live = find_live_imports(directed, self._modules)
        self._function_indices: dict[Function, int] = {}
        """The indices of the world's own functions."""
        self._core_aliases: dict[tuple[int, int, str], int] = {}
        self._core_module_indices: dict[str, int] = {}
        self._core_instance_indices: dict[str, int] = {}
        self._shim_instance = -1
        self._memory = -1

    def encode(self) -> list[bytes]:
        """Return the component in pieces."""
        self._import_world()
        for module in self._modules:
            index = self._writer.core_module(self._pieces[module.name])
            self._core_module_indices[module.name] = self._writer.name(NamedSort.CORE_MODULE, index, module.label)
        self._make_shim()
        for module in self._modules:
            for interface in self._exported_interfaces(module):
                self._define_exported_types(module, interface)
        for module in self._modules:
            self._instantiate(module)
        self._fix_up()
        for module in self._modules:
            self._export_all(module)
        if self._producers is None:
            return self._writer.chunks()
        self._writer.custom("producers", producers_section(self._producers))
        return self._writer.chunks(named=True)

    def _exports(self, module: ClassifiedModule) -> list[WorldItem]:
        return [item for item in self._world.exports.values() if item.name in module.keys]

    def _exported_interfaces(self, module: ClassifiedModule) -> list[Interface]:
        return [item.value for item in self._exports(module) if isinstance(item.value, Interface)]

    # Imports

    def _import_world(self) -> None:
        """Import the interfaces as far as they are live, then the world's own types and functions."""
        live = self._live
        for item in self._world.imports.values():
            value = item.value
            if isinstance(value, Interface):
                functions = [function for function in value.functions.values() if function in live.functions]
                types = live.types.get(value, [])
                if functions or types:
                    self._import_interface(item, value, types, functions)
            elif isinstance(value, Type):
                self._root.index(value)
            elif value in live.functions:
                index = self._root.function(value)
                name = encode_name(item.name, item.attributes)
                description = bytes((Sort.FUNCTION,)) + uleb(index)
                self._function_indices[value] = self._writer.import_(name, Sort.FUNCTION, description)

    def _import_interface(
        self, item: WorldItem, interface: Interface, types: list[Type], functions: list[Function]
    ) -> None:
        scope = InstanceScope(interface, self._root.alias)
        for type_ in types:
            scope.index(type_)
        for function in functions:
            scope.export_function(function)
        index = self._writer.type(scope.body())
        name = encode_name(item.name, item.attributes)
        description = bytes((Sort.INSTANCE,)) + uleb(index)
        instance = self._writer.import_(name, Sort.INSTANCE, description)
        self._root.instances[interface] = self._writer.name(NamedSort.INSTANCE, instance, item.name)

    # Core modules and their instances

    def _make_shim(self) -> None:
        """Write and instantiate the shim module, if there is anything for it to do."""
        slots = self._slots.entries
        memory = self._main.imports_memory
        if not slots and memory is None:
            return
        description = None if memory is None else memory.description
        names = None if self._producers is None else [slot.label() for slot in slots]
        module = self._writer.core_module([shim_module([slot.signature for slot in slots], names, description)])
        self._writer.name(NamedSort.CORE_MODULE, module, SHIM_NAME)
        self._shim_instance = self._writer.core_instantiate(module, [])
        self._writer.name(NamedSort.CORE_INSTANCE, self._shim_instance, SHIM_NAME)
        if memory is not None:
            self._memory = self._core_alias(ExternalKind.MEMORY, self._shim_instance, SHIM_MEMORY)

    def _core_alias(self, kind: int, instance: int, name: str) -> int:
        """Return the index of what a core instance exports; one alias serves all users."""
        key = (kind, instance, name)
        found = self._core_aliases.get(key)
        if found is None:
            found = self._core_aliases[key] = self._writer.alias_core(kind, instance, name)
        return found

    def _slot_function(self, slot: int) -> int:
        """Return the shim's function for a slot."""
        return self._core_alias(ExternalKind.FUNCTION, self._shim_instance, str(slot))

    def _define_exported_types(self, module: ClassifiedModule, interface: Interface) -> None:
        """Define an exported interface's types at the root."""
        root = self._root
        root.owner = interface
        for type_ in interface.types.values():
            if type_.kind == Kind.RESOURCE:
                slot = self._slots.destructor(module, type_)
                destructor = b"\0" if slot < 0 else b"\1" + uleb(self._slot_function(slot))
                root.resource_bodies[type_] = _REP_I32 + destructor
            root.index(type_)
        root.owner = self._world

    def _instantiate(self, module: ClassifiedModule) -> None:
        """Bundle a module's imports and instantiate it."""
        writer = self._writer
        arguments: list[tuple[str, int]] = []
        for name, fields in module.imports.items():
            exports: list[tuple[str, int, int]] = []
            for imported in fields:
                exports.append((imported.core.field, imported.core.kind, self._field(module, imported)))
            bundle = writer.core_bundle(exports)
            arguments.append((name, writer.name(NamedSort.CORE_INSTANCE, bundle, f"{module.label} imports {name}")))
        instance = writer.core_instantiate(self._core_module_indices[module.name], arguments)
        self._core_instance_indices[module.name] = writer.name(NamedSort.CORE_INSTANCE, instance, module.label)
        if module is self._main and module.memory is not None and self._memory < 0:
            self._memory = self._core_alias(ExternalKind.MEMORY, instance, module.memory)

    def _field(self, module: ClassifiedModule, imported: ClassifiedImport) -> int:
        """Make what a module imports; return its core index."""
        meaning = imported.meaning
        if meaning.role == Role.MEMORY:
            if self._memory < 0:
                raise ComponentError(f"{module.name} imports a memory, and the main module exports none as 'memory'")
            return self._memory
        if meaning.role == Role.MAIN_ITEM:
            return self._main_item(module, imported)
        if meaning.role == Role.ADAPTER:
            return self._slot_function(self._slots.adapter_function(module, imported.core.module, imported.field))
        if meaning.function is not None and meaning.item is not None:
            slot = self._slots.lowered(module, meaning.function, meaning.is_async)
            if slot >= 0:
                return self._slot_function(slot)
            lowering = lower(meaning.function, self._types, meaning.is_async)
            return self._lower(module, meaning.item, meaning.function, lowering, meaning.is_async)
        if imported.intrinsic is not None:
            slot = self._slots.intrinsic(module, imported.core.module, imported.field)
            return self._slot_function(slot) if slot >= 0 else self._define_intrinsic(module, imported.intrinsic)
        assert meaning.resource is not None
        resource = meaning.resource
        owner = resource.owner
        if isinstance(owner, Interface) and not meaning.exported:
            index = self._root.alias(resource)
        else:
            index = self._root.defined[resource]
        return self._writer.canon_core(_RESOURCE_OPCODES[meaning.role] + uleb(index))

    def _main_item(self, module: ClassifiedModule, imported: ClassifiedImport) -> int:
        """Return what an adapter imports of the main module."""
        if module is self._main:
            raise ComponentError(
                f"{module.name} imports {quote(imported.core.field)} of {quote(MAIN_MODULE)}: only adapters can"
            )
        export = self._main.by_name.get(imported.core.field)
        if export is None or export.kind != imported.core.kind:
            hint = ""
            if imported.core.field == "_start":
                hint = ": a command's adapter needs a program with a main function; a library takes a reactor's adapter"
            raise ComponentError(
                f"{module.name} needs {quote(imported.core.field)} of the main module, which does not export it{hint}"
            )
        if imported.core.signature is not None:
            signature = self._main.core.function_signature(export.index)
            if signature.key() != imported.core.signature.key():
                raise ComponentError(
                    f"{module.name} needs {quote(export.name)} of the main module as {imported.core.signature}, but it "
                    f"is {signature} there"
                )
        return self._core_alias(export.kind, self._core_instance_indices[self._main.name], export.name)

    def _define_intrinsic(self, module: ClassifiedModule, intrinsic: Intrinsic) -> int:
        """Define an intrinsic of the asynchronous ABI for a module."""
        root = self._root
        body = [bytes((intrinsic.code,))]
        item = intrinsic.item
        if intrinsic.exported and item is not None and isinstance(item.value, Interface):
            root.owner = item.value
        if intrinsic.code == TASK_RETURN:
            body.append(b"\1\0" if intrinsic.type_ is None else b"\0" + root.value(intrinsic.type_))
        elif intrinsic.type_ is not None:
            body.append(uleb(root.index(intrinsic.type_)))
        root.owner = self._world
        body.append(intrinsic.tail)
        if intrinsic.takes_memory:
            if self._memory < 0:
                raise ComponentError(f"{module.name} waits for events, and {self._main.name} exports no memory")
            body.append(uleb(self._memory))
        if intrinsic.has_options:
            assert item is not None and intrinsic.function is not None
            options: list[bytes] = []
            if intrinsic.memory or intrinsic.realloc:
                options.append(self._memory_option(module, item, intrinsic.function))
            if intrinsic.realloc:
                options.append(self._lowering_realloc(module, item, intrinsic.function))
            if intrinsic.mentions_realloc:
                self._realloc(module, module.realloc_for_lifting(), item, intrinsic.function)
            if intrinsic.encoding:
                encoding = module.export_encoding if intrinsic.exported else module.import_encoding
                options.append(bytes((encoding(item, intrinsic.function),)))
            if intrinsic.is_async:
                options.append(bytes((CanonicalOption.ASYNC,)))
            body += (uleb(len(options)), *options)
        return self._writer.canon_core(b"".join(body))

    def _memory_option(self, module: ClassifiedModule, item: WorldItem, function: Function) -> bytes:
        return bytes((CanonicalOption.MEMORY,)) + uleb(self._needed_memory(module, item, function))

    def _lowering_realloc(self, module: ClassifiedModule, item: WorldItem, function: Function) -> bytes:
        """Return the option with which results are allocated in a module."""
        slot = self._slots.realloc(module)
        if slot >= 0:
            realloc = self._slot_function(slot)
        else:
            realloc = self._realloc(module, module.realloc_for_lowering(), item, function)
        return bytes((CanonicalOption.REALLOC,)) + uleb(realloc)

    def _lower(
        self, module: ClassifiedModule, item: WorldItem, function: Function, lowering: Lowering, is_async: bool
    ) -> int:
        """Lower an imported function for a module."""
        if isinstance(item.value, Interface):
            instance = self._root.instances[item.value]
            index = self._writer.alias_export(Sort.FUNCTION, instance, function.name)
        else:
            index = self._function_indices[function]
        options: list[bytes] = []
        if lowering.memory or lowering.realloc:
            options.append(self._memory_option(module, item, function))
        if lowering.realloc:
            options.append(self._lowering_realloc(module, item, function))
        if lowering.encoding:
            options.append(bytes((module.import_encoding(item, function),)))
        if is_async:
            options.append(bytes((CanonicalOption.ASYNC,)))
        return self._writer.lower(index, b"".join([uleb(len(options)), *options]))

    def _needed_memory(self, module: ClassifiedModule, item: WorldItem, function: Function) -> int:
        if self._memory < 0:
            raise ComponentError(
                f"{show_name(item, function)} takes memory, and {self._main.name} exports none as 'memory'"
            )
        return self._memory

    def _realloc(self, module: ClassifiedModule, name: str | None, item: WorldItem, function: Function) -> int:
        """Return a module's allocation function."""
        if name is None:
            raise ComponentError(
                f"{show_name(item, function)} allocates memory in {module.name}, which does not export 'cabi_realloc': "
                "define void *cabi_realloc(void *old, size_t old_size, size_t align, size_t new_size) and export it"
            )
        return self._core_alias(ExternalKind.FUNCTION, self._core_instance_indices[module.name], name)

    def _fix_up(self) -> None:
        """Write the fixup module and instantiate it with what belongs into the slots."""
        slots = self._slots.entries
        initializer = self._main.initializer
        if not slots and initializer is None:
            return
        writer = self._writer
        signatures = [slot.signature for slot in slots]
        module = writer.core_module([fixup_module(signatures, initializer, named=self._producers is not None)])
        arguments: list[tuple[str, int]] = []
        if slots:
            exports = [(str(i), int(ExternalKind.FUNCTION), self._fill(slot)) for i, slot in enumerate(slots)]
            arguments.append(("actual", writer.core_bundle(exports)))
        if initializer is not None:
            arguments.append(("main", self._core_instance_indices[self._main.name]))
        if slots:
            arguments.append(("shim", self._shim_instance))
        writer.name(NamedSort.CORE_MODULE, module, FIXUP_NAME)
        writer.name(NamedSort.CORE_INSTANCE, writer.core_instantiate(module, arguments), FIXUP_NAME)

    def _fill(self, slot: Slot) -> int:
        """Return the core function that belongs into a slot."""
        if slot.kind == SlotKind.LOWERED:
            assert slot.item is not None and slot.function is not None and slot.lowering is not None
            return self._lower(slot.module, slot.item, slot.function, slot.lowering, slot.is_async)
        if slot.intrinsic is not None:
            return self._define_intrinsic(slot.module, slot.intrinsic)
        module = self._adapters[slot.name] if slot.kind == SlotKind.ADAPTER else slot.module
        return self._core_alias(ExternalKind.FUNCTION, self._core_instance_indices[module.name], slot.field)

    # Exports

    def _export_all(self, module: ClassifiedModule) -> None:
        """Export what a module implements: functions, then interfaces."""
        items = self._exports(module)
        for item in items:
            if isinstance(item.value, Function):
                index = self._lift(module, item, item.value)
                self._writer.export(encode_name(item.name, item.attributes), Sort.FUNCTION, index)
        for item in items:
            if isinstance(item.value, Interface):
                self._export_interface(module, item, item.value)

    def _lift(self, module: ClassifiedModule, item: WorldItem, function: Function) -> int:
        """Lift a function that a module exports."""
        lowering = lift(function, self._types)
        type_ = self._root.function(function)
        instance = self._core_instance_indices[module.name]
        core = self._core_alias(ExternalKind.FUNCTION, instance, module.functions[function])
        options: list[bytes] = []
        if lowering.memory or lowering.realloc:
            options.append(self._memory_option(module, item, function))
        if lowering.realloc:
            realloc = self._realloc(module, module.realloc_for_lifting(), item, function)
            options.append(bytes((CanonicalOption.REALLOC,)) + uleb(realloc))
        if lowering.encoding:
            options.append(bytes((module.export_encoding(item, function),)))
        if function in module.async_functions:
            options.append(bytes((CanonicalOption.ASYNC,)))
        post_return = module.post_returns.get(function)
        if post_return is not None:
            index = self._core_alias(ExternalKind.FUNCTION, instance, post_return)
            options.append(bytes((CanonicalOption.POST_RETURN,)) + uleb(index))
        callback = module.callbacks.get(function)
        if callback is not None and function in module.async_functions:
            index = self._core_alias(ExternalKind.FUNCTION, instance, callback)
            options.append(bytes((CanonicalOption.CALLBACK,)) + uleb(index))
        return self._writer.lift(core, b"".join([uleb(len(options)), *options]), type_)

    def _export_interface(self, module: ClassifiedModule, item: WorldItem, interface: Interface) -> None:
        """Export an interface as the instance of a component that gives its types and functions their names."""
        root, writer = self._root, self._writer
        root.owner = interface
        lifted = [self._lift(module, item, function) for function in interface.functions.values()]
        nested = ComponentWriter()
        scope = NestedScope(nested)
        foreign = [
            type_
            for type_ in dependencies_first(interface_types(interface), set())
            if type_.name is not None and type_.owner is not interface
        ]
        for type_ in foreign:
            scope.index(type_)
            root.index(type_)
        scope.end_foreign_types()
        resources = [type_ for type_ in interface.types.values() if type_.kind == Kind.RESOURCE]
        resource_indices = {type_: scope.index(type_) for type_ in resources}
        arguments: list[tuple[str, int, int]] = []
        for function, index in zip(interface.functions.values(), lifted):
            name = _import_name(function)
            type_index = scope.function(function)
            nested.import_(encode_name(name), Sort.FUNCTION, bytes((Sort.FUNCTION,)) + uleb(type_index))
            arguments.append((name, int(Sort.FUNCTION), index))
        arguments += [(name, int(Sort.TYPE), root.defined[type_]) for name, type_ in scope.imported]
        scope.begin_exports()
        for type_ in interface.types.values():
            if type_ in resource_indices:
                scope.defined[type_] = scope.export_type(type_, resource_indices[type_])
            else:
                scope.index(type_)
        for index, function in enumerate(interface.functions.values()):
            type_index = scope.function(function)
            name_bytes = encode_name(function.name, function.attributes)
            nested.export(name_bytes, Sort.FUNCTION, index, bytes((Sort.FUNCTION,)) + uleb(type_index))
        component = writer.component(nested.chunks())
        instance = writer.instantiate(component, arguments)
        name_bytes = encode_name(item.name, item.attributes)
        exported = writer.export(name_bytes, Sort.INSTANCE, instance)
        root.instances[interface] = writer.name(NamedSort.INSTANCE, exported, item.name)
        root.forget(interface)
        root.owner = self._world


def producers_section(entries: list[tuple[str, str, str]]) -> bytes:
    """Return the contents of a ``producers`` section: field, name and version of each tool, each name once."""
    fields: dict[str, dict[str, str]] = {}
    for field, name, version in entries:
        fields.setdefault(field, {}).setdefault(name, version)
    parts = [uleb(len(fields))]
    for field, tools in fields.items():
        parts += (encode_text(field), uleb(len(tools)))
        parts += [encode_text(name) + encode_text(version) for name, version in tools.items()]
    return b"".join(parts)


def _import_name(function: Function) -> str:
    """Return the name under which a nested component imports a function."""
    if not function.name.startswith("["):
        return f"import-func-{function.name}"
    plain = function.name.replace("[", "")
    for character in "]. ":
        plain = plain.replace(character, "-")
    return f"import-{plain}"
