"""The asynchronous ABI: core names of its intrinsics, and how each is defined.

An intrinsic is a core function that a component provides by a canonical definition of its own: to end a task, to wait,
to make, read and write streams and futures. Names are those of the legacy scheme; the other scheme has none yet.
"""

from __future__ import annotations

import re

from ..binary.leb128 import uleb
from .canonical_abi import MAX_FLAT_PARAMETERS, AbiTypes, lift
from .core_module import Signature
from .core_names import EXPORT, ROOT
from .wit_model import PRIMITIVES, Function, Interface, Kind, Type, World, WorldItem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

ASYNC_LOWER: Final = "[async-lower]"
ASYNC_LIFT: Final = "[async-lift]"
ASYNC_LIFT_STACKFUL: Final = "[async-lift-stackful]"
CALLBACK: Final = "[callback]"

_I32: Final = b"\x7f"
_I64: Final = b"\x7e"

CALLBACK_SIGNATURE: Final = Signature(_I32 * 3, _I32)

_NOTHING: Final = Signature(b"", b"")
_TAKES_ONE: Final = Signature(_I32, b"")
_TAKES_TWO: Final = Signature(_I32 * 2, b"")
_GIVES_ONE: Final = Signature(b"", _I32)
_ONE_TO_ONE: Final = Signature(_I32, _I32)
_TWO_TO_ONE: Final = Signature(_I32 * 2, _I32)
_THREE_TO_ONE: Final = Signature(_I32 * 3, _I32)
_MAKES_PAIR: Final = Signature(b"", _I64)

TASK_RETURN: Final = 0x09


class Intrinsic:
    """One intrinsic: its canonical definition up to what the component decides.

    ``code`` and then, of these, what there is: a type's index (or, to end a task, its result), a flag, options, the
    memory. ``type_`` is the stream or future, or the result of a task.
    """

    def __init__(self, code: int, signature: Signature, tail: bytes = b"") -> None:
        self.code = code
        self.signature = signature
        self.tail = tail
        self.type_: Type | None = None
        self.has_type = False
        self.function: Function | None = None
        self.item: WorldItem | None = None
        self.exported = False
        self.takes_memory = False
        """It has the memory as an operand."""
        self.has_options = False
        self.memory = False
        self.realloc = False
        self.encoding = False
        self.is_async = False
        self.mentions_realloc = False
        """The task's parameters or result may need an allocation function: it is made known, and not an option."""

    def is_late(self) -> bool:
        """Return whether it is defined with the module's memory."""
        return self.takes_memory or self.memory


_PLAIN: Final = {
    "[backpressure-inc]": (0x24, _NOTHING, b""),
    "[backpressure-dec]": (0x25, _NOTHING, b""),
    "[subtask-drop]": (0x0D, _TAKES_ONE, b""),
    "[subtask-cancel]": (0x06, _ONE_TO_ONE, b"\0"),
    "[async-lower][subtask-cancel]": (0x06, _ONE_TO_ONE, b"\1"),
    "[waitable-set-new]": (0x1F, _GIVES_ONE, b""),
    "[waitable-set-drop]": (0x22, _TAKES_ONE, b""),
    "[waitable-join]": (0x23, _TAKES_TWO, b""),
    "[thread-yield]": (0x0C, _GIVES_ONE, b"\0"),
}

_WAITS: Final = {
    "[waitable-set-wait]": (0x20, b"\0"),
    "[waitable-set-poll]": (0x21, b"\0"),
}

_CONTEXT: Final = re.compile(r"\[context-(get|set)-(?:(i32|i64)-)?([0-9])\]")
_PIPE: Final = re.compile(
    r"(\[async-lower\])?\[(stream|future)-"
    r"(new|read|write|cancel-read|cancel-write|drop-readable|drop-writable|forward)-([0-9]+|unit)\](.*)"
)

_PIPE_CODES: Final = {
    "stream": (0x0E, 0x0F, 0x10, 0x11, 0x12, 0x13, 0x14, 0x2E),
    "future": (0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x2F),
}
_OPERATIONS: Final = (
    "new",
    "read",
    "write",
    "cancel-read",
    "cancel-write",
    "drop-readable",
    "drop-writable",
    "forward",
)


def _plain(field: str) -> Intrinsic | None:
    """Return an intrinsic that belongs to no function."""
    known = _PLAIN.get(field)
    if known is not None:
        return Intrinsic(*known)
    waits = _WAITS.get(field)
    if waits is not None:
        found = Intrinsic(waits[0], _TWO_TO_ONE, waits[1])
        found.takes_memory = True
        return found
    context = _CONTEXT.fullmatch(field)
    if context is None:
        return None
    value = _I64 if context.group(2) == "i64" else _I32
    slot = value + uleb(int(context.group(3)))
    if context.group(1) == "get":
        return Intrinsic(0x0A, Signature(b"", value), slot)
    return Intrinsic(0x0B, Signature(value, b""), slot)


def pipes_of(function: Function) -> list[Type]:
    """Return each stream and future in a function's type, as often as it is there, inner ones first."""
    found: list[Type] = []
    roots = [*function.parameter_types, *([] if function.result is None else [function.result])]
    for root in roots:
        stack: list[tuple[Type, int]] = [(root, 0)]
        while stack:
            current, position = stack.pop()
            parts = () if current.kind in (Kind.OWN, Kind.BORROW) else current.parts
            while position < len(parts):
                part = parts[position]
                position += 1
                if part is not None and part.kind not in PRIMITIVES:
                    stack.append((current, position))
                    stack.append((part, 0))
                    break
            else:
                if current.kind in (Kind.STREAM, Kind.FUTURE):
                    found.append(current)
    return found


class Intrinsics:
    """Finds the intrinsics that core names stand for."""

    def __init__(self, world: World, types: AbiTypes) -> None:
        self._world = world
        self._types = types

    def find(self, module: str, field: str) -> Intrinsic | None:
        """Return what ``module``.``field`` stands for, if it is an intrinsic."""
        exported = module.startswith(EXPORT)
        interface = module.removeprefix(EXPORT)
        if interface == ROOT and not exported:
            plain = _plain(field)
            if plain is not None:
                return plain
        if module == EXPORT + ROOT and field == "[task-cancel]":
            return Intrinsic(0x05, _NOTHING)
        if exported and field == "[task-cancel]":
            return Intrinsic(0x05, _NOTHING)
        if exported and field.startswith("[task-return]"):
            located = self._function(interface, field.removeprefix("[task-return]"), exported)
            return None if located is None else self._task_return(*located)
        pipe = _PIPE.fullmatch(field)
        if pipe is None:
            return None
        lowered, kind, operation, number, name = pipe.groups()
        located = self._function(interface, name, exported)
        if located is None:
            return None
        item, function = located
        if number == "unit":
            type_: Type | None = Type(Kind.STREAM if kind == "stream" else Kind.FUTURE, [None])
        else:
            pipes = pipes_of(function)
            type_ = pipes[int(number)] if int(number) < len(pipes) else None
        if type_ is None or type_.kind != (Kind.STREAM if kind == "stream" else Kind.FUTURE):
            return None
        found = self._pipe(kind, operation, type_, lowered is not None)
        found.item, found.function, found.exported = item, function, exported
        return found

    def _function(self, interface: str, name: str, exported: bool) -> tuple[WorldItem, Function] | None:
        items = self._world.exports if exported else self._world.imports
        if interface == ROOT:
            item = items.get(name)
            return (item, item.value) if item is not None and isinstance(item.value, Function) else None
        item = items.get(interface)
        if item is None or not isinstance(item.value, Interface):
            return None
        function = item.value.functions.get(name)
        return None if function is None else (item, function)

    def _task_return(self, item: WorldItem, function: Function) -> Intrinsic:
        flat = b"" if function.result is None else self._types.flat([function.result])
        lifting = lift(function, self._types)
        found = Intrinsic(TASK_RETURN, Signature(flat if len(flat) <= MAX_FLAT_PARAMETERS else _I32, b""))
        found.item, found.function, found.exported = item, function, True
        found.type_ = function.result
        found.has_options = True
        found.memory = lifting.memory
        result = None if function.result is None else self._types.facts(function.result)
        found.mentions_realloc = lifting.realloc or len(flat) > 1 or (result is not None and result.has_list)
        found.encoding = lifting.encoding
        return found

    def _pipe(self, kind: str, operation: str, type_: Type, lowered: bool) -> Intrinsic:
        code = _PIPE_CODES[kind][_OPERATIONS.index(operation)]
        if operation in ("read", "write"):
            found = Intrinsic(code, _THREE_TO_ONE if kind == "stream" else _TWO_TO_ONE)
            element = type_.parts[0]
            facts = None if element is None else self._types.facts(element)
            found.has_options = True
            found.memory = True
            found.realloc = operation == "read" and facts is not None and facts.has_list
            found.encoding = facts is not None and facts.has_string
            found.is_async = lowered
        elif operation == "new":
            found = Intrinsic(code, _MAKES_PAIR)
        elif operation == "forward":
            found = Intrinsic(code, _TAKES_TWO)
        elif operation.startswith("cancel"):
            found = Intrinsic(code, _ONE_TO_ONE, b"\1" if lowered else b"\0")
        else:
            found = Intrinsic(code, _TAKES_ONE)
        found.type_ = type_
        found.has_type = True
        return found
