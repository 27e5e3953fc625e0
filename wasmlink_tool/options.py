"""The option model: every option of a link, and the properties of each.

The command line and SCons both fill :class:`LinkOptions`, so that neither can do what the other cannot. A field that
has a wasm-ld option is named after it; sizes are in bytes.
"""

from __future__ import annotations

from .diagnostics import Diagnostic
from .enumerations import Enumeration
from .records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WASM_PAGE_SIZE = 65536
DEFAULT_STACK_SIZE = WASM_PAGE_SIZE
DEFAULT_GLOBAL_BASE = 1024
"""Where data starts if the stack comes after it and ``--global-base`` is not given."""


DEFAULT_CACHE_LIMIT = 512 << 20
"""Bytes on disk."""


@record(frozen=True)
class CachePolicy:
    """When cache files are removed (``--thinlto-cache-policy=``). Zero is no limit."""

    size: int = 0
    """Bytes on disk."""
    percentage: int = 0
    """Bytes on disk, in percent of the cache and the free space together."""
    files: int = 0
    expiration: int = 0
    """Seconds since a file was last used."""
    interval: int = 0
    """Seconds between two prunings of the cache."""


LLVM_CACHE_POLICY = CachePolicy(percentage=75, files=1_000_000, expiration=7 * 86_400, interval=1200)
"""LLVM's policy without ``--thinlto-cache-policy=``."""


class UnresolvedPolicy(Enumeration):
    """The treatment of references to undefined symbols (``--unresolved-symbols=``)."""

    REPORT_ERROR = "report-all"
    WARN = "warn"
    IGNORE = "ignore-all"
    IMPORT_DYNAMIC = "import-dynamic"
    """The dynamic linker provides them."""


class OptimizeFor(Enumeration):
    """Which size counts where options for a small module have to choose (``--optimize-for=``)."""

    RAW = "raw"
    GZIP = "gzip"


NAME_KINDS = ("module", "functions", "globals", "data")
"""The kinds of names in the name section (``--keep-names=``)."""


class DataOrder(Enumeration):
    """The order of input segments in an output segment (``--data-order=``)."""

    INPUT = "input"
    PACKED = "packed"


class IcfLevel(Enumeration):
    """The changes that identical code folding may make (``--icf=``)."""

    NONE = "none"
    SAFE = "safe"
    """Nothing that the program or its host can observe."""
    ALL = "all"
    """Two identical functions or constants may have one address."""


@record(frozen=True)
class Input:
    """One input, in command-line order.

    ``path`` is a file, or with ``library`` the name of a library to search for (``foo`` finds ``libfoo.a``,
    ``:name`` finds the file ``name``). The other fields are the positional options in force at this input.
    """

    path: str
    library: bool = False
    whole_archive: bool = False
    """``--whole-archive``: every member is linked."""
    shared: bool = False
    """``--Bdynamic``: a library may be a shared one."""
    lazy: bool = False
    """Between ``--start-lib`` and ``--end-lib``: an object that is linked only when it defines a needed symbol."""


@record(kw_only=True)
class LinkOptions:
    """The options of one link. Symbol names are strings, encoded as UTF-8 (``surrogateescape`` for names that
    are not)."""

    inputs: Sequence[Input | str]
    output: str | None = "a.out"
    """The file to write; ``-`` is standard output; ``None`` writes no file (``LinkResult.module`` has the bytes)."""
    library_paths: Sequence[str] = ()

    relocatable: bool = False
    """Write an object that can be linked again: undefined symbols are not errors, nothing is removed."""
    emit_relocs: bool = False
    """Keep the relocations in a finished module."""
    shared: bool = False
    """Write a shared library."""
    pie: bool = False
    """Write a position-independent executable."""
    bsymbolic: bool = False
    """Bind a shared library's references to its own definitions, without the dynamic linker."""
    check_shared_signatures: bool = True
    """Whether functions of shared libraries must have the types that references to them expect."""
    runtime_paths: Sequence[str] = ()
    """``--rpath``."""
    memory64: bool | None = None
    """``-m wasm64`` or ``-m wasm32``. ``None`` means wasm32; a wasm64 input is then an error."""

    # Roots and resolution
    entry: str | None = ""
    """``None`` is ``--no-entry``. An empty string means the default for the kind of output: ``_start``; for a shared
    library ``__wasm_call_ctors``; for an object none."""
    undefined: Sequence[str] = ()
    wrap: Sequence[str] = ()
    """``--wrap=X``: references to X mean ``__wrap_X``, and those to ``__real_X`` mean X."""
    exports: Sequence[str] = ()
    """``--export``: the symbol must exist."""
    exports_if_defined: Sequence[str] = ()
    export_all: bool = False
    export_dynamic: bool | None = None
    """``None``: only in a shared library."""
    allow_multiple_definition: bool = False
    allow_undefined_files: Sequence[str] = ()
    import_undefined: bool = False
    unresolved_symbols: UnresolvedPolicy = UnresolvedPolicy.REPORT_ERROR
    start: str | None = None
    """A function () -> () for the start section (``--start=``, an extension)."""

    # Liveness
    gc_sections: bool | None = None
    """``None``: yes, unless the output is relocatable."""
    print_gc_sections: bool = False
    icf: IcfLevel | None = None
    """Identical functions and constants are in the output once. Not with ``relocatable``."""
    print_icf_sections: bool = False
    keep_unique: Sequence[str] = ()
    """Symbols whose functions or data are not folded."""

    # Memory and table
    shared_memory: bool = False
    """Threads share the memory: data segments are passive, and each thread has a block of thread-local data."""
    cooperative_threading: bool = False
    """Threads take turns in one instance: the runtime keeps their stack pointers and thread-local bases, the
    thread-local segment is passive, and the function table is exported."""
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
    """``-O``: 0 disables string merging."""
    data_order: DataOrder = DataOrder.INPUT

    smallest: bool = False
    """Make the module smaller in every way that does not change its behaviour, as far as the other options allow it
    (``--smallest``, ours). Fields that are set themselves take precedence."""
    optimize_for: OptimizeFor = OptimizeFor.RAW
    """The size that counts: of the file, or of the compressed file (``--optimize-for``, ours)."""
    compress_relocations: bool | None = None
    """Encode relocated numbers in code in as few bytes as possible."""
    omit_zeros: bool | None = None
    """Leave runs of zeros in data out of the module, if the memory is zero without them (``--omit-zeros``, ours)."""
    renumber: bool | None = None
    """Order functions, types and table entries so that the module becomes smaller (``--renumber``, ours)."""
    wasm_opt: str = ""
    """Flags with which binaryen's wasm-opt rewrites the module (``--wasm-opt``, ours); empty: it does not."""

    # What is kept in the output
    strip_debug: bool = False
    strip_all: bool | None = None
    keep_sections: Sequence[str] = ()
    keep_names: Sequence[str] | None = None
    """The kinds of names in the name section, of :data:`NAME_KINDS`, which it then has even with ``strip_all``
    (``--keep-names``, ours). ``None``: all kinds, unless stripped."""
    features: Sequence[str] | None = None
    """``None``: inferred from the inputs."""
    extra_features: Sequence[str] = ()
    check_features: bool = True
    build_id: str = "none"
    """``none``, ``fast``, ``tree``, ``sha1``, ``md5``, ``sha3``, ``uuid``, or ``0x`` and hexadecimal digits."""
    record_linker: bool = False
    """Add this linker to the producers section (``--record-linker``, an extension)."""
    demangle: bool = True
    """Show C++, Rust and D names as in the source, in the name section, messages and maps."""
    soname: str = ""
    """The module's name in the name section; empty: the base name of ``output``."""

    # Link-time optimisation
    lto_optimize: int = 2
    """0 to 3."""
    lto_codegen_optimize: int | None = None
    """0 to 3; ``None``: ``lto_optimize``, but at least 2."""
    lto_compiler: Sequence[str] = ()
    """The command that generates code from bitcode, a ``clang`` or ``llvm-lto2``; empty: search for one."""
    llvm_options: Sequence[str] = ()
    """``--mllvm``."""
    lto_object_path: str | None = None
    """A file to write the generated object to as well."""
    lto_debug_pass_manager: bool = False
    lto_cache_directory: str | None = None
    """The directory that keeps generated objects between links (``--thinlto-cache-dir``); ``None``: the directory of
    ``cache_directory``."""
    lto_cache_policy: CachePolicy = LLVM_CACHE_POLICY
    """The policy that removes them."""
    verify_bitcode: bool = True
    save_temps: bool = False
    """Keep the modules before and after each step beside the output."""
    thinlto_jobs: str = ""
    """A number or ``all``; the output does not depend on it."""

    # Components
    component: bool = False
    """Make a component from the module, with the worlds in its ``component-type`` sections."""
    component_types: Sequence[str] = ()
    """Files or directories of WIT text: their worlds are added to those in the module's sections."""
    component_world: str | None = None
    """The world of ``component_types`` to use; ``None`` if each has only one."""
    string_encoding: str | None = None
    """The encoding of the module's strings in the worlds of ``component_types``: ``utf8`` (the default), ``utf16`` or
    ``compact-utf16``."""
    adapters: Sequence[str] = ()
    """Modules that provide imports of the module, each as ``NAME=FILE`` or ``FILE``."""
    wasi_adapter: str | None = None
    """The adapter for WASI preview 1: a file, ``command``, ``reactor``, ``proxy`` or ``none``; ``None`` finds the one
    that the module needs."""
    merge_imports_based_on_semver: bool = True
    """Import an interface once, in the newest of its compatible versions."""
    realloc_via_memory_grow: bool = False
    """Let adapters allocate by growing the memory instead of calling the module's function."""
    reject_legacy_names: bool = False
    """Recognise only core names of the ``cm32p2`` scheme."""
    main_world_first: bool = False
    """Order imports as ``wasm-component-ld`` does: the module's own before those of adapters."""

    # Reports
    map_file: str | None = None
    dependency_file: str | None = None
    print_map: bool = False
    trace: bool = False
    trace_symbols: Sequence[str] = ()
    why_extract: str | None = None
    """A file, or ``-`` for standard output."""
    why_live: Sequence[str] = ()
    """Symbols, globs, ``import:MODULE.NAME``, sections or members to explain: the chain of references from a root to
    each is shown."""
    why_live_file: str | None = None
    """The file for that, as JSON if its name ends in ``.json``; ``None`` is standard output."""
    size_reports: Sequence[str] = ()
    """Size reports to write: for each byte of the module, its owner. The suffix selects JSON, HTML or text."""
    size_diff: str | None = None
    """An earlier size report as JSON: changes since then are shown, also in HTML reports."""
    size_limit: str | None = None
    """``128k``, or ``gzip:40k`` for the size after compression: a larger module is an error, and is written beside the
    output."""
    size_note: str | None = None
    """A file that keeps the sizes of one link for the next, which then prints one line about the change."""
    verbose: bool = False
    remarks: Sequence[Diagnostic] = ()
    """Errors and warnings about these options, reported once the inputs are open; an error then ends the link."""
    on_read: Callable[[str, bytes], None] | None = None
    """Called with the path and the content of each file that the link reads (``--reproduce``)."""

    # Speed
    cache_directory: str | None = None
    """The directory that keeps parsed objects and archive indices between links; ``None`` disables the cache. The
    module does not depend on it."""
    cache_limit: int = DEFAULT_CACHE_LIMIT
    """Bytes on disk."""
    shared_cache: bool = False
    """Use cache directories that other users can write to: they can then decide what is linked."""
    threads: int | None = None
    """The number of processors to use; the module does not depend on it. With more than one, child processes may take
    part in a large link on systems with fork(). ``None``: as many as this process may use, but one if it has other
    threads, which a child would not have."""

    time_report: str | None = None
    """A file to write the times of the link's steps to, as JSON if its name ends in ``.json``; ``-`` for standard
    output."""

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
            # The dynamic linker owns the table and chooses the bases.
            self.import_table = True
            self.table_base = 0
        if self.shared:
            self.import_memory = self.import_memory or ("env", "memory")
        if self.threads_share_instance and not self.import_table:
            # The runtime starts threads at functions in the table.
            self.export_table = True
        self._choose_sizes()

    def _choose_sizes(self) -> None:
        """Set the options for the module's size that were not given."""
        smallest = self.smallest and not self.keeps_relocations
        if self.strip_all is None:
            self.strip_all = smallest and not self.strip_debug
        if self.compress_relocations is None:
            self.compress_relocations = smallest
        if self.omit_zeros is None:
            self.omit_zeros = smallest and self.owns_memory
        if self.renumber is None:
            self.renumber = smallest
        if self.icf is None:
            self.icf = IcfLevel.SAFE if smallest else IcfLevel.NONE

    @property
    def keeps_debug_information(self) -> bool:
        return not (self.strip_debug or self.strip_all)

    def keeps_names(self, kind: str) -> bool:
        """Return whether the name section has names of a kind of :data:`NAME_KINDS`."""
        if self.keep_names is not None:
            return kind in self.keep_names
        return not self.strip_all or "name" in self.keep_sections

    @property
    def keeps_relocations(self) -> bool:
        """Whether relocations in the output refer to positions in code and data."""
        return self.relocatable or self.emit_relocs

    @property
    def owns_memory(self) -> bool:
        """Whether instantiation begins with a memory of zeros and copies all data into it."""
        return not self.shared_memory and self.import_memory is None

    @property
    def has_threads(self) -> bool:
        """Whether each thread has a block of thread-local data."""
        return self.shared_memory or self.threads_share_instance

    @property
    def threads_share_instance(self) -> bool:
        """Whether threads' contexts are not in globals. Relocatable output leaves that to the next link."""
        return self.cooperative_threading and not self.relocatable

    @property
    def is_pic(self) -> bool:
        """Whether the output can be loaded at any address."""
        return self.shared or self.pie


# The properties of each field. Code that treats options by kind derives from these rows: the checks of values and
# paths, the command line, --reproduce, the decision whether a warm link may run, and SCons's variables and signatures.

FLAG = "flag"
"""``--name`` sets it, ``--no-name`` clears it, the last one counts."""
DENIAL = "denial"
"""There is only an option that clears it."""
VALUE = "value"
"""The last value given; an empty one means the default."""
VALUES = "values"
"""All values given, in order."""
LAST_VALUE = "last value"
"""A list of the last value given."""
COMPUTED = "computed"
"""``cli.interpret`` has code for it."""

READ = "read"
WRITTEN = "written"
KEPT = "kept"
"""A directory in which one link leaves files for the next."""


class Field:
    """The properties of one field of :class:`LinkOptions`."""

    __slots__ = (
        "cache",
        "default",
        "is_list",
        "name",
        "options",
        "path",
        "reading",
        "report",
        "significant",
        "suffix",
        "variables",
        "warm",
    )

    def __init__(
        self,
        name: str,
        options: str = "",
        reading: str = COMPUTED,
        *,
        variables: str = "",
        path: str = "",
        suffix: str = "",
        cache: bool = False,
        report: bool = False,
        significant: bool = True,
        warm: bool = False,
    ) -> None:
        self.name = name
        self.options = tuple(options.split())
        """The options that set it, by their names in the command's option table; the main one first."""
        self.reading = reading
        """How its value is made from the values of its options."""
        self.variables = tuple(variables.split())
        """The construction variables that set it."""
        self.path = path
        """``READ``, ``WRITTEN`` or ``KEPT`` if it holds a path or a list of paths."""
        self.suffix = suffix
        """The suffix that a build gives the file by default."""
        self.cache = cache
        """It configures what is kept between links, and is not a property of one link."""
        self.report = report
        """It asks for output besides the module."""
        self.significant = significant
        """Whether the module, or the success of the link, depends on it."""
        self.warm = warm
        """Whether a warm link without passes supports every value. If not, any value but the default runs the passes.
        """
        self.default = getattr(LinkOptions, name, None)
        self.is_list = LinkOptions.__annotations__[name].startswith("Sequence")


FIELDS = (
    Field(
        "inputs",
        "l whole-archive no-whole-archive push-state pop-state start-lib end-lib Bstatic Bdynamic",
        path=READ,
        warm=True,
    ),
    Field("output", "o", path=WRITTEN, warm=True),
    Field("library_paths", "L", VALUES, path=READ, warm=True),
    Field("relocatable", "relocatable", FLAG),
    Field("emit_relocs", "emit-relocs", FLAG),
    Field("shared", "shared", FLAG),
    Field("pie", "pie no-pie", FLAG, variables="WASMPIE"),
    Field("bsymbolic", "Bsymbolic", FLAG, warm=True),
    Field("check_shared_signatures", "no-shlib-sigcheck", DENIAL, warm=True),
    Field("runtime_paths", "rpath", VALUES, warm=True),
    Field("memory64", "m", variables="WASMTARGET"),
    # Roots and resolution
    Field("entry", "entry no-entry", variables="WASMENTRY WASMREACTOR", warm=True),
    Field("undefined", "undefined", VALUES, warm=True),
    Field("wrap", "wrap", VALUES),
    Field("exports", "export", VALUES, variables="WASMEXPORTS", warm=True),
    Field("exports_if_defined", "export-if-defined", VALUES, warm=True),
    Field("export_all", "export-all", FLAG, warm=True),
    Field("export_dynamic", "export-dynamic no-export-dynamic", FLAG, warm=True),
    Field("allow_multiple_definition", "allow-multiple-definition no-allow-multiple-definition z", warm=True),
    Field("allow_undefined_files", "allow-undefined-file", LAST_VALUE, path=READ, warm=True),
    Field("import_undefined", "import-undefined allow-undefined", warm=True),
    Field(
        "unresolved_symbols",
        "unresolved-symbols allow-undefined error-unresolved-symbols warn-unresolved-symbols",
        variables="WASMALLOWUNDEFINED",
        warm=True,
    ),
    Field("start", "start", VALUE, warm=True),
    # Liveness
    Field("gc_sections", "gc-sections no-gc-sections", FLAG),
    Field("print_gc_sections", "print-gc-sections no-print-gc-sections", FLAG, report=True, significant=False),
    Field("icf", "icf", variables="WASMICF"),
    Field("print_icf_sections", "print-icf-sections no-print-icf-sections", FLAG, report=True, significant=False),
    Field("keep_unique", "keep-unique", VALUES),
    # Memory and table
    Field("shared_memory", "shared-memory", FLAG, variables="WASMSHAREDMEMORY"),
    Field("cooperative_threading", "cooperative-threading", FLAG),
    Field("page_size", "page-size", warm=True),
    Field("stack_first", "stack-first no-stack-first", FLAG, warm=True),
    Field("stack_size", "z", variables="WASMSTACKSIZE", warm=True),
    Field("global_base", "global-base", warm=True),
    Field("initial_memory", "initial-memory", variables="WASMINITIALMEMORY", warm=True),
    Field("initial_heap", "initial-heap", warm=True),
    Field("max_memory", "max-memory", variables="WASMMAXMEMORY", warm=True),
    Field("growable_memory", "no-growable-memory", DENIAL, variables="WASMMAXMEMORY", warm=True),
    Field("import_memory", "import-memory", variables="WASMIMPORTMEMORY", warm=True),
    Field("export_memory", "export-memory", warm=True),
    Field("import_table", "import-table", FLAG, warm=True),
    Field("export_table", "export-table", FLAG, warm=True),
    Field("growable_table", "growable-table", FLAG, warm=True),
    Field("table_base", "table-base", warm=True),
    # Data
    Field("merge_data_segments", "merge-data-segments no-merge-data-segments", FLAG, warm=True),
    Field("optimize", "O", warm=True),
    Field("data_order", "data-order", variables="WASMDATAORDER", warm=True),
    # The fields that it sets have rows of their own.
    Field("smallest", "smallest no-smallest", FLAG, variables="WASMSIZE", warm=True),
    Field("optimize_for", "optimize-for", variables="WASMSIZE"),
    Field("compress_relocations", "compress-relocations no-compress-relocations", FLAG),
    Field("omit_zeros", "omit-zeros no-omit-zeros", FLAG),
    Field("renumber", "renumber no-renumber", FLAG),
    Field("wasm_opt", "wasm-opt", VALUE, variables="WASMOPT"),
    # What is kept in the output
    Field("strip_debug", "strip-debug", FLAG, variables="WASMSTRIP", warm=True),
    Field("strip_all", "strip-all no-strip-all", FLAG, variables="WASMSTRIP", warm=True),
    Field("keep_sections", "keep-section", VALUES, warm=True),
    Field("keep_names", "keep-names", variables="WASMKEEPNAMES"),
    Field("features", "features", warm=True),
    Field("extra_features", "extra-features", warm=True),
    Field("check_features", "check-features no-check-features", FLAG, warm=True),
    Field("build_id", "build-id", variables="WASMBUILDID"),
    Field("record_linker", "record-linker no-record-linker", FLAG, variables="WASMRECORDLINKER", warm=True),
    Field("demangle", "demangle no-demangle", FLAG, warm=True),
    Field("soname", "soname", VALUE, warm=True),
    # Link-time optimisation: a link with bitcode leaves no state, so a warm link never meets these.
    Field("lto_optimize", "lto-O", warm=True),
    Field("lto_codegen_optimize", "lto-CGO", warm=True),
    Field("lto_compiler", "lto-compiler", warm=True),
    Field("llvm_options", "mllvm", VALUES, warm=True),
    Field("lto_object_path", "lto-obj-path", VALUE, path=WRITTEN, report=True, significant=False, warm=True),
    Field("lto_debug_pass_manager", "lto-debug-pass-manager", FLAG, report=True, significant=False, warm=True),
    Field("lto_cache_directory", "thinlto-cache-dir", VALUE, path=KEPT, cache=True, significant=False, warm=True),
    Field("lto_cache_policy", "thinlto-cache-policy", cache=True, significant=False, warm=True),
    Field("verify_bitcode", "disable-verify", DENIAL, warm=True),
    Field("save_temps", "save-temps", FLAG, report=True, significant=False, warm=True),
    Field("thinlto_jobs", "thinlto-jobs", VALUE, significant=False, warm=True),
    # Components: made of the module that either kind of link leaves.
    Field("component", "component", FLAG, warm=True),
    Field("component_types", "component-type", VALUES, variables="WASMWIT", warm=True),
    Field("component_world", "component-world", VALUE, variables="WASMWORLD", warm=True),
    Field("string_encoding", "string-encoding", VALUE, warm=True),
    Field("adapters", "adapt", VALUES, variables="WASMADAPTER", warm=True),
    Field("wasi_adapter", "wasi-adapter", VALUE, variables="WASMADAPTER", warm=True),
    Field("merge_imports_based_on_semver", "merge-imports-based-on-semver", warm=True),
    Field("realloc_via_memory_grow", "realloc-via-memory-grow", FLAG, warm=True),
    Field("reject_legacy_names", "reject-legacy-names", FLAG, warm=True),
    Field("main_world_first", "main-world-first", FLAG, warm=True),
    # Reports
    Field("map_file", "Map", VALUE, variables="WASMMAP", path=WRITTEN, suffix=".map", report=True, significant=False),
    Field(
        "dependency_file",
        "dependency-file",
        VALUE,
        variables="WASMDEPENDENCYFILE",
        path=WRITTEN,
        suffix=".d",
        report=True,
        significant=False,
    ),
    Field("print_map", "print-map", FLAG, report=True, significant=False),
    Field("trace", "trace", FLAG, report=True, significant=False),
    Field("trace_symbols", "trace-symbol", VALUES, report=True, significant=False),
    Field(
        "why_extract",
        "why-extract",
        VALUE,
        variables="WASMWHYEXTRACT",
        path=WRITTEN,
        suffix=".extracted",
        report=True,
        significant=False,
    ),
    Field("why_live", "why-live", VALUES, report=True, significant=False),
    Field("why_live_file", "why-live-file", VALUE, path=WRITTEN, report=True, significant=False),
    Field(
        "size_reports",
        "size-report",
        VALUES,
        variables="WASMSIZEREPORT",
        path=WRITTEN,
        suffix=".size.html",
        report=True,
        significant=False,
    ),
    Field("size_diff", "size-diff", VALUE, path=READ, report=True, significant=False),
    Field("size_limit", "size-limit", variables="WASMSIZELIMIT", warm=True),
    Field("size_note", "size-note", VALUE, path=KEPT, cache=True, significant=False, warm=True),
    Field("verbose", "verbose", FLAG, significant=False),
    # An error among them ends the link; a link that warns leaves no state.
    Field("remarks", "experimental-pic", warm=True),
    Field("on_read", "reproduce", report=True, significant=False),
    # Speed
    Field("cache_directory", "cache-dir", VALUE, path=KEPT, cache=True, significant=False, warm=True),
    Field("cache_limit", "cache-size", cache=True, significant=False, warm=True),
    Field("shared_cache", "shared-cache", FLAG, cache=True, significant=False, warm=True),
    Field("threads", "threads", significant=False, warm=True),
    Field("time_report", "time-report", path=WRITTEN, report=True, significant=False, warm=True),
    # Severity
    Field("fatal_warnings", "fatal-warnings no-fatal-warnings", FLAG, warm=True),
    Field("noinhibit_exec", "noinhibit-exec", FLAG, warm=True),
)


def needs_full_link(options: LinkOptions) -> Field | None:
    """Return the first field whose value a warm link does not support; ``None`` if there is none.

    A field that is not marked as supported counts, so that a new option costs speed before it costs correctness.
    """
    plain = LinkOptions(inputs=())
    for field in FIELDS:
        if not field.warm:
            value, default = getattr(options, field.name), getattr(plain, field.name)
            if value != default and (value or default):
                return field
    return None
