"""Classify a core module's imports and exports, and check them against the world that it was made for."""

from __future__ import annotations

from ..binary.constants import ExternalKind
from ..binary.reader import FormatError
from .async_abi import ASYNC_LOWER, CALLBACK_SIGNATURE, Intrinsic, Intrinsics
from .canonical_abi import AbiTypes, lift, lower
from .core_module import CoreExport, CoreImport, CoreModule, Signature
from .core_names import (
    ASYNC_MARKS,
    EXPORT,
    MAIN_MODULE,
    MEMORY_FIELD,
    MEMORY_MODULE,
    ROOT,
    STANDARD,
    UNCHECKED_REALLOC,
    ImportNames,
    Meaning,
    Role,
    export_meanings,
)
from .descriptions import StringEncodings
from .errors import ComponentError, quote
from .names import parse_qualified_name, without_version
from .wit_model import Function, Interface, Type, World, WorldItem
from .wit_text import show_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_I32: Final = b"\x7f"

REALLOC_SIGNATURE: Final = Signature(_I32 * 4, _I32)
_EMPTY_SIGNATURE: Final = Signature(b"", b"")
_DROP_SIGNATURE: Final = Signature(_I32, b"")
_NEW_SIGNATURE: Final = Signature(_I32, _I32)

_ROLE_NAMES: Final = {
    Role.RESOURCE_DROP: "drops a handle",
    Role.RESOURCE_NEW: "makes a handle",
    Role.RESOURCE_REP: "returns what a handle stands for",
}


class ClassifiedImport:
    """An import of a core module. ``field`` is its name without the number of a duplicate."""

    def __init__(self, core: CoreImport, field: str, meaning: Meaning, intrinsic: Intrinsic | None = None) -> None:
        self.intrinsic = intrinsic
        self.core = core
        self.field = field
        self.meaning = meaning


class ClassifiedModule:
    """A core module whose imports and exports are known."""

    def __init__(
        self, name: str, label: str, core: CoreModule, encodings: StringEncodings, world: World, keys: set[str]
    ) -> None:
        self.name = name
        """The name in messages."""
        self.label = label
        """The name in traps and tools."""
        self.core = core
        self.encodings = encodings
        self.world = world
        self.keys = keys
        """The exports of the world that are this module's."""
        self.imports: dict[str, list[ClassifiedImport]] = {}
        """The imports by module name, in order of first appearance."""
        self.imports_memory: CoreImport | None = None
        self.memory: str | None = None
        self.reallocs: dict[int, str] = {}
        """The exports by role."""
        self.initializer: str | None = None
        self.functions: dict[Function, str] = {}
        self.post_returns: dict[Function, str] = {}
        self.async_functions: set[Function] = set()
        """Exported by the asynchronous ABI, with a callback or stackful."""
        self.callbacks: dict[Function, str] = {}
        self.destructors: dict[Type, str] = {}
        self.role_names: set[str] = set()
        """The exports that have a role."""
        self.by_name: dict[str, CoreExport] = {export.name: export for export in core.exports}

    def realloc_for_lowering(self) -> str | None:
        """Return the export with which results of imported functions are allocated."""
        return self.reallocs.get(Role.IMPORT_REALLOC) or self.reallocs.get(Role.REALLOC)

    def realloc_for_lifting(self) -> str | None:
        """Return the export with which parameters of exported functions are allocated."""
        return self.reallocs.get(Role.EXPORT_REALLOC) or self.reallocs.get(Role.REALLOC)

    def import_encoding(self, item: WorldItem, function: Function) -> int:
        """Return the string encoding of an imported function."""
        return self._encoding(self.encodings.imports, item, function, "imports")

    def export_encoding(self, item: WorldItem, function: Function) -> int:
        """Return the string encoding of an exported function."""
        return self._encoding(self.encodings.exports, item, function, "exports")

    def _encoding(self, table: Mapping[tuple[str, str], int], item: WorldItem, function: Function, verb: str) -> int:
        interface = without_version(item.name) if isinstance(item.value, Interface) else ""
        found = table.get((interface, function.name))
        if found is None:
            raise ComponentError(
                f"{self.name} {verb} {show_name(item, function)}, but none of its own component-type sections has it"
            )
        return found


def show_name(item: WorldItem, function: Function) -> str:
    """Return a function's name for a message, with the interface that it is in."""
    if isinstance(item.value, Function):
        return f"function {quote(function.name)} of the world"
    return f"function {quote(function.name)} of interface {quote(item.name)}"


class Classifier:
    """Classifies the modules of one component."""

    def __init__(self, world: World, types: AbiTypes, adapters: set[str], reject_legacy: bool) -> None:
        self._world = world
        self._types = types
        self._adapters = adapters
        self._reject_legacy = reject_legacy
        self._names = ImportNames(world, reject_legacy)
        self._intrinsics = Intrinsics(world, types)

    def classify(
        self,
        name: str,
        label: str,
        core: CoreModule,
        encodings: StringEncodings,
        keys: set[str],
        renamed: Mapping[tuple[str, str], str],
    ) -> ClassifiedModule:
        """Return a module with all that its imports and exports are for.

        ``renamed`` gives the original field of an import that was renamed as a duplicate.
        """
        module = ClassifiedModule(name, label, core, encodings, self._world, keys)
        seen: set[tuple[str, str]] = set()
        for core_import in core.imports:
            self._import(module, core_import, seen, renamed)
        meanings = export_meanings(self._world, keys, self._reject_legacy)
        try:
            for export in core.exports:
                self._export(module, export, meanings.get(export.name))
        except FormatError as error:
            raise ComponentError(f"{name}: {error}") from None
        self._check_complete(module)
        return module

    def _import(
        self,
        module: ClassifiedModule,
        core: CoreImport,
        seen: set[tuple[str, str]],
        renamed: Mapping[tuple[str, str], str],
    ) -> None:
        pair = (core.module, core.field)
        if pair in seen:
            raise ComponentError(f"{module.name} imports {quote(core.field)} of {quote(core.module)} twice")
        seen.add(pair)
        if core.kind == ExternalKind.MEMORY and pair == (MEMORY_MODULE, MEMORY_FIELD):
            module.imports_memory = core
            module.imports.setdefault(core.module, []).append(ClassifiedImport(core, core.field, Meaning(Role.MEMORY)))
            return
        if core.module == MAIN_MODULE:
            meaning = Meaning(Role.MAIN_ITEM)
            module.imports.setdefault(core.module, []).append(ClassifiedImport(core, core.field, meaning))
            return
        signature = core.signature
        if signature is None:
            raise ComponentError(
                f"{module.name} imports {quote(core.field)} of {quote(core.module)}, which is not a function: "
                "components provide functions, and one memory as 'env'.'memory'"
            )
        intrinsic: Intrinsic | None = None
        if core.module in self._adapters:
            meaning, field = Meaning(Role.ADAPTER), core.field
        else:
            field = core.field
            found = self._meaning(module, core, field)
            if found is None and pair in renamed:
                field = renamed[pair]
                found = self._meaning(module, core, field)
            if found is None and not self._reject_legacy:
                intrinsic = self._intrinsics.find(core.module, field)
                found = None if intrinsic is None else Meaning(Role.INTRINSIC)
            if found is None:
                raise self._unknown_import(module, core)
            meaning = found
            if intrinsic is None:
                self._check_import(module, core, meaning)
            elif signature.key() != intrinsic.signature.key():
                raise ComponentError(
                    f"{module.name} imports {quote(core.field)} of {quote(core.module)} as {signature}, but it is "
                    f"{intrinsic.signature}"
                )
        if core.module in self._adapters and pair in renamed:
            field = renamed[pair]
        module.imports.setdefault(core.module, []).append(ClassifiedImport(core, field, meaning, intrinsic))

    def _meaning(self, module: ClassifiedModule, core: CoreImport, field: str) -> Meaning | None:
        fields = self._names.fields(core.module)
        if fields is None:
            return None
        found = fields.get(field)
        if found is None and field.startswith(ASYNC_LOWER) and not core.module.startswith(STANDARD):
            itself = fields.get(field.removeprefix(ASYNC_LOWER))
            if itself is not None and itself.role == Role.FUNCTION:
                found = Meaning(Role.FUNCTION, itself.item, itself.function, None, False, True)
        return found

    def _unknown_import(self, module: ClassifiedModule, core: CoreImport) -> ComponentError:
        """Return the error for an import with an unknown name."""
        what = f"{module.name} imports function {quote(core.field)} of {quote(core.module)}"
        for name in (core.field, core.module.removeprefix(EXPORT)):
            if name.startswith(ASYNC_MARKS):
                return ComponentError(f"{what}, which belongs to the asynchronous ABI: that is not supported")
        if core.module.startswith(STANDARD) and not self._names.fields(core.module):
            return ComponentError(f"{what}, and the world has no import of that name")
        if self._names.fields(core.module) is not None:
            return ComponentError(f"{what}, and the world has no such function there")
        if core.module == "wasi_snapshot_preview1" or core.module == "wasi_unstable":
            return ComponentError(
                f"{what}, and no adapter of that name was given: give one with --adapt or --wasi-adapter"
            )
        if self._reject_legacy:
            return ComponentError(f"{what}, a name of the legacy scheme, and those are to be rejected")
        qualified = parse_qualified_name(core.module)
        if qualified is not None or core.module in (ROOT,):
            others = [name for name in self._world.imports if without_version(name) == without_version(core.module)]
            hint = f"; it imports {quote(others[0])}" if others else ""
            return ComponentError(f"{what}, and the world does not import that interface{hint}")
        return ComponentError(
            f"{what}, which is neither an import of the world nor the name of an adapter: is a definition missing in "
            "the link (--allow-undefined was given), or an adapter (--adapt)?"
        )

    def _check_import(self, module: ClassifiedModule, core: CoreImport, meaning: Meaning) -> None:
        assert core.signature is not None
        if meaning.function is not None:
            assert meaning.item is not None
            expected = lower(meaning.function, self._types, meaning.is_async).signature
            if core.signature.key() != expected.key():
                raise ComponentError(
                    f"{module.name} imports {show_name(meaning.item, meaning.function)} as {core.signature}, but the "
                    f"world says {show_function(meaning.function)}, which is {expected}"
                )
            module.import_encoding(meaning.item, meaning.function)
            return
        expected = _DROP_SIGNATURE if meaning.role == Role.RESOURCE_DROP else _NEW_SIGNATURE
        if core.signature.key() != expected.key():
            raise ComponentError(
                f"{module.name} imports {quote(core.field)} of {quote(core.module)} as {core.signature}, but what "
                f"{_ROLE_NAMES[meaning.role]} is {expected}"
            )

    def _export(self, module: ClassifiedModule, export: CoreExport, meaning: Meaning | None) -> None:
        if meaning is None:
            return
        role = meaning.role
        if role == Role.MEMORY:
            if export.kind != ExternalKind.MEMORY:
                raise ComponentError(f"{module.name} exports {quote(export.name)}, which is not a memory")
            if module.memory is not None:
                raise ComponentError(
                    f"{module.name} exports two memories: {quote(module.memory)} and {quote(export.name)}"
                )
            module.memory = export.name
            module.role_names.add(export.name)
            return
        if export.kind != ExternalKind.FUNCTION:
            raise ComponentError(f"{module.name} exports {quote(export.name)}, which is not a function")
        signature = module.core.function_signature(export.index)
        module.role_names.add(export.name)
        if meaning.function is not None:
            assert meaning.item is not None
            if role == Role.STACKFUL_FUNCTION or (role == Role.FUNCTION and meaning.is_async):
                module.async_functions.add(meaning.function)
            table = module.functions
            if role == Role.POST_RETURN:
                table = module.post_returns
            elif role == Role.CALLBACK:
                table = module.callbacks
                _check_signature(module, export, signature, CALLBACK_SIGNATURE, "a callback")
            before = table.setdefault(meaning.function, export.name)
            if before != export.name:
                raise ComponentError(
                    f"{module.name} exports {show_name(meaning.item, meaning.function)} twice: as {quote(before)} and "
                    f"as {quote(export.name)}"
                )
            if role in (Role.FUNCTION, Role.STACKFUL_FUNCTION):
                expected = lift(meaning.function, self._types).signature
                if meaning.is_async:
                    expected = Signature(expected.parameters, _I32 if role == Role.FUNCTION else b"")
                if signature.key() != expected.key():
                    raise ComponentError(
                        f"{module.name} exports {show_name(meaning.item, meaning.function)} as {signature}, but the "
                        f"world says {show_function(meaning.function)}, which is {expected}"
                    )
            return
        if role == Role.DESTRUCTOR:
            assert meaning.resource is not None
            _check_signature(module, export, signature, _DROP_SIGNATURE, "a destructor")
            module.destructors.setdefault(meaning.resource, export.name)
        elif role == Role.INITIALIZE:
            _check_signature(module, export, signature, _EMPTY_SIGNATURE, "an initializer")
            if module.initializer is None:
                module.initializer = export.name
        else:
            if export.name != UNCHECKED_REALLOC:
                _check_signature(module, export, signature, REALLOC_SIGNATURE, "an allocation function")
            module.reallocs.setdefault(role, export.name)

    def _check_complete(self, module: ClassifiedModule) -> None:
        """Check post-returns against their functions, and that all exported functions of the module's world are there,
        and what they need."""
        for function, name in module.post_returns.items():
            exported = module.functions.get(function)
            if exported is None:
                continue
            results = module.core.function_signature(module.by_name[exported].index).results
            signature = module.core.function_signature(module.by_name[name].index)
            if signature.key() != (results, b""):
                raise ComponentError(
                    f"{module.name} exports {quote(name)} as {signature}, but the post-return of {quote(exported)} is "
                    f"{Signature(results, b'')}"
                )
        for key in module.keys:
            item = self._world.exports.get(key)
            if item is None:
                continue
            value = item.value
            functions = list(value.functions.values()) if isinstance(value, Interface) else []
            if isinstance(value, Function):
                functions = [value]
            for function in functions:
                if function not in module.functions:
                    core_name = function.name if isinstance(value, Function) else f"{key}#{function.name}"
                    raise ComponentError(
                        f"{module.name} does not export {show_name(item, function)}: the world says "
                        f"{show_function(function)}, which is a core function {quote(core_name)} of the type "
                        f"{lift(function, self._types).signature}"
                    )


def _check_signature(
    module: ClassifiedModule, export: CoreExport, signature: Signature, expected: Signature, what: str
) -> None:
    if signature.key() != expected.key():
        raise ComponentError(f"{module.name} exports {quote(export.name)} as {signature}, but {what} is {expected}")
