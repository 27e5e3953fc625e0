"""The result of resolution, which all later passes read."""

from __future__ import annotations

from ..inputs.shared_library import SharedLibrary
from ..options import LinkOptions, UnresolvedPolicy
from .bitcode_input import BitcodeInput
from .chunks import ObjectInput
from .symbol_table import SymbolTable
from .symbols import Symbol
from .synthetic_file import SyntheticFile
from .target import Target


class Resolution:
    """The result of resolution: the files of the link, one symbol for each name, and the linker-defined symbols."""

    def __init__(self, table: SymbolTable, synthetic: SyntheticFile, target: Target) -> None:
        self.table = table
        self.target = target
        self.synthetic = synthetic
        """The linker-defined functions and globals; first in every index space."""
        self.call_ctors: Symbol
        self.call_dtors: Symbol | None = None
        self.stack_pointer: Symbol
        self.memory_base: Symbol | None = None
        self.table_base: Symbol | None = None
        """For position-independent code: imported, like the one above."""
        self.needed: list[SharedLibrary] = []
        """The shared libraries among the inputs."""
        self.tls_base: Symbol | None = None
        """The global ``__tls_base``; of threads that share an instance, ``__init_tls_base``."""
        self.get_tls_base: Symbol | None = None
        self.set_tls_base: Symbol | None = None
        """The functions that replace the global above if threads share an instance; set if synthetic code may have to
        call them."""
        self.tls_size: Symbol | None = None
        self.tls_align: Symbol | None = None
        self.init_tls: Symbol | None = None
        """``__wasm_init_tls``, with shared memory; so are the two above."""
        self.entry: Symbol | None = None
        self.start: Symbol | None = None
        """``--start``."""
        self.roots: list[Symbol] = []
        """The symbols that are live without a reference, those that depend on the liveness of a file excluded."""
        self.layout_symbols: dict[bytes, Symbol] = {}
        """The symbols of ``synthetic_symbols.LAYOUT_SYMBOLS`` that the linker defines."""
        self.indirect_function_table: Symbol | None = None
        self.allowed_undefined: frozenset[bytes] = frozenset()
        self.objects: list[ObjectInput] = []
        """Files in output order: a file comes after those that its symbols extracted."""
        self.bitcode: list[BitcodeInput] = []
        """Files in the order of addition: a file comes before those that its symbols extracted."""
        self.extractions: list[tuple[str, str, str]] = []
        """Why members were linked: (referring file, member, symbol). As in wasm-ld, only references to functions are
        listed for an object."""
        self.legacy_function_table = False
        """An object uses the indirect function table without relocations, as number 0."""

    def is_dynamic(self, options: LinkOptions) -> bool:
        """Return whether the output needs a dynamic linker."""
        policy = options.unresolved_symbols
        return options.is_pic or policy is UnresolvedPolicy.IMPORT_DYNAMIC or bool(self.needed)

    @property
    def symbols(self) -> dict[bytes, Symbol]:
        return self.table.symbols
