"""Write the module of a link whose decisions were updated (:mod:`.update`).

The fields of unchanged objects that hold a number which is another one now are corrected in the last module, in place.
Then the code of the objects that are linked again replaces the old one, and so do the sections that list what the
module has, as in :mod:`.patch_module`.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from operator import sub
from struct import Struct

from ..binary.constants import ExternalKind, NameSubsection, Opcode, SectionId
from ..binary.leb128 import uleb
from ..binary.relocation_types import ADDRESSES, FUNCTION_INDEX, FUNCTION_OFFSET, TABLE_INDEX
from ..binary.relocation_types import VALUE as MEANING
from ..linking.chunks import ObjectInput
from ..linking.live_relocations import live_function_runs
from ..linking.relocate import Relocator
from ..linking.relocation_values import Bases
from ..linking.symbol_names import Names
from ..output.encoding import Chunk, name, vector
from .data_section import replace_segment_names
from .last_module import next_import, read_number
from .match_objects import Unusable
from .moved_fields import NO_ORDINAL, TARGET, VALUE, Note
from .number_fields import NumberFields
from .own_code import OwnCode
from .patch_module import Rewriter, place_functions
from .previous_link import LastLink
from .rearrange import CustomSections, Pieces
from .state import column
from .update import Update

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_FIVE: Final = Struct("5s").pack_into
_U32: Final = Struct("<I").pack_into
_U16: Final = Struct("<H").pack_into
_U8: Final = Struct("B").pack_into
_LEAST_REFERENCE: Final = 0x6F
"""The least byte that is a type by itself."""


class UpdatingRewriter(Rewriter):
    """Corrects numbers, replaces objects, and writes the small sections again."""

    def __init__(self, last: LastLink, update: Update) -> None:
        """:raises Unusable: something of the last module is not understood."""
        super().__init__(last, update)
        self.update = update
        self.numbers = numbers = update.numbers
        self.functions_differ = numbers.functions != list(range(len(numbers.functions)))
        self.own_code = OwnCode(update, numbers_differ=self.functions_differ)
        self.sections = last.sections
        self.moved = update.data.moved
        if self.moved is not None:
            self.relocator = Relocator(Bases(self.state.table_base, self.moved.tls_base))
        self._replaced: list[tuple[int, int, list[Chunk]]] = []
        self._renamed: list[tuple[int, int, int]] = []
        """Functions whose numbers in the name section are to be written over: first, last, the distance."""
        self._divide_code()
        self._write_sections()
        self._check_notes()

    # The code section

    def _divide_code(self) -> None:
        """Find the linker's own functions, at both ends of the code section, and write them again."""
        first, after = self.state.code
        code, columns = self.module[first:after], self.update.columns
        _, at = read_number(code, 0)
        own = columns.live[: self.update.symbols.first_nodes[0][1]].count(1)
        bodies, at = _bodies(code, at, own)
        self._prefix_size = at
        self.prefix = uleb(self.numbers.function_count) + b"".join(self.own_code.entries(bodies, is_first=True))
        ends = [known.code_start + known.code_size for known in self.state.files if known.code_size]
        self._suffix_start = ends[-1] if ends else at
        bodies, at = _bodies(code, self._suffix_start, columns.wrappers)
        if at != len(code):
            raise ValueError("a code section of another size")
        self.suffix = b"".join(self.own_code.entries(bodies))

    def _move_functions(self) -> None:
        """Move each file's functions; ``shifts`` collects their distances, by file."""
        self._code_starts: list[int] = []
        position, end = len(self.prefix), self._prefix_size
        for known in self.state.files:
            start = known.code_start if known.code_size else end
            if start != end:
                raise ValueError("functions that are not adjacent")
            self._code_starts.append(start)
            end += known.code_size
        self.shifts = [0] * len(self.state.files)
        for ordinal in self.update.order:
            self.shifts[ordinal] = position - self._code_starts[ordinal]
            file = self.new.get(ordinal)
            if file is None:
                position += self.state.files[ordinal].code_size
            else:
                position = place_functions(file, position)
        self.code_size = position + len(self.suffix)
        self.code_growth = self.code_size - (self.state.code[1] - self.state.code[0])
        for ordinal, stand_in in self.last.files.items():
            if ordinal >= 0 and self.shifts[ordinal]:
                shift = self.shifts[ordinal]
                stand_in.function_offsets = array("q", [offset + shift for offset in stand_in.function_offsets])

    def _function_shift(self, ordinal: int, function: int) -> int:
        if ordinal in self.update.changed:
            return super()._function_shift(ordinal, function)
        # The object is the one that it was.
        return self.new[ordinal].function_offsets[function] - self._old_offsets(ordinal)[function]

    def _old_offsets(self, ordinal: int) -> Sequence[int]:
        return column(self.last.decisions(ordinal).function_offsets)

    def _replace_code(self, pieces: list[tuple[int, int, list[Chunk]]]) -> None:
        start, end = self.state.code
        self._correct_fields()
        self._correct_names()
        pieces += self._replaced
        if self.code_growth:
            size = uleb(end - start)
            pieces.append((start - len(size), start, [uleb(self.code_size)]))
        pieces.append((start, start + self._prefix_size, [self.prefix]))
        if self.update.resolved is not None:
            pieces.append((start + self._prefix_size, start + self._suffix_start, list(self._code())))
        else:
            for ordinal, file in sorted(self.new.items()):
                known = self.state.files[ordinal]
                first = start + self._code_starts[ordinal]
                code: list[Chunk] = [*self.relocator.code(file).pieces()] if 1 in file.function_live else []
                if code or known.code_size:
                    pieces.append((first, first + known.code_size, code))
        if self.suffix:
            pieces.append((start + self._suffix_start, end, [self.suffix]))

    def _code(self) -> Iterator[Chunk]:
        """Yield the functions of the objects in order."""
        pieces = Pieces(self.module)
        start = self.state.code[0]
        for ordinal in self.update.order:
            file = self.new.get(ordinal)
            if file is None:
                first = start + self._code_starts[ordinal]
                yield from pieces.copy(first, first + self.state.files[ordinal].code_size)
            elif 1 in file.function_live:
                yield from pieces.rest()
                yield from self.relocator.code(file).pieces()
        yield from pieces.rest()

    # Custom sections

    def _move_sections(self) -> list[dict[int, int]]:
        if self.update.resolved is None:
            return super()._move_sections()
        self._custom = CustomSections(self.update, self.state, self.module, self.merged)
        moved = self._custom.move()
        self.section_growth = self._custom.growth
        return moved

    def _replace_unmerged(self, pieces: list[tuple[int, int, list[Chunk]]]) -> None:
        if self.update.resolved is None:
            super()._replace_unmerged(pieces)
        else:
            pieces += self._custom.replaced(self.relocator)

    # Fields of unchanged objects

    def _address_shift(self, location: int) -> int:
        return 0 if self.moved is None else self.moved.debug_shift(location)

    def _replace_data(self, pieces: list[tuple[int, int, list[Chunk]]]) -> None:
        if self.moved is None:
            super()._replace_data(pieces)
        else:
            pieces += self.moved.splices(self.relocator)

    def _correct_fields(self) -> None:
        if self.moved is not None:
            self.moved.correct()
        fields = NumberFields(self.update.columns, self.module, self.new)
        fields.correct(self.numbers, self.update.options.table_base)

    def _check_notes(self) -> None:
        """Check that the values of debug information's targets tell what they are now."""
        columns = self.state.columns
        prefix_moves = len(self.prefix) != self._prefix_size
        for ordinal, sections in enumerate(self.state.moving):
            if ordinal in self.new:
                continue
            for first, after in sections.values():
                if first == after:
                    continue
                note = Note(columns, first)
                for position in range(note.targets, note.fields, TARGET):
                    type_, _, mark, value, target, function = columns[position : position + TARGET]
                    meaning = MEANING[type_]
                    if meaning == FUNCTION_OFFSET:
                        if target == NO_ORDINAL:
                            if mark == VALUE and prefix_moves:
                                raise Unusable("debug information names a function of the linker")
                        elif target in self.new and not self._is_alike(target, function):
                            raise Unusable("debug information names a function that came or went")
                    elif type_ in ADDRESSES:
                        if self.moved is not None:
                            self.moved.check_debug(mark, function)
                    elif mark == VALUE and self._amount(type_, value):
                        raise Unusable("debug information has a number that changed")

    def _is_alike(self, ordinal: int, function: int) -> bool:
        """Return whether a function of an object that is linked again is there now if, and only if, it was."""
        was = bool(self.last.decisions(ordinal).function_live[function])
        try:
            file, index = self.update.function(ordinal, function)
        except ValueError:
            return not was
        return was == bool(file.function_live[index])

    def _amount(self, type_: int, value: int) -> int:
        if MEANING[type_] == FUNCTION_INDEX:
            return self.numbers.functions[value] - value
        if MEANING[type_] == TABLE_INDEX:
            return int(self.numbers.slots_differ)
        return 0

    # Small sections

    def _write_sections(self) -> None:
        numbers = self.numbers
        if numbers.types_differ or len(numbers.signatures) != len(numbers.types):
            self._replace(SectionId.TYPE, vector(b"\x60" + signature for signature in numbers.signatures))
        self._table = -1
        if len(numbers.entries) != len(numbers.slots):
            # There is one, since there were functions in it.
            _, at = read_number(self.sections.contents(SectionId.ELEMENT), 0)
            flags, at = read_number(self.sections.contents(SectionId.ELEMENT), at)
            self._table = read_number(self.sections.contents(SectionId.ELEMENT), at)[0] if flags else 0
        undefined = self.update.undefined
        if undefined is not None and undefined.imports_differ:
            types_of = {signature: number for number, signature in enumerate(numbers.signatures)}
            self._replace(SectionId.IMPORT, undefined.section(types_of))
        elif numbers.types_differ or self._table >= 0:
            self._replace_entries(SectionId.IMPORT, self._import)
        if numbers.types_differ and SectionId.TAG in self.sections.places:
            raise Unusable("tags with types that have other numbers")
        types = numbers.function_types
        is_short = max(types, default=0) < 0x80
        contents = uleb(len(types)) + bytes(types) if is_short else vector(map(uleb, types))
        self._replace(SectionId.FUNCTION, contents)
        if self._table >= 0:
            self._replace_entries(SectionId.TABLE, self._table_type)
        if self.functions_differ:
            self._replace_entries(SectionId.EXPORT, self._export)
        if SectionId.START in self.sections.places:
            number, _ = read_number(self.sections.contents(SectionId.START), 0)
            self.own_code.check_type(number)
            if self.functions_differ:
                self._replace(SectionId.START, uleb(self.own_code.number(number)))
        if self.functions_differ or numbers.slots_differ or len(numbers.entries) != len(numbers.slots):
            self._replace(SectionId.ELEMENT, self._elements())
        self._write_names()
        producers = None if self.update.resolved is None else self.update.resolved.producers
        if producers is not None:
            self._write_producers(producers)

    def _write_producers(self, contents: bytes) -> None:
        options = self.update.options
        place = self.sections.custom.get(b"producers")
        if options.strip_all and "producers" not in options.keep_sections:
            return
        if place is None or not contents:
            raise Unusable("the first producers, or the last ones")
        header, _, end = place
        content = name(b"producers") + contents
        self._replaced.append((header, end, [b"\0" + uleb(len(content)) + content]))

    def _replace(self, kind: int, contents: bytes) -> None:
        if kind not in self.sections.places:
            if contents and contents != b"\0":
                raise Unusable("a section that was not there")
            return
        header, _, end = self.sections.places[kind]
        self._replaced.append((header, end, [bytes((kind,)) + uleb(len(contents)) + contents]))

    def _replace_entries(self, kind: int, replaced: Callable[[bytes, int], tuple[bytes, int]]) -> None:
        """Write a section again that is a vector.

        :param replaced: returns what takes the place of the entry at an offset, and where the entry ends.
        """
        if kind not in self.sections.places:
            return
        contents = self.sections.contents(kind)
        count, at = read_number(contents, 0)
        found = [uleb(count)]
        for _ in range(count):
            entry, at = replaced(contents, at)
            found.append(entry)
        self._replace(kind, b"".join(found))

    def _import(self, contents: bytes, at: int) -> tuple[bytes, int]:
        kind, type_, end = next_import(contents, at)
        if kind == ExternalKind.TAG:
            raise Unusable("an import of a tag")
        entry = contents[at:end]
        if kind == ExternalKind.FUNCTION:
            number, _ = read_number(contents, type_)
            entry = contents[at:type_] + uleb(self.numbers.types[number])
        elif kind == ExternalKind.TABLE:
            limits, _ = self._table_type(contents, type_)
            entry = contents[at:type_] + limits
        return entry, end

    def _table_type(self, contents: bytes, at: int) -> tuple[bytes, int]:
        """Return the type of the next table, and where it ends; that of the functions has the new size."""
        start = at
        if contents[at] < _LEAST_REFERENCE:
            raise Unusable("a table of an unusual type")
        flags = contents[at + 1]
        begin = at + 2
        minimum, at = read_number(contents, begin)
        maximum = None
        if flags & 1:
            maximum, at = read_number(contents, at)
        self._table -= 1
        if self._table != -1:
            return contents[start:at], at
        base = self.update.options.table_base
        if minimum != base + len(self.numbers.slots) or maximum not in (None, minimum):
            raise Unusable("the table has a size of its own")
        size = uleb(base + len(self.numbers.entries))
        return contents[start:begin] + (size if maximum is None else size + size), at

    def _export(self, contents: bytes, at: int) -> tuple[bytes, int]:
        start = at
        size, at = read_number(contents, at)
        at += size
        kind = contents[at]
        number, end = read_number(contents, at + 1)
        if kind == ExternalKind.FUNCTION:
            number = self.own_code.number(number)
        return contents[start : at + 1] + uleb(number), end

    def _elements(self) -> bytes:
        """Return the element section, which has one segment, with the functions of the table."""
        contents = self.sections.contents(SectionId.ELEMENT)
        if not contents:
            return b""
        count, at = read_number(contents, 0)
        flags, at = read_number(contents, at)
        if count != 1 or flags not in (0, 2):
            raise Unusable("elements of an unusual kind")
        if flags:
            _, at = read_number(contents, at)
        if contents[at] != Opcode.I32_CONST:
            raise Unusable("elements at an unusual place")
        _, at = read_number(contents, at + 1)
        if contents[at] != Opcode.END:
            raise Unusable("elements at an unusual place")
        at += 2 if flags else 1
        number, _ = read_number(contents, at)
        if number != len(self.numbers.slots):
            raise ValueError("a table of another size")
        return contents[:at] + vector(map(uleb, self.numbers.entries))

    # Names

    def _write_names(self) -> None:
        """Write the names of functions again, as each begins with the function's number, and those of data segments if
        there are others."""
        positions = self.update.columns.name_positions
        segments = None if self.moved is None else self.moved.segment_names
        if not positions:
            if segments is not None and b"name" in self.sections.custom:
                raise Unusable("data segments have names, but functions have none")
            return
        header, start, end = self.sections.custom[b"name"]
        after = positions[-1]
        # The subsection begins with its number, size and count.
        begin = start
        while True:
            kind = self.module[begin]
            size, contents = read_number(self.module, begin + 1)
            if kind == NameSubsection.FUNCTION:
                break
            begin = contents + size
        if contents + size != after or len(positions) != len(self.numbers.functions) + 1:
            raise ValueError("names of another size")
        self._named = 0
        names: list[Chunk] = []
        if self.update.undefined is not None:
            names += self.update.undefined.names()
            self._named = len(names)
        for old, end_of_run, shift, file in self.numbers.runs():
            if file is not None:
                names += self._new_names(file)
            elif old < end_of_run:
                self._add_names(names, old, end_of_run, shift)
        number = uleb(self._named)
        size = sum(map(len, names)) + len(number)
        prefix = bytes((NameSubsection.FUNCTION,)) + uleb(size) + number
        rest: Chunk = self.module[after:end]
        if segments is not None:
            rest = replace_segment_names(bytes(rest), segments)
        chunks: list[Chunk] = [b"\4name", self.module[start:begin], prefix, *names, rest]
        self._replaced.append((header, end, [b"\0" + uleb(sum(map(len, chunks))), *chunks]))

    def _new_names(self, file: ObjectInput) -> list[Chunk]:
        """Return the names of an object that is linked again."""
        shown = Names(demangle=self.update.options.demangle).name
        debug_names, own_names, numbers = file.function_debug_names, file.function_names, file.function_numbers
        found: list[Chunk] = []
        for start, stop in live_function_runs(file):
            for index in range(start, stop):
                if own_names[index]:
                    text = debug_names.get(index) or shown(own_names[index])
                    found.append(uleb(numbers[index]) + uleb(len(text)) + text)
        self._named += len(found)
        return found

    def _add_names(self, names: list[Chunk], first: int, after: int, shift: int) -> None:
        """Add the names of functions whose numbers all change by the same distance.

        Most numbers stay of the same length, of two or three bytes: those are written over the old ones, all by one
        call, when the module is patched.
        """
        module, positions = self.module, self.update.columns.name_positions
        own = positions[first : after + 1]
        sizes = list(map(sub, own[1:], own))
        nameless = sizes.count(0)
        self._named += after - first - nameless
        if not shift:
            names.append(module[own[0] : own[-1]])
            return
        if nameless:
            for number, position, size in zip(range(first, after), own, sizes):
                if size:
                    names += (uleb(number + shift), module[position + len(uleb(number)) : position + size])
            return
        number = first
        while number < after:
            # Both numbers keep their length, and the third byte, up to the next bound.
            bound = min(_bound(number), _bound(number + shift) - shift, after)
            start, end = own[number - first], own[bound - first]
            if _bound(number) == _bound(number + shift):
                self._renamed.append((number, bound, shift))
                names.append(module[start:end])
            else:
                for old in range(number, bound):
                    start, end = own[old - first], own[old - first + 1]
                    names += (uleb(old + shift), module[start + len(uleb(old)) : end])
            number = bound

    def _correct_names(self) -> None:
        """Write the new numbers over old ones of the same length."""
        positions = self.update.columns.name_positions
        for first, after, shift in self._renamed:
            numbers = range(first + shift, after + shift)
            if after + shift <= 0x80:
                pack, values = _U8, list(numbers)
            else:
                pack = _U16
                high = 0 if after + shift <= 0x4000 else 0x8000
                values = [number & 0x7F | 0x80 | (number << 1) & 0x7F00 | high for number in numbers]
            deque(map(pack, repeat(self.module), positions[first:after], values), maxlen=0)


def _bodies(code: memoryview, at: int, count: int) -> tuple[list[bytes], int]:
    """Return the bodies of the next functions of the code section, and where the last one ends."""
    found = []
    for _ in range(count):
        size, start = read_number(code, at)
        at = start + size
        found.append(bytes(code[start:at]))
    return found, at


def _bound(number: int) -> int:
    """Return the next number that differs in more than the first two bytes of its encoding."""
    return 0x80 if number < 0x80 else (number | 0x3FFF) + 1
