"""The names by which core modules import and export what a world has: the legacy scheme and the one of ``cm32p2``.

Each name is looked up on its own, so that a module may mix the two.
"""

from __future__ import annotations

from .names import QualifiedName, parse_qualified_name
from .wit_model import Function, Interface, Kind, Type, World, WorldItem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

STANDARD: Final = "cm32p2"
"""The prefix of names of the second scheme."""

ROOT: Final = "$root"
EXPORT: Final = "[export]"

MEMORY_MODULE: Final = "env"
MEMORY_FIELD: Final = "memory"
MAIN_MODULE: Final = "__main_module__"

ASYNC_MARKS: Final = (
    "[async-",
    "[callback]",
    "[task-",
    "[subtask-",
    "[backpressure-",
    "[waitable-",
    "[context-",
    "[error-context-",
    "[thread-",
    "[future-",
    "[stream-",
    "[cancellable]",
)
"""The prefix of names of the asynchronous ABI."""


class Role:
    """The purpose of an import or export of a core module."""

    FUNCTION: Final = 0
    POST_RETURN: Final = 1
    DESTRUCTOR: Final = 2
    RESOURCE_DROP: Final = 3
    RESOURCE_NEW: Final = 4
    RESOURCE_REP: Final = 5
    MEMORY: Final = 6
    REALLOC: Final = 7
    IMPORT_REALLOC: Final = 8
    EXPORT_REALLOC: Final = 9
    ADAPTER_REALLOC: Final = 10
    INITIALIZE: Final = 11
    ADAPTER: Final = 12
    MAIN_ITEM: Final = 13
    INTRINSIC: Final = 14
    CALLBACK: Final = 15
    STACKFUL_FUNCTION: Final = 16


class Meaning:
    """The meaning of a core name. ``item`` is the world's import or export, ``exported`` tells them apart."""

    def __init__(
        self,
        role: int,
        item: WorldItem | None = None,
        function: Function | None = None,
        resource: Type | None = None,
        exported: bool = False,
        is_async: bool = False,
    ) -> None:
        self.is_async = is_async
        """It follows the asynchronous ABI."""
        self.role = role
        self.item = item
        self.function = function
        self.resource = resource
        self.exported = exported


GENERAL_EXPORTS: Final = {
    "memory": Role.MEMORY,
    "cabi_realloc": Role.REALLOC,
    "_initialize": Role.INITIALIZE,
}
STANDARD_EXPORTS: Final = {
    "cm32p2_memory": Role.MEMORY,
    "cm32p2_realloc": Role.REALLOC,
    "cm32p2_initialize": Role.INITIALIZE,
}
SPECIAL_REALLOCS: Final = {
    "canonical_abi_realloc": Role.REALLOC,
    "cabi_import_realloc": Role.IMPORT_REALLOC,
    "cabi_export_realloc": Role.EXPORT_REALLOC,
    "cabi_realloc_adapter": Role.ADAPTER_REALLOC,
}

UNCHECKED_REALLOC: Final = "canonical_abi_realloc"
"""An old name of ``cabi_realloc``, whose type is not checked."""


def _track(name: str) -> str:
    """Return the name of an interface with only the compatible part of its version."""
    qualified = parse_qualified_name(name)
    return name if qualified is None else qualified.track()


def _resources(types: dict[str, Type]) -> list[Type]:
    return [type_ for type_ in types.values() if type_.kind == Kind.RESOURCE]


class ImportNames:
    """Finds what the imports of a core module stand for."""

    def __init__(self, world: World, reject_legacy: bool) -> None:
        self._legacy: dict[str, dict[str, Meaning]] = {}
        self._standard: dict[str, dict[str, Meaning]] = {}
        self._compatible: dict[str, str] = {}
        self._reject_legacy = reject_legacy
        root: dict[str, Meaning] = {}
        standard_root: dict[str, Meaning] = {}
        for item in world.imports.values():
            value = item.value
            if isinstance(value, Interface):
                self._add_interface(item, value, exported=False)
                qualified = parse_qualified_name(item.name)
                if qualified is not None and qualified.version is not None:
                    self._compatible.setdefault(qualified.track(), item.name)
            elif isinstance(value, Function):
                root[value.name] = standard_root[value.name] = Meaning(Role.FUNCTION, item, value)
            elif value.kind == Kind.RESOURCE:
                assert value.name is not None
                drop = Meaning(Role.RESOURCE_DROP, item, None, value)
                root.setdefault(f"[resource-drop]{value.name}", drop)
                standard_root.setdefault(f"{value.name}_drop", drop)
        self._legacy[ROOT] = root
        self._standard[STANDARD] = standard_root
        for item in world.exports.values():
            if isinstance(item.value, Interface):
                self._add_interface(item, item.value, exported=True)

    def _add_interface(self, item: WorldItem, interface: Interface, exported: bool) -> None:
        legacy: dict[str, Meaning] = {}
        standard: dict[str, Meaning] = {}
        if not exported:
            for name, function in interface.functions.items():
                legacy[name] = standard[name] = Meaning(Role.FUNCTION, item, function)
        intrinsics = [("drop", Role.RESOURCE_DROP)]
        if exported:
            intrinsics += [("new", Role.RESOURCE_NEW), ("rep", Role.RESOURCE_REP)]
        for resource in _resources(interface.types):
            for word, role in intrinsics:
                meaning = Meaning(role, item, None, resource, exported)
                legacy.setdefault(f"[resource-{word}]{resource.name}", meaning)
                standard.setdefault(f"{resource.name}_{word}", meaning)
        self._legacy.setdefault((EXPORT if exported else "") + item.name, legacy)
        self._standard.setdefault(f"{STANDARD}|{'_ex_' if exported else ''}{_track(item.name)}", standard)

    def fields(self, module: str) -> dict[str, Meaning] | None:
        """Return what can be imported from ``module``, or ``None`` if nothing goes by that name."""
        if module.startswith(STANDARD):
            return self._standard.get(module)
        if self._reject_legacy:
            return None
        found = self._legacy.get(module)
        if found is not None:
            return found
        qualified: QualifiedName | None = parse_qualified_name(module)
        if qualified is None or qualified.version is None:
            return None
        compatible = self._compatible.get(qualified.track())
        return None if compatible is None else self._legacy[compatible]


def export_meanings(world: World, keys: set[str], reject_legacy: bool) -> dict[str, Meaning]:
    """Return what the exports of a core module stand for by their names: those of the world's exports in ``keys``."""
    found: dict[str, Meaning] = {}
    tables = [(STANDARD_EXPORTS, True), (SPECIAL_REALLOCS, True), (GENERAL_EXPORTS, not reject_legacy)]
    for table, wanted in tables:
        if wanted:
            for name, role in table.items():
                found[name] = Meaning(role)
    for item in world.exports.values():
        if item.name not in keys:
            continue
        value = item.value
        if isinstance(value, Function):
            _add_function(found, item, value, "", f"{STANDARD}||", reject_legacy)
        elif isinstance(value, Interface):
            legacy, standard = f"{item.name}#", f"{STANDARD}|{_track(item.name)}|"
            for function in value.functions.values():
                _add_function(found, item, function, legacy, standard, reject_legacy)
            for resource in _resources(value.types):
                meaning = Meaning(Role.DESTRUCTOR, item, None, resource, True)
                found.setdefault(f"{standard}{resource.name}_dtor", meaning)
                if not reject_legacy:
                    for prefix in ("", "[async-lift]", "[async-lift-stackful]"):
                        found.setdefault(f"{prefix}{legacy}[dtor]{resource.name}", meaning)
    return found


def _add_function(
    found: dict[str, Meaning], item: WorldItem, function: Function, legacy: str, standard: str, reject_legacy: bool
) -> None:
    itself = Meaning(Role.FUNCTION, item, function, None, True)
    post_return = Meaning(Role.POST_RETURN, item, function, None, True)
    found.setdefault(standard + function.name, itself)
    found.setdefault(f"{standard}{function.name}_post", post_return)
    if not reject_legacy:
        lifted = Meaning(Role.FUNCTION, item, function, None, True, True)
        found.setdefault(f"[async-lift]{legacy}{function.name}", lifted)
        callback = Meaning(Role.CALLBACK, item, function, None, True, True)
        found.setdefault(f"[callback][async-lift]{legacy}{function.name}", callback)
        stackful = Meaning(Role.STACKFUL_FUNCTION, item, function, None, True, True)
        found.setdefault(f"[async-lift-stackful]{legacy}{function.name}", stackful)
        found.setdefault(legacy + function.name, itself)
        found.setdefault(f"cabi_post_{legacy}{function.name}", post_return)
