"""Slots: the core functions that a module needs before what they are made from is there.

Lowering a function that reads or writes memory takes the module's own memory, an adapter's functions take the adapter's
instance, and a resource's destructor is an export of the module that the resource type comes before. Each gets a slot
of the shim module, which the fixup module fills in the end.
"""

from __future__ import annotations

from .async_abi import Intrinsic
from .canonical_abi import AbiTypes, Lowering, lower
from .classified_module import REALLOC_SIGNATURE, ClassifiedModule
from .core_module import Signature
from .core_names import Role
from .wit_model import Function, Type, WorldItem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TypeAlias

    SlotKey: TypeAlias = "tuple[str, str, object]"

_DESTRUCTOR_SIGNATURE: Final = Signature(b"\x7f", b"")


class SlotKind:
    LOWERED: Final = 0
    ADAPTER: Final = 1
    DESTRUCTOR: Final = 2
    REALLOC: Final = 3
    INTRINSIC: Final = 4


class Slot:
    """One slot: the module that it is for, and what will be in it.

    ``name`` is the adapter's name of an adapter's function; ``field`` the core function that is exported under it, by
    the adapter or by ``module``.
    """

    def __init__(self, kind: int, module: ClassifiedModule, signature: Signature, name: str, field: str) -> None:
        self.kind = kind
        self.module = module
        self.signature = signature
        self.name = name
        self.field = field
        self.item: WorldItem | None = None
        self.function: Function | None = None
        self.lowering: Lowering | None = None
        self.intrinsic: Intrinsic | None = None
        self.is_async = False

    def label(self) -> str:
        """Return a name for what is in the slot."""
        return f"{self.name}.{self.field}" if self.name else self.field


class Slots:
    """All slots in order."""

    def __init__(self, main: ClassifiedModule, adapters: list[ClassifiedModule], types: AbiTypes) -> None:
        self.entries: list[Slot] = []
        self._numbers: dict[SlotKey, int] = {}
        self._direct = main.imports_memory is not None
        for module in (main, *adapters):
            self._add_module(module, types)

    def _add(self, key: SlotKey, slot: Slot) -> None:
        if key not in self._numbers:
            self._numbers[key] = len(self.entries)
            self.entries.append(slot)

    def _add_module(self, module: ClassifiedModule, types: AbiTypes) -> None:
        for fields in module.imports.values():
            for imported in fields:
                meaning = imported.meaning
                if meaning.role == Role.ADAPTER:
                    assert imported.core.signature is not None
                    name = imported.core.module
                    slot = Slot(SlotKind.ADAPTER, module, imported.core.signature, name, imported.field)
                    self._add((module.name, name, imported.field), slot)
                elif imported.intrinsic is not None:
                    self._add_intrinsic(module, imported.core.module, imported.field, imported.intrinsic)
                elif meaning.function is not None:
                    lowering = lower(meaning.function, types, meaning.is_async)
                    if self._direct:
                        realloc = module.realloc_for_lowering()
                        if lowering.realloc and realloc is not None:
                            slot = Slot(SlotKind.REALLOC, module, REALLOC_SIGNATURE, "", realloc)
                            self._add((module.name, "realloc", None), slot)
                    elif lowering.memory or lowering.realloc:
                        assert meaning.item is not None
                        name = meaning.item.name if meaning.item.name != imported.field else ""
                        slot = Slot(SlotKind.LOWERED, module, lowering.signature, name, imported.field)
                        slot.item, slot.function, slot.lowering = meaning.item, meaning.function, lowering
                        slot.is_async = meaning.is_async
                        kind = "lower async" if meaning.is_async else "lower"
                        self._add((module.name, kind, meaning.function), slot)
        for resource, export in module.destructors.items():
            slot = Slot(SlotKind.DESTRUCTOR, module, _DESTRUCTOR_SIGNATURE, "", export)
            self._add((module.name, "destructor", resource), slot)

    def _add_intrinsic(self, module: ClassifiedModule, name: str, field: str, intrinsic: Intrinsic) -> None:
        if self._direct:
            realloc = module.realloc_for_lowering()
            if intrinsic.realloc and realloc is not None:
                slot = Slot(SlotKind.REALLOC, module, REALLOC_SIGNATURE, "", realloc)
                self._add((module.name, "realloc", None), slot)
        elif intrinsic.is_late():
            slot = Slot(SlotKind.INTRINSIC, module, intrinsic.signature, name, field)
            slot.intrinsic = intrinsic
            self._add((module.name, name, f"intrinsic {field}"), slot)

    def intrinsic(self, module: ClassifiedModule, name: str, field: str) -> int:
        """Return the slot of an intrinsic, or -1 if it needs none."""
        return self._numbers.get((module.name, name, f"intrinsic {field}"), -1)

    def adapter_function(self, module: ClassifiedModule, adapter: str, field: str) -> int:
        """Return the slot of an adapter's function."""
        return self._numbers[module.name, adapter, field]

    def lowered(self, module: ClassifiedModule, function: Function, is_async: bool) -> int:
        """Return the slot of a lowered function, or -1 if it needs none."""
        return self._numbers.get((module.name, "lower async" if is_async else "lower", function), -1)

    def realloc(self, module: ClassifiedModule) -> int:
        """Return the slot of a module's allocation function, or -1."""
        return self._numbers.get((module.name, "realloc", None), -1)

    def destructor(self, module: ClassifiedModule, resource: Type) -> int:
        """Return the slot of a resource's destructor, or -1 if it has none."""
        return self._numbers.get((module.name, "destructor", resource), -1)
