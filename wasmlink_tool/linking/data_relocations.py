"""Code that relocates data at run time: ``__wasm_apply_data_relocs`` and ``__wasm_apply_tls_relocs``.

Each field needs one store of an address: its location is relative to the base of memory (or of a thread's block), and
its value is relative to a base as well, or an entry of the global offset table. Engines limit the size of a function:
7,654,321 bytes is common. So if the stores take more than :data:`MOST_PLAIN` bytes, helper functions execute them. A
field is then a call with its location and its value, a run of fields whose values have equal distances is one call, and
the calls are divided among several functions. The effect is the same, and the code is smaller.
"""

from __future__ import annotations

from ..binary import constants as c
from ..binary.constants import Opcode
from ..binary.leb128 import uleb
from ..binary.relocation_types import FROM_PLACE, TABLE_INDICES, WIDTH
from ..options import LinkOptions
from .chunks import NO_NUMBER, InputSegment, ObjectInput
from .command_wrappers import call
from .divided_code import DividedCode, add_live_function
from .output_segments import OutputSegment
from .relocate import Relocator, segment_relocations
from .relocation_values import Bases
from .resolution import Resolution
from .symbols import UNDEFINED, Symbol
from .target import Target, i32_const, i64_const
from .thread_context import push_base

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

MOST_PLAIN: Final = 1 << 20
"""The largest body, in bytes, that is written as wasm-ld writes it."""
_SHORTEST_RUN: Final = 3
"""The length from which one call for a run is smaller than one for each field."""
_END: Final = bytes((Opcode.END,))


class Field:
    """A field of data that is relocated at run time."""

    __slots__ = ("base", "got", "place", "place_base", "value", "wide")

    def __init__(
        self, place: int, place_base: Symbol | None, *, wide: bool, base: Symbol | None, got: Symbol | None, value: int
    ) -> None:
        self.place = place
        self.place_base = place_base
        """The global, or the function, that ``place`` is relative to; ``None`` if it is an address."""
        self.wide = wide
        """Whether it has 64 bits."""
        self.base = base
        """The same for ``value``; ``None`` if it is added to an entry of the global offset table."""
        self.got = got
        """The symbol whose entry that is. Its number may change until all indices are final."""
        self.value = value

    def store(self, target: Target) -> bytes:
        """Return the instructions that store the value."""
        code = target.const(self.place)
        if self.place_base is not None:
            code += push_base(self.place_base) + target.add
        constant = (i64_const if self.wide else i32_const)(self.value)
        code += _entry(self.got) if self.base is None else push_base(self.base)
        if self.base is not None or self.value:
            code += constant + bytes((Opcode.I64_ADD if self.wide else Opcode.I32_ADD,))
        return code + bytes((Opcode.I64_STORE if self.wide else Opcode.I32_STORE, 2, 0))


def _entry(symbol: Symbol | None) -> bytes:
    """Return an instruction that pushes a symbol's entry of the global offset table."""
    assert symbol is not None
    return bytes((Opcode.GLOBAL_GET,)) + uleb(symbol.got_number)


def relocated_fields(
    resolution: Resolution, segments: list[OutputSegment], bases: Bases, options: LinkOptions, *, tls: bool
) -> Iterator[Field]:
    """Yield the fields whose values only the dynamic linker knows: addresses of this module's definitions, which move
    with its bases, and of others', which are in the global offset table.

    :param tls: yield the fields in threads' blocks, or all others.
    """
    relocator = Relocator(bases)
    for segment in segments:
        if (segment.is_tls and options.has_threads) is not tls:
            continue
        for chunk in segment.chunks:
            if isinstance(chunk, InputSegment) and isinstance(chunk.file, ObjectInput):
                yield from _fields_of(resolution, chunk, chunk.file, bases, options, relocator)


def has_tls_relocations(segments: list[OutputSegment]) -> bool:
    """Return whether the initial contents of thread-local data have relocations."""
    for segment in segments:
        for chunk in segment.inputs if segment.is_tls else ():
            if segment_relocations(chunk).types:
                return True
    return False


def _fields_of(
    resolution: Resolution,
    chunk: InputSegment,
    file: ObjectInput,
    bases: Bases,
    options: LinkOptions,
    relocator: Relocator,
) -> Iterator[Field]:
    start = file.object.segments.offsets[chunk.index]
    relocs = segment_relocations(chunk)
    thread_local = chunk.is_tls and options.has_threads
    tls_base = resolution.get_tls_base if options.threads_share_instance else resolution.tls_base
    place_base = None
    if options.is_pic or thread_local:
        place_base = tls_base if thread_local else resolution.memory_base
    known: dict[tuple[int, int], int] = {}
    for type_, offset, index, addend in zip(relocs.types, relocs.offsets, relocs.indices, relocs.addends):
        if type_ in FROM_PLACE:
            # A distance within the module does not depend on the address at which it is loaded.
            continue
        symbol = file.symbols[index]
        in_got = symbol.got_is_imported or (thread_local and symbol.got_number != NO_NUMBER)
        if not options.is_pic and not in_got and not (thread_local and symbol.is_tls):
            continue
        table_index = type_ in TABLE_INDICES
        if not in_got and table_index and symbol.state == UNDEFINED and symbol.table_slot == NO_NUMBER:
            # A weak function that no other module can define: null already.
            continue
        place = chunk.output_offset(offset - start) if thread_local else chunk.address(offset - start)
        wide = WIDTH[type_] == 8
        if in_got:
            yield Field(place, place_base, wide=wide, base=None, got=symbol, value=addend)
            continue
        target = type_, index
        value = known.get(target)
        if value is None:
            value = known[target] = relocator.value(file, type_, index, 0)
        if symbol.state != UNDEFINED:
            value += addend
        base = resolution.table_base if table_index else resolution.memory_base
        if symbol.is_tls and thread_local:
            # Other data has the address of the first thread's variable, whose block is the static copy.
            base = tls_base
            value -= bases.tls
        assert base is not None
        yield Field(place, place_base, wide=wide, base=base, got=None, value=value)


class _Run:
    """Consecutive fields whose values have equal distances."""

    __slots__ = ("count", "first", "step")

    def __init__(self, first: Field) -> None:
        self.first = first
        self.count = 1
        self.step = 0


class Helpers:
    """The functions that a large ``__wasm_apply_data_relocs`` or ``__wasm_apply_tls_relocs`` calls."""

    def __init__(self, resolution: Resolution, name: bytes, fields: list[Field]) -> None:
        self._target = resolution.target
        self._resolution = resolution
        self._name = name
        self._place_base = fields[0].place_base
        self._stores: dict[tuple[Symbol | None, bool], Symbol] = {}
        """Maps the base that a helper adds to the value, and whether it stores a run, to the helper."""
        self._runs = list(self._runs_of(fields))
        for run in self._runs:
            if self._has_helper(run.first):
                self._declare_store(run)
        self._calls = DividedCode(resolution, name, len(self._runs))

    def _has_helper(self, field: Field) -> bool:
        return field.place_base is not None and field.wide is self._target.is_64

    def _runs_of(self, fields: list[Field]) -> Iterator[_Run]:
        """Split the fields into runs, in order."""
        width = self._target.bits // 8
        at = 0
        while at < len(fields):
            run = _Run(fields[at])
            if self._has_helper(run.first):
                last = run.first
                while at + run.count < len(fields):
                    field = fields[at + run.count]
                    step = field.value - last.value
                    follows = field.place == last.place + width and field.wide is last.wide
                    same_base = field.base is last.base and field.got is last.got
                    if not follows or not same_base or (run.count > 1 and step != run.step):
                        break
                    run.step, last = step, field
                    run.count += 1
                if run.count < _SHORTEST_RUN:
                    run.count, run.step = 1, 0
            yield run
            at += run.count

    def _declare_store(self, run: _Run) -> None:
        base, is_run = run.first.base, run.count > 1
        if (base, is_run) in self._stores:
            return
        pointer = self._target.pointer_type
        parameters = pointer * 2 + (bytes((c.ValueType.I32,)) + pointer if is_run else b"")
        name = (
            self._name + (b".run" if is_run else b".store") + (b"" if base is None else b"." + base.name.lstrip(b"_"))
        )
        signature = uleb(len(parameters)) + parameters + b"\0"
        self._stores[base, is_run] = add_live_function(self._resolution, name, signature)

    # Once every index is known

    def write(self) -> bytes:
        """Write the helpers' bodies; return the code that calls all of them."""
        bodies = self._resolution.synthetic.bodies
        for (base, is_run), helper in self._stores.items():
            assert self._place_base is not None
            bodies[helper.index] = self._store_body(self._place_base, base, is_run=is_run)
        return self._calls.write(map(self._call, self._runs))

    def _call(self, run: _Run) -> bytes:
        field, target = run.first, self._target
        if not self._has_helper(field):
            return field.store(target)
        arguments = target.const(field.place)
        if field.base is None:
            arguments += _entry(field.got)
        if field.base is not None or field.value:
            arguments += target.const(field.value)
        if field.base is None and field.value:
            arguments += target.add
        if run.count > 1:
            arguments += i32_const(run.count) + target.const(run.step)
        return arguments + call(self._stores[field.base, run.count > 1].function_number)

    def _store_body(self, place_base: Symbol, base: Symbol | None, *, is_run: bool) -> bytes:
        """Return a body that stores local 1, plus ``base`` if there is one, at local 0; in a run, local 2 times, each
        time adding local 3."""
        target = self._target
        add = target.add
        place, value = (bytes((Opcode.LOCAL_GET, local)) for local in (0, 1))
        store = bytes((Opcode.I64_STORE if target.is_64 else Opcode.I32_STORE, 2, 0))
        location = place + push_base(place_base) + add
        from_base = value if base is None else value + push_base(base) + add
        if not is_run:
            return b"\0" + location + from_base + store + _END
        next_place = place + target.const(target.bits // 8) + add + bytes((Opcode.LOCAL_SET, 0))
        next_value = value + bytes((Opcode.LOCAL_GET, 3)) + add + bytes((Opcode.LOCAL_SET, 1))
        countdown = bytes((Opcode.LOCAL_GET, 2)) + i32_const(-1) + bytes((Opcode.I32_ADD, Opcode.LOCAL_TEE, 2))
        return b"".join(
            (
                b"\0",
                location + bytes((Opcode.LOCAL_SET, 0)),
                from_base + bytes((Opcode.LOCAL_SET, 1)),
                bytes((Opcode.LOOP, c.NO_RESULT)),
                place + value + store,
                next_place,
                next_value,
                countdown + bytes((Opcode.BR_IF, 0)),
                _END,
                _END,
            )
        )
