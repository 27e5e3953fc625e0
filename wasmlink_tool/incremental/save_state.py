"""Save the state of a finished link for the next one."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence, Set
from stat import S_ISREG

from ..binary.constants import SymbolKind
from ..diagnostics import Diagnostics
from ..files import read_regular
from ..inputs.input_files import InputFiles
from ..inputs.known_files import ARCHIVE, OBJECT, OTHER
from ..inputs.parse_cache import cache_at, content_key
from ..linking import code_metadata
from ..linking.chunks import NO_NUMBER, LinkedFile, ObjectInput
from ..linking.custom_sections import is_kept_apart
from ..linking.output_segments import OutputSegment, packed_key
from ..linking.plan import Plan
from ..linking.relocate import Watcher
from ..linking.resolution import Resolution
from ..linking.symbols import DEFINED, Symbol
from ..options import DataOrder, LinkOptions, needs_full_link
from ..output.encoding import Chunk, OutputSection
from ..output.sections import DataRange, data_ranges
from ..stored import pack_array, pack_strings
from . import state as states
from .accepted import has_accepted_relocations, has_understood_relocations
from .data_state import DataRecorder, locations_of
from .find_changes import given_inputs
from .link_recorder import LinkRecorder
from .moved_fields import MovingFields
from .placed_relocations import placed_code, placed_data
from .stamps import Stamp, is_same, stamp
from .state import INTERNAL, NO_FILE, Decisions, FileState, State


def watcher(options: LinkOptions, plan: Plan, outputs: Set[bytes]) -> Watcher | None:
    """Return the object that records sections for :func:`record`.

    :param outputs: the names of the custom sections in the output.
    """
    if not states.is_saved(options):
        return None
    fields = MovingFields(file_ordinals(plan.resolution), outputs, locations_of(plan))
    return Watcher(fields.most, fields.note)


def file_ordinals(resolution: Resolution) -> dict[LinkedFile, int]:
    ordinals: dict[LinkedFile, int] = {file: i for i, file in enumerate(resolution.objects)}
    ordinals[resolution.synthetic] = INTERNAL
    return ordinals


def record(
    options: LinkOptions,
    plan: Plan,
    sections: Sequence[OutputSection],
    module: list[Chunk],
    files: InputFiles,
    notes: Mapping[tuple[ObjectInput, int], bytes | memoryview],
    diagnostics: Diagnostics,
) -> None:
    """Save the state of a finished link in its cache directory.

    :param notes: those of the object that :func:`watcher` returned.
    """
    if options.cache_directory is None or not states.is_saved(options):
        return
    # A pipe can be read only once.
    if not all(S_ISREG(status.st_mode) for status in files.read.values()):
        return
    if 2 * sum(map(len, module)) > options.cache_limit:
        return
    recorder = _Recorder(options, plan, sections, module, files, notes)
    made = recorder.state(is_exact=_is_exact(options, plan, sections, files, diagnostics))
    if made is not None:
        size = states.save(options.cache_directory, states.state_key(options), made)
        cache_at(options.cache_directory, options.cache_limit).wrote(size)


def _is_exact(
    options: LinkOptions, plan: Plan, sections: Sequence[OutputSection], files: InputFiles, diagnostics: Diagnostics
) -> bool:
    """Return whether a link without passes may start from this one."""
    resolution = plan.resolution
    return not (
        needs_full_link(options)
        or diagnostics.entries
        or resolution.is_dynamic(options)
        or files.stubs
        # Changes of such a file would affect two places.
        or not files.thin_members.isdisjoint(files.input_paths)
        or any(file.input.is_generated for file in resolution.objects)
        or any(section.name.startswith(code_metadata.PREFIX) or is_kept_apart(section.name) for section in sections)
        or not all(has_accepted_relocations(file.object) for file in resolution.objects)
    )


def is_own(symbol: Symbol, file: LinkedFile) -> bool:
    """Return whether a symbol's entry in the file's symbol table describes it completely: it has no entry in the global
    offset table, is not imported, and if it is absolute, the state records otherwise whether it counts."""
    return (
        symbol.file is file
        and symbol.state == DEFINED
        and symbol.got_number == NO_NUMBER
        and symbol.number == NO_NUMBER
        and (symbol.kind != SymbolKind.DATA or symbol.segment is not None)
    )


class _Recorder:
    def __init__(
        self,
        options: LinkOptions,
        plan: Plan,
        sections: Sequence[OutputSection],
        module: list[Chunk],
        files: InputFiles,
        notes: Mapping[tuple[ObjectInput, int], bytes | memoryview],
    ) -> None:
        self.notes = notes
        self.options = options
        self.plan = plan
        self.module = module
        self.input_files = files
        self.input_paths = set(files.input_paths)
        self.is_exact = True
        objects = plan.resolution.objects
        self.ordinals = file_ordinals(plan.resolution)
        self.foreign: dict[Symbol, int] = {}
        self.columns = array("I")
        self.keys = files.object_keys()
        self.code = (0, 0)
        self.custom: list[tuple[bytes, int, int, int]] = []
        self.outputs: dict[bytes, int] = {}
        """Custom section to its place in ``custom``."""
        self.name_section = 0, b""
        data_start = 0
        inputs = {section.name for file in objects for section in file.custom_sections.values()}
        for section in sections:
            start = section.offset + len(section.header)
            if section.id == 10:
                self.code = start, start + section.size
            elif section.id == 11:
                data_start = start
            elif section.id == 0 and section.name == b"name":
                own_name, *contents = section.chunks
                self.name_section = start + len(own_name), b"".join(contents)
            elif section.id == 0 and section.name in inputs and not is_kept_apart(section.name):
                self.outputs[section.name] = len(self.custom)
                self.custom.append((section.name, section.offset, start + len(section.chunks[0]), start + section.size))
        self.data_start = data_start
        self.data_ranges: dict[OutputSegment, list[DataRange]] = {}
        for part in data_ranges(plan):
            self.data_ranges.setdefault(part.segment, []).append(part)

    def state(self, *, is_exact: bool) -> State | None:
        read = self._read()
        if read is None:
            return None
        self.is_exact = is_exact
        objects = self.plan.resolution.objects
        if is_exact:
            ordinals = self.ordinals
            for symbol in self.plan.resolution.symbols.values():
                # The wrappers of a command's functions are in a file of their own.
                if symbol.file is None or symbol.state != DEFINED or symbol.file in ordinals:
                    self.foreign.setdefault(symbol, len(self.foreign))
        files = [self._file(file) for file in objects]
        moving = self._moving()
        internal = self._file(self.plan.resolution.synthetic)
        foreign = self._foreign()
        if foreign is None:
            foreign, is_exact = array("q"), False
        data, link = self._columns() if is_exact else ([], b"")
        return State(
            read=read,
            given=given_inputs(self.options),
            inputs=self.input_files.input_paths,
            is_exact=is_exact,
            files=files,
            internal=internal,
            foreign=pack_array("q", foreign),
            code=self.code,
            custom=self.custom,
            moving=moving,
            order=list(self._packed()) if is_exact else [],
            names=pack_strings(list(self.plan.resolution.symbols)) if is_exact else b"",
            data=data,
            link=link,
            table_base=self.options.table_base,
            tls_base=self.plan.memory.tls_base,
            columns=self.columns,
            module=self.module,
        )

    def _columns(self) -> tuple[list[Chunk], bytes]:
        """Return the :mod:`.data_state` and the :mod:`.link_columns`, packed."""
        plan = self.plan
        data = link = None
        ranges = self.data_ranges.items()
        if all(len(parts) == 1 and (parts[0].start, parts[0].end) == (0, output.size) for output, parts in ranges):
            positions = {output: self.data_start + parts[0].position for output, parts in ranges}
            data = DataRecorder(plan, self.options, positions)
        # A function in the global offset table has an entry of the function table, which no column knows of.
        if not any(symbol.kind == SymbolKind.FUNCTION for symbol in plan.scan.got) and all(
            has_understood_relocations(file.object) for file in plan.resolution.objects
        ):
            link = LinkRecorder(plan, self.foreign)
        if data is None and link is None:
            return [], b""
        for file in plan.resolution.objects:
            code = placed_code(file, self.code[0])
            own_data, is_complete = placed_data(file, self._data_position)
            if not is_complete:
                data = None
            if data is not None:
                data.add(file, code, own_data)
            if link is not None:
                link.add(file, code, own_data)
        return [] if data is None else data.chunks(), b"" if link is None else link.packed(self.name_section)

    def _moving(self) -> list[dict[int, tuple[int, int]]]:
        found = []
        for file in self.plan.resolution.objects:
            sections: dict[int, tuple[int, int]] = {}
            for index in file.custom_sections:
                note = self.notes.get((file, index))
                if note is None:
                    continue
                first = len(self.columns)
                self.columns.frombytes(note)
                sections[index] = first, len(self.columns)
            found.append(sections)
        return found

    def _read(self) -> list[tuple[str, Stamp, str, int]] | None:
        """Return the files that were read, with their keys; a file without a key yet is read again."""
        found: list[tuple[str, Stamp, str, int]] = []
        objects = {
            file.input.member: self.keys.get(id(file.object), "")
            for file in self.plan.resolution.objects
            if not file.input.archive
        }
        archives = self.input_files.archive_keys
        for path, status in self.input_files.read.items():
            kind = OTHER
            key = archives.get(path, "")
            if key:
                kind = ARCHIVE
            else:
                key = objects.get(path, "")
                kind = OBJECT if key and path in self.input_paths else OTHER
            if not key:
                try:
                    data, again = read_regular(path)
                except OSError:
                    return None
                if not is_same(again, status):
                    return None
                key = content_key(data)
            found.append((path, stamp(path, status, self.input_files.opened), key, kind))
        return found

    def _file(self, file: LinkedFile) -> FileState:
        source = file.source
        key = self.keys.get(id(file.object), "")
        path = ""
        if source is not None:
            path = source.archive or source.member
        live = bytes(file.function_live)
        offsets = file.function_offsets
        first, last = live.find(1), live.rfind(1)
        start = size = 0
        if first >= 0:
            start = offsets[first]
            size = offsets[last] + file.function_size(last) - start
        decisions = Decisions(
            function_live=live,
            function_numbers=pack_array("i", file.function_numbers),
            function_offsets=pack_array("i", offsets),
            slots=file.function_slots,
            types=file.type_numbers,
            globals=list(file.global_numbers),
            tags=list(file.tag_numbers),
            tables=list(file.table_numbers),
            segments=self._segments(file),
            symbols=pack_array("i", self._symbols(file)) if self.is_exact else b"",
            discarded=[index for index, section in file.custom_sections.items() if section.discarded],
            segment_pieces={
                segment.index: list(segment.pieces.offsets)
                for segment in file.segments
                if segment.live and segment.pieces is not None
            },
        )
        return FileState(
            path=path,
            start=-1 if source is None or (source.archive and not source.start) else source.start,
            key=key,
            code_start=start,
            code_size=size,
            sections={
                index: (self.outputs[section.name], section.offset, section.size)
                for index, section in file.custom_sections.items()
                if section.name in self.outputs and section.size and not section.discarded
            },
            pieces={
                index: pack_array("I", section.pieces.offsets)
                for index, section in file.custom_sections.items()
                if section.pieces is not None
            },
            packed=decisions.packed(),
        )

    def _segments(self, file: LinkedFile) -> list[tuple[int, int, int, int] | None]:
        found: list[tuple[int, int, int, int] | None] = []
        for segment in file.segments:
            output = segment.output
            if not segment.live or output is None:
                found.append(None)
            else:
                # Merged strings are anywhere in the segment.
                first, size = (0, output.size) if segment.pieces is not None else (segment.offset, segment.size)
                position = self._data_position(output, first, size)
                if position >= 0:
                    position += segment.offset - first
                found.append((output.address, segment.offset, position, segment.flags))
        return found

    def _data_position(self, output: OutputSegment, offset: int, size: int) -> int:
        """Return where in the module a piece of an output segment is; -1 if it is not there as a whole."""
        parts = self.data_ranges.get(output, [])
        i = bisect_right(parts, offset, key=lambda part: part.start) - 1
        if i < 0 or offset + size > parts[i].end:
            return -1
        return self.data_start + parts[i].position + offset - parts[i].start

    def _symbols(self, file: LinkedFile) -> array[int]:
        foreign = self.foreign
        return array(
            "i",
            [-1 if is_own(symbol, file) else foreign.setdefault(symbol, len(foreign)) for symbol in file.symbols],
        )

    def _packed(self) -> Iterator[list[tuple[int, bytes, int, int, bytes, int, int]]]:
        if self.options.data_order is DataOrder.PACKED:
            for output in self.plan.segments:
                keys = [
                    (*packed_key(segment), self.ordinals.get(segment.file, INTERNAL), segment.index)
                    for segment in output.inputs
                ]
                # Arrays between start and stop symbols keep the order of the input.
                if keys == sorted(keys):
                    yield keys

    def _foreign(self) -> array[int] | None:
        rows = array("q")
        ordinals = self.ordinals
        for symbol in self.foreign:
            segment = symbol.segment
            file = segment.file if segment is not None else symbol.file
            ordinal = NO_FILE if file is None or symbol.state != DEFINED else ordinals.get(file)
            if ordinal is None:
                return None
            rows.extend(
                (
                    symbol.kind,
                    symbol.state,
                    symbol.flags,
                    ordinal,
                    symbol.index,
                    symbol.value,
                    -1 if segment is None else segment.index,
                    symbol.number,
                    symbol.slot,
                    symbol.got_number,
                    symbol.referenced,
                    symbol.is_stub,
                    -1 if symbol.stub is None else symbol.stub.function_number,
                )
            )
        return rows
