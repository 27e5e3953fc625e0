"""Write the functions of the linker's own again: the calls of constructors, stubs, and the wrappers of commands."""

from __future__ import annotations

from collections.abc import Sequence

from ..binary.constants import Opcode, SymbolKind
from ..binary.leb128 import uleb
from ..binary.signature import parameters_and_results
from ..linking.chunks import NO_NUMBER
from ..linking.command_wrappers import call
from ..linking.synthetic_symbols import UNREACHABLE_BODY
from .last_module import read_number
from .match_objects import Unusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .update import Update


class OwnCode:
    """The linker's own functions in this link."""

    def __init__(self, update: Update, *, numbers_differ: bool) -> None:
        self._update = update
        self._differs = numbers_differ

    def number(self, number: int) -> int:
        """Return the new number of a function.

        :raises Unusable: it is gone.
        """
        now = self._update.numbers.functions[number]
        if now == NO_NUMBER:
            raise Unusable("a function that is gone is named")
        return now

    def _calls_of_constructors(self) -> bytes:
        """Return the body of the function that calls the constructors, in order of priority."""
        update, marks = self._update, self._update.marks
        assert update.resolved is not None
        found: list[tuple[int, int, int]] = []
        unchanged = {of[0]: of[1:] for of in update.resolved.interfaces.constructors}
        for ordinal in update.order:
            file = self._update.new.get(ordinal)
            if file is None:
                of = unchanged.get(ordinal, ())
                found += zip(of[::3], [self._update.numbers.number_of(marks.now(node)) for node in of[1::3]], of[2::3])
                continue
            for init in file.object.init_functions:
                symbol = file.symbols[init.symbol]
                if not symbol.is_discarded:
                    if symbol.signature is None or symbol.kind != SymbolKind.FUNCTION or symbol.signature[0]:
                        raise Unusable("a constructor that another object defines, or with arguments")
                    number = self._update.numbers.number_of(marks.node(symbol))
                    found.append((init.priority, number, len(parameters_and_results(symbol.signature)[1])))
        body = bytearray(1)
        for _, number, results in sorted(found, key=lambda entry: entry[0]):
            if number != NO_NUMBER:
                body += call(number) + bytes((Opcode.DROP,)) * results
        body.append(Opcode.END)
        return bytes(body)

    def _call_of_constructors(self) -> tuple[int, int]:
        """Return the number of the function that calls the constructors, in the last link and now; -1 if it is not
        there. The wrappers of a command's functions call it first."""
        update = self._update
        columns, resolved = update.columns, update.resolved
        assert resolved is not None
        node = columns.call_ctors
        was, now = bool(columns.live[node]), bool(update.marks.live[node])
        if was != now and not resolved.names.calls_constructors():
            destructors = resolved.names.number(b"__wasm_call_dtors")
            is_command = destructors >= 0 and resolved.names.is_defined(destructors)
            if not columns.wrappers or not is_command:
                raise Unusable("the first constructor, or the last one")
        return columns.imported if was else -1, len(update.undefined.imports) if now and update.undefined else -1

    def _check_wrapped(self, wrappers: Sequence[bytes]) -> None:
        """Check that the functions that wrappers call have the types that they had, since a wrapper has its function's
        type and passes each argument."""
        for body in wrappers:
            at = 1
            while at < len(body):
                opcode, at = body[at], at + 1
                if opcode in (Opcode.CALL, Opcode.LOCAL_GET):
                    number, at = read_number(body, at)
                    if opcode == Opcode.CALL and self._update.numbers.functions[number] != NO_NUMBER:
                        self.check_type(number)

    def check_type(self, number: int) -> None:
        """Check that a function that the last module named by this number has the type that it had.

        :raises Unusable: it has another one, or is gone.
        """
        update, numbers = self._update, self._update.numbers
        imported = update.columns.imported
        if number < imported:
            return
        index = self.number(number) - (imported if update.undefined is None else len(update.undefined.imports))
        if (
            update.last_signatures[numbers.last_function_types[number - imported]]
            != numbers.signatures[numbers.function_types[index]]
        ):
            raise Unusable("a function that the linker's own code or the start section names has another type")

    def entries(self, bodies: Sequence[bytes], *, is_first: bool = False) -> list[bytes]:
        """Return the entries of functions that the linker wrote, with the numbers of the functions that they call.

        :param is_first: whether they are those at the start of the code section.
        """
        if is_first and self._update.undefined is not None:
            own = self._update.undefined.own
            bodies = [UNREACHABLE_BODY if function.index else self._calls_of_constructors() for function in own]
            return [uleb(len(body)) + body for body in bodies]
        columns = self._update.columns
        constructors = -1
        before = after = -1
        if not is_first and self._update.undefined is not None:
            before, after = self._call_of_constructors()
        if is_first and self._update.resolved is not None and columns.live[columns.call_ctors]:
            constructors = columns.live.count(1, 0, columns.call_ctors)
        if not is_first:
            self._check_wrapped(bodies)
        if not self._differs and constructors < 0:
            return [uleb(len(body)) + body for body in bodies]
        found = []
        for number, body in enumerate(bodies):
            if number == constructors:
                body = self._calls_of_constructors()
                found.append(uleb(len(body)) + body)
                continue
            new = bytearray(body[:1])
            at = 1
            if body[:1] != b"\0":
                raise Unusable("a function of the linker has locals")
            if after >= 0 and before < 0:
                new += call(after)
            while at < len(body):
                opcode = body[at]
                start = at
                at += 1
                if opcode == Opcode.CALL:
                    number, at = read_number(body, at)
                    if number != before or after >= 0:
                        new += call(self.number(number))
                    continue
                if opcode == Opcode.LOCAL_GET:
                    _, at = read_number(body, at)
                elif opcode not in _PLAIN_OPCODES:
                    raise Unusable("a function of the linker that only the passes can write")
                new += body[start:at]
            found.append(uleb(len(new)) + bytes(new))
        return found


_PLAIN_OPCODES: Final = (Opcode.DROP, Opcode.END, Opcode.UNREACHABLE)
