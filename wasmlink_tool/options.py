"""The option model: everything that a link can be told, in one place.

The command line and SCons both fill :class:`LinkOptions`, so that neither can do what the other cannot. Every
field that has an option of wasm-ld's is named after it; sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from .diagnostics import Diagnostic
from .records import record

WASM_PAGE_SIZE = 65536
DEFAULT_STACK_SIZE = WASM_PAGE_SIZE
DEFAULT_GLOBAL_BASE = 1024
"""Where data starts when the stack comes after it and ``--global-base`` is not given."""


DEFAULT_CACHE_LIMIT = 512 << 20
"""Bytes on disk."""


class UnresolvedPolicy(Enum):
    """What ``--unresolved-symbols=`` makes of a reference that nothing defines."""

    REPORT_ERROR = "report-all"
    WARN = "warn"
    IGNORE = "ignore-all"
    IMPORT_DYNAMIC = "import-dynamic"
    """The dynamic linker provides them."""


class DataOrder(Enum):
    """In which order input segments stand in an output segment (``--data-order=``)."""

    INPUT = "input"
    PACKED = "packed"


@record(frozen=True)
class Input:
    """One input, in command-line order.

    ``path`` is a file, or with ``library`` the name of a library to search for (``foo`` finds ``libfoo.a``,
    ``:name`` finds the file ``name``). The other fields are the positional options in force where it stands.
    """

    path: str
    library: bool = False
    whole_archive: bool = False
    """``--whole-archive``: every member is linked."""
    shared: bool = False
    """``--Bdynamic``: a library may be a shared one."""
    lazy: bool = False
    """Between ``--start-lib`` and ``--end-lib``: an object that is linked only when something needs it."""


@record(kw_only=True)
class LinkOptions:
    """One link. Symbol names are text, encoded as UTF-8 (``surrogateescape`` where a name is not)."""

    inputs: Sequence[Input | str]
    output: str | None = "a.out"
    """The file to write; ``-`` is standard output; ``None`` writes nothing (``LinkResult.module`` has the bytes)."""
    library_paths: Sequence[str] = ()

    relocatable: bool = False
    """Write an object that can be linked again; nothing is resolved to an error, nothing is collected."""
    emit_relocs: bool = False
    """Keep the relocations in a finished module."""
    shared: bool = False
    """Write a shared library."""
    pie: bool = False
    """Write a position-independent executable."""
    bsymbolic: bool = False
    """A shared library's references to its own symbols do not go through the dynamic linker."""
    check_shared_signatures: bool = True
    """Whether functions of shared libraries must have the types that references to them expect."""
    runtime_paths: Sequence[str] = ()
    """``--rpath``."""
    memory64: bool | None = None
    """``-m wasm64`` or ``-m wasm32``; ``None`` is the latter, and told otherwise of."""

    # Roots and resolution
    entry: str | None = ""
    """``None`` is ``--no-entry``. Empty is the entry of the kind of output: ``_start``, of a shared library
    ``__wasm_call_ctors``, of an object none."""
    undefined: Sequence[str] = ()
    wrap: Sequence[str] = ()
    """``--wrap=X``: references to X mean ``__wrap_X``, and those to ``__real_X`` mean X."""
    exports: Sequence[str] = ()
    """``--export``: the symbol must exist."""
    exports_if_defined: Sequence[str] = ()
    export_all: bool = False
    export_dynamic: bool | None = None
    """``None``: where a shared library is written."""
    allow_multiple_definition: bool = False
    allow_undefined_files: Sequence[str] = ()
    import_undefined: bool = False
    unresolved_symbols: UnresolvedPolicy = UnresolvedPolicy.REPORT_ERROR
    start: str | None = None
    """A function () -> () for the start section (``--start=``, ours)."""

    # Liveness
    gc_sections: bool | None = None
    """``None``: yes, unless the output is relocatable."""
    print_gc_sections: bool = False

    # Memory and table
    shared_memory: bool = False
    """The memory is shared by threads: data segments are passive, thread-local data has a block for each thread."""
    page_size: int = WASM_PAGE_SIZE
    """1 or 65536."""
    stack_first: bool | None = None
    """``None``: first, unless ``global_base`` leaves no room for it there."""
    stack_size: int | None = None
    global_base: int | None = None
    initial_memory: int = 0
    initial_heap: int = 0
    max_memory: int = 0
    """0: no maximum is written."""
    growable_memory: bool = True
    import_memory: tuple[str, str] | None = None
    """(module, name)."""
    export_memory: str | None = None
    """``None`` exports the memory as ``memory`` unless it is imported."""
    import_table: bool = False
    export_table: bool = False
    growable_table: bool = False
    table_base: int = 1

    # Data
    merge_data_segments: bool | None = None
    """``None``: yes, unless the output is relocatable."""
    optimize: int = 1
    """``-O``: 0 turns the merging of strings off."""
    data_order: DataOrder = DataOrder.INPUT

    compress_relocations: bool = False
    """Relocated numbers in code take no more bytes than they need."""

    # What is kept in the output
    strip_debug: bool = False
    strip_all: bool = False
    keep_sections: Sequence[str] = ()
    features: Sequence[str] | None = None
    """``None``: inferred from the inputs."""
    extra_features: Sequence[str] = ()
    check_features: bool = True
    build_id: str = "none"
    """``none``, ``fast``, ``tree``, ``sha1``, ``md5``, ``sha3``, ``uuid``, or ``0x`` and hexadecimal digits."""
    record_linker: bool = False
    """Add this linker to the producers section (``--record-linker``, ours)."""
    demangle: bool = True
    """Show C++, Rust and D names as in the source, in the name section, messages and maps."""
    soname: str = ""
    """The module's name in the name section; empty: the base name of ``output``."""

    # Link-time optimisation
    lto_optimize: int = 2
    """0 to 3."""
    lto_codegen_optimize: int | None = None
    """0 to 3; ``None``: at least 2, and as ``lto_optimize``."""
    lto_compiler: Sequence[str] = ()
    """The command that generates code from bitcode, a ``clang`` or ``llvm-lto2``; empty: one that is found."""
    llvm_options: Sequence[str] = ()
    """``--mllvm``."""
    lto_object_path: str | None = None
    """Where to write the generated object as well."""
    lto_debug_pass_manager: bool = False
    lto_cache_directory: str | None = None
    """Where generated objects are kept from link to link (``--thinlto-cache-dir``); ``None``: with what
    ``cache_directory`` keeps."""
    lto_cache_limit: int = DEFAULT_CACHE_LIMIT
    """Bytes on disk."""
    verify_bitcode: bool = True
    save_temps: bool = False
    """Keep the modules before and after each step beside the output."""
    thinlto_jobs: str = ""
    """A number or ``all``; the output does not depend on it."""

    # Reports
    map_file: str | None = None
    print_map: bool = False
    trace: bool = False
    trace_symbols: Sequence[str] = ()
    why_extract: str | None = None
    """A file, or ``-`` for standard output."""
    dependency_file: str | None = None
    verbose: bool = False
    remarks: Sequence[Diagnostic] = ()
    """What is wrong with these options; said when the inputs have been opened, and then an error ends the link."""
    on_read: Callable[[str, bytes], None] | None = None
    """Called with the path and the content of each file that the link reads (``--reproduce``)."""

    # Speed
    cache_directory: str | None = None
    """Where parsed objects and archive indices are kept from link to link; ``None``: nowhere. The module does not
    depend on it."""
    cache_limit: int = DEFAULT_CACHE_LIMIT
    """Bytes on disk."""
    threads: int | None = None
    """How many processors to use; the module does not depend on it. With more than one, copies of this process may take
    part in a large link, where the system can copy processes. ``None``: as many as this process may use, but one if it
    has other threads, which a copy would not have."""

    time_report: str | None = None
    """A file to write the times of the link's steps to, as JSON where its name ends so; ``-`` for standard output."""

    # Severity
    fatal_warnings: bool = False
    noinhibit_exec: bool = False

    def __post_init__(self) -> None:
        if self.export_dynamic is None:
            self.export_dynamic = self.shared
        if self.gc_sections is None:
            self.gc_sections = not self.relocatable
        if self.merge_data_segments is None:
            self.merge_data_segments = not self.relocatable
        if self.entry == "":
            self.entry = None if self.relocatable else "__wasm_call_ctors" if self.shared else "_start"
        if self.is_pic:
            # The dynamic linker has the table and chooses the bases.
            self.import_table = True
            self.table_base = 0
        if self.shared:
            self.import_memory = self.import_memory or ("env", "memory")

    @property
    def is_pic(self) -> bool:
        """Whether the output can be loaded at any address."""
        return self.shared or self.pie
