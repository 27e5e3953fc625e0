"""The output's index spaces: imports first, then synthetic entities, then the objects' in order. Sealed here."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from ..binary.constants import ExternalKind
from ..diagnostics import Diagnostics
from .chunks import LinkedFile
from .imports import Imports
from .live_relocations import live_function_runs
from .resolution import Resolution
from .scan_relocations import Scan
from .symbols import Symbol
from .synthetic_file import SyntheticFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class IndexSpaces:
    """The index spaces of the output: files in order, with the number of live elements of each kind, and the types'
    indices."""

    def __init__(self, files: list[LinkedFile], imports: Imports) -> None:
        self.files = files
        self.imports = imports
        self.function_count = imports.counts[ExternalKind.FUNCTION]
        """Imports included, as in the other counts."""
        self.global_count = imports.counts[ExternalKind.GLOBAL]
        self.table_files: list[LinkedFile] = []
        """In the order of their tables, of which one may come first."""
        self.first_table: tuple[LinkedFile, int] | None = None
        self.got: list[Symbol] = []
        self.types: dict[bytes, int] = {}
        """Maps each signature to its index in the type section."""
        self._order: list[tuple[LinkedFile, int, int]] | None = None

    def function_runs(self) -> Iterable[tuple[LinkedFile, int, int]]:
        """Return the functions of the output in their order, as runs of functions of a file: (file, start, stop)."""
        if self._order is not None:
            return self._order
        return [(file, start, stop) for file in self.files for start, stop in live_function_runs(file)]

    def order_functions(self, runs: list[tuple[LinkedFile, int, int]]) -> None:
        """Number all live functions in another order."""
        self._order = runs
        number = self.imports.counts[ExternalKind.FUNCTION]
        for file, start, stop in runs:
            file.function_numbers[start:stop] = array("i", range(number, number + stop - start))
            number += stop - start

    def number_functions(self, file: LinkedFile) -> None:
        """Number the live functions of ``file``."""
        number = self.function_count
        for start, stop in live_function_runs(file):
            file.function_numbers[start:stop] = array("i", range(number, number + stop - start))
            number += stop - start
        self.function_count = number

    def add_wrappers(self, wrappers: SyntheticFile) -> None:
        """Add functions that are created after the index spaces are known; their numbers come last."""
        self.files.append(wrappers)
        self.number_functions(wrappers)

    def tables(self) -> Iterator[tuple[LinkedFile, int]]:
        """Yield the live tables in the order of their numbers."""
        first = self.first_table
        if first is not None:
            yield first
        for file in self.table_files:
            for index, live in enumerate(bytes(file.table_live)):
                if live and (first is None or first[0] is not file or first[1] != index):
                    yield file, index

    def type_index(self, signature: bytes) -> int:
        return self.types.setdefault(signature, len(self.types))


def assign_indexes(resolution: Resolution, imports: Imports, scan: Scan, diagnostics: Diagnostics) -> IndexSpaces:
    """Number everything that is live."""
    spaces = IndexSpaces([resolution.synthetic, *resolution.objects], imports)
    tag_number = imports.counts[ExternalKind.TAG]
    for file in spaces.files:
        spaces.number_functions(file)
        for i, live in enumerate(bytes(file.global_live)):
            if live:
                file.global_numbers[i] = spaces.global_count
                spaces.global_count += 1
        for i, live in enumerate(bytes(file.tag_live)):
            if live:
                file.tag_numbers[i] = tag_number
                tag_number += 1
    for symbol in scan.got:
        symbol.got_number = spaces.global_count
        spaces.global_count += 1
    spaces.got = scan.got
    spaces.types = scan.types
    spaces.table_files = [*resolution.objects, resolution.synthetic]
    _number_tables(resolution, spaces, diagnostics)
    return spaces


def _number_tables(resolution: Resolution, spaces: IndexSpaces, diagnostics: Diagnostics) -> None:
    first = spaces.imports.counts[ExternalKind.TABLE]
    table = resolution.indirect_function_table
    if resolution.legacy_function_table and table is not None and table.is_defined:
        # Objects without relocations for tables call through number 0.
        if first:
            culprit = next(e.symbol for e in spaces.imports.entries if e.kind == ExternalKind.TABLE)
            diagnostics.error(
                "object file not built with 'reference-types' or 'call-indirect-overlong' feature conflicts with "
                f"import of table {culprit} by file {culprit.file_name}"
            )
        assert table.file is not None
        if table.file.table_live[table.index]:
            spaces.first_table = table.file, table.index
    for number, (file, index) in enumerate(spaces.tables(), first):
        file.table_numbers[index] = number


def calculate_types(spaces: IndexSpaces) -> None:
    """Number the type section: types of relocations first, then the signatures of imports, functions and tags."""
    for entry in spaces.imports.entries:
        if entry.symbol.signature is not None and entry.kind in (ExternalKind.FUNCTION, ExternalKind.TAG):
            spaces.type_index(entry.symbol.signature)
    known = spaces.types
    for linked in spaces.files:
        signatures = linked.function_signatures
        for start, stop in live_function_runs(linked):
            for signature in signatures[start:stop]:
                if signature not in known:
                    known[signature] = len(known)
    for linked in spaces.files:
        for signature, live in zip(linked.tag_signatures, bytes(linked.tag_live)):
            if live:
                spaces.type_index(signature)
