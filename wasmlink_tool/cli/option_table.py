"""The command's options, declared once: parsing, ``--help`` and docs/options.md's table all read this module.

A row's *forms* say how an option may be spelled, separated by spaces:

``--gc-sections``
    a flag;
``--entry=<symbol>``
    a value joined to the name;
``--entry_<symbol>``
    a value that is the next argument;
``-L[_]<dir>``
    a value that is joined or is the next argument.

``[-]-name`` stands for ``-name`` and ``--name``. Which forms exist follows wasm-ld 22, option by option: it takes
``-export=foo``, but ``-export-all`` is ``-e`` with the value ``xport-all``.
"""

from __future__ import annotations

from wasmlink_tool.cli.elf_options import ELF_KEYWORDS, ELF_OPTIONS, ELF_SIZES
from wasmlink_tool.cli.option_row import LATER, NO_EFFECT, Option

FLAG = 0
JOINED = 1
SEPARATE = 2
EITHER = 3


OPTIONS: tuple[tuple[str, tuple[Option, ...]], ...] = (
    (
        "Inputs and libraries",
        (
            Option("L", "-L[_]<dir> [-]-library-path=<dir> [-]-library-path_<dir>", "Search <dir> for libraries"),
            Option(
                "l",
                "-l[_]<name> [-]-library=<name> [-]-library_<name>",
                "Link lib<name>.a from the library search path; ':<file>' searches for <file> itself",
            ),
            Option("whole-archive", "[-]-whole-archive", "Link every member of the archives that follow"),
            Option(
                "no-whole-archive",
                "[-]-no-whole-archive",
                "Link only needed members of the archives that follow (default)",
            ),
            Option(
                "push-state",
                "[-]-push-state",
                "Save the state of --whole-archive, --Bstatic and --Bdynamic",
                ours=True,
            ),
            Option("pop-state", "[-]-pop-state", "Restore the state that --push-state saved", ours=True),
            Option("start-lib", "[-]-start-lib", "Treat the objects that follow as members of an archive"),
            Option("end-lib", "[-]-end-lib", "End the group that --start-lib began"),
            Option("Bstatic", "[-]-Bstatic [-]-static [-]-dn [-]-non_shared", "Search for static libraries (default)"),
            Option(
                "Bdynamic",
                "[-]-Bdynamic [-]-dy [-]-call_shared",
                "Search for shared libraries too",
            ),
            Option(
                "m",
                "-m[_]<target>",
                "The target architecture: wasm32 (default) or wasm64",
            ),
            Option(
                "rsp-quoting",
                "[-]-rsp-quoting=<style> [-]-rsp-quoting_<style>",
                "How @<file> quotes arguments: posix or windows (default: the system's own)",
                note="Read from the command line itself only, not from a response file, as in wasm-ld.",
                is_presentation=True,
            ),
        ),
    ),
    (
        "Output",
        (
            Option("o", "-o[_]<file>", "The file to write; '-' is standard output"),
            Option("soname", "[-]-soname=<name> [-]-soname_<name>", "The module's name in the name section"),
            Option("O", "-O[_]<level>", "Optimise the output: 0 disables string merging"),
            Option("strip-all", "[-]-strip-all -s", "Leave out symbol names and debug information"),
            Option("strip-debug", "[-]-strip-debug -S", "Leave out debug information"),
            Option(
                "keep-section",
                "[-]-keep-section=<name> [-]-keep-section_<name>",
                "Keep this custom section even under --strip-all",
            ),
            Option(
                "build-id",
                "[-]-build-id=<style> [-]-build-id",
                "Write a build ID: none, fast (the default style), tree, sha1, md5, sha3, uuid or 0x<hex>",
                note="md5 and sha3 are ours. fast hashes with another function than wasm-ld's.",
            ),
            Option("no-compress-relocations", "--no-compress-relocations", "Do not shorten them (default)", ours=True),
            Option("no-strip-all", "--no-strip-all", "Keep them (default without --smallest)", ours=True),
            Option(
                "smallest",
                "--smallest",
                "Make the module as small as possible without changing what it does",
                note="The same as -s --compress-relocations --icf=safe --omit-zeros --renumber, except where "
                "other options do not allow it or say otherwise. See [module size](size.md).",
                ours=True,
            ),
            Option("no-smallest", "--no-smallest", "Do not (default)", ours=True),
            Option(
                "optimize-for",
                "--optimize-for=<size>",
                "The size that counts where options differ in it: raw (default) or gzip",
                ours=True,
            ),
            Option(
                "renumber",
                "--renumber",
                "Order functions, types and table entries so that the module becomes smaller",
                note="See [module size](size.md#order).",
                ours=True,
            ),
            Option("no-renumber", "--no-renumber", "Leave them in the order of the inputs (default)", ours=True),
            Option(
                "keep-names",
                "--keep-names=<kinds>",
                "Keep only these kinds of names, even with --strip-all: functions,globals,data,module",
                ours=True,
            ),
            Option(
                "wasm-opt",
                "--wasm-opt=<flags> --wasm-opt_<flags>",
                "Let binaryen's wasm-opt rewrite the module, with these flags: -Oz",
                note="The program is the one that WASMLINK_WASM_OPT names, the first on the PATH, or that of npm's "
                "package binaryen. See [module size](size.md#wasm-opt).",
                ours=True,
            ),
            Option("record-linker", "--record-linker", "Name this linker in the producers section", ours=True),
            Option("no-record-linker", "--no-record-linker", "Do not name it (default)", ours=True),
            Option("relocatable", "[-]-relocatable -r", "Write an object that can be linked again"),
            Option("emit-relocs", "[-]-emit-relocs", "Keep the relocations in a finished module"),
            Option(
                "compress-relocations",
                "[-]-compress-relocations",
                "Shorten relocated numbers in code",
                note="wasm-ld takes it with -S or -s only; here, debug information "
                "[follows](size.md#debug-information-of-shorter-code).",
            ),
        ),
    ),
    (
        "Symbols",
        (
            Option("entry", "[-]-entry=<symbol> [-]-entry_<symbol> -e[_]<symbol>", "The entry function (_start)"),
            Option("no-entry", "--no-entry", "The module has no entry function"),
            Option(
                "start",
                "--start=<symbol> --start_<symbol>",
                "Call this function, of type () -> (), when the module is instantiated",
                ours=True,
            ),
            Option(
                "undefined",
                "[-]-undefined=<symbol> [-]-undefined_<symbol> -u[_]<symbol>",
                "Link the archive member that defines <symbol>",
            ),
            Option(
                "allow-undefined",
                "[-]-allow-undefined",
                "The same as --import-undefined with --unresolved-symbols=ignore-all",
            ),
            Option(
                "allow-undefined-file",
                "[-]-allow-undefined-file=<file> -allow-undefined-file_<file>",
                "Allow the symbols that <file> lists to be undefined",
                note="As in wasm-ld, only the last file given is read.",
            ),
            Option("import-undefined", "[-]-import-undefined", "Import undefined symbols where that is possible"),
            Option(
                "unresolved-symbols",
                "[-]-unresolved-symbols=<how> [-]-unresolved-symbols_<how>",
                "How to treat undefined symbols: report-all (default), ignore-all or import-dynamic",
            ),
            Option(
                "error-unresolved-symbols", "[-]-error-unresolved-symbols", "Undefined symbols are errors (default)"
            ),
            Option("warn-unresolved-symbols", "[-]-warn-unresolved-symbols", "Undefined symbols are warnings"),
            Option(
                "allow-multiple-definition", "[-]-allow-multiple-definition", "The first of several definitions wins"
            ),
            Option(
                "no-allow-multiple-definition",
                "[-]-no-allow-multiple-definition",
                "Several definitions are an error (default)",
            ),
            Option(
                "wrap",
                "[-]-wrap=<symbol> [-]-wrap_<symbol>",
                "Resolve <symbol> to __wrap_<symbol>, and __real_<symbol> to <symbol>",
            ),
            Option(
                "demangle",
                "[-]-demangle",
                "Show C++, Rust and D names as in the source, in the name section, messages and maps (default)",
            ),
            Option("no-demangle", "[-]-no-demangle", "Show names as they are in the object files"),
        ),
    ),
    (
        "Imports and exports",
        (
            Option("export", "[-]-export=<symbol> [-]-export_<symbol>", "Export <symbol>; it must exist"),
            Option(
                "export-if-defined",
                "[-]-export-if-defined=<symbol> [-]-export-if-defined_<symbol>",
                "Export <symbol> if something defines it",
            ),
            Option("export-all", "--export-all", "Export every symbol"),
            Option("export-dynamic", "[-]-export-dynamic -E", "Export every symbol that is not hidden"),
            Option("no-export-dynamic", "[-]-no-export-dynamic", "Export only requested symbols (default)"),
            Option(
                "export-memory",
                "--export-memory=<name> --export-memory",
                "Export the memory as <name> (memory); this is the default unless it is imported",
            ),
            Option(
                "import-memory",
                "--import-memory=<module>,<name> --import-memory",
                "Import the memory as <name> of <module> (env,memory)",
            ),
            Option("export-table", "--export-table", "Export the function table"),
            Option("import-table", "--import-table", "Import the function table"),
        ),
    ),
    (
        "Garbage collection and folding",
        (
            Option("gc-sections", "[-]-gc-sections", "Remove unreferenced functions and data (default)"),
            Option("no-gc-sections", "[-]-no-gc-sections", "Keep unreferenced functions and data"),
            Option("print-gc-sections", "[-]-print-gc-sections", "List what --gc-sections removes"),
            Option("no-print-gc-sections", "[-]-no-print-gc-sections", "Do not list it (default)"),
            Option(
                "icf",
                "--icf=<level>",
                "Fold identical functions and constants: none (default), safe or all",
                note="See [sizes](size.md).",
                ours=True,
            ),
            Option("print-icf-sections", "--print-icf-sections", "List what --icf removes", ours=True),
            Option("no-print-icf-sections", "--no-print-icf-sections", "Do not list it (default)", ours=True),
            Option(
                "keep-unique",
                "--keep-unique=<symbol> --keep-unique_<symbol>",
                "Do not fold the function or data of <symbol>",
                ours=True,
            ),
        ),
    ),
    (
        "Memory, table and data",
        (
            Option("initial-memory", "--initial-memory=<bytes> -i", "The initial size of the memory"),
            Option("initial-heap", "--initial-heap=<bytes>", "The initial size of the heap"),
            Option("max-memory", "--max-memory=<bytes>", "The maximum size of the memory"),
            Option("no-growable-memory", "--no-growable-memory", "The memory cannot grow"),
            Option("global-base", "--global-base=<address>", "The address at which data starts"),
            Option("stack-first", "[-]-stack-first", "Place the stack before the data (default)"),
            Option(
                "no-stack-first",
                "[-]-no-stack-first",
                "Place the stack after the data",
                note="Without either option, a --global-base that leaves no room for the stack "
                "before the data also places it after the data; wasm-ld reports an error.",
            ),
            Option(
                "z",
                "-z[_]<keyword>",
                "stack-size=<bytes>: the size of the stack",
                note="muldefs: the first of several definitions wins. defs: undefined symbols are errors, as they are "
                f"by default. Keywords for ELF files have no effect: {', '.join((*ELF_KEYWORDS, *ELF_SIZES))}. "
                "Any other keyword is a warning, as in wasm-ld.",
            ),
            Option("growable-table", "--growable-table", "The function table has no maximum size"),
            Option("table-base", "--table-base=<index>", "The first index of the function table to use (1)"),
            Option("merge-data-segments", "--merge-data-segments", "Merge data segments by name prefix (default)"),
            Option("no-merge-data-segments", "--no-merge-data-segments", "Keep one data segment for each name"),
            Option(
                "data-order",
                "--data-order=<order> --data-order_<order>",
                "The order of data: input (default; wasm-ld's) or packed",
                ours=True,
            ),
            Option(
                "omit-zeros",
                "--omit-zeros",
                "Leave runs of zeros out of the data section, where that makes the module smaller",
                note="The memory must be the module's own and not shared. See [module size](size.md).",
                ours=True,
            ),
            Option("no-omit-zeros", "--no-omit-zeros", "Write all data (default)", ours=True),
            Option(
                "page-size",
                "--page-size=<bytes>",
                "The page size of the memory: 65536 (default) or 1",
            ),
            Option("shared-memory", "--shared-memory", "Use a shared memory, for threads"),
            Option(
                "cooperative-threading",
                "--cooperative-threading",
                "Let threads take turns in one instance (wasm32-wasip3)",
                note="A library or the host defines the functions __wasm_get_stack_pointer, __wasm_set_stack_pointer, "
                "__wasm_get_tls_base and __wasm_set_tls_base; the immutable globals __init_stack_pointer and "
                "__init_tls_base hold the first thread's initial values, and are exported only if --export names them. "
                "The function table is exported. With -r, pass it to the next link instead. LLVM 23 has the option.",
                ours=True,
            ),
        ),
    ),
    (
        "Target features",
        (
            Option(
                "features",
                "[-]-features=<a,b,...>",
                "The features that the module uses, instead of those of its inputs",
                note="The last one given counts.",
            ),
            Option("extra-features", "[-]-extra-features=<a,b,...>", "Features in addition to those"),
            Option("check-features", "--check-features", "Check that the inputs' features agree (default)"),
            Option("no-check-features", "--no-check-features", "Do not check it"),
        ),
    ),
    (
        "Reports",
        (
            Option("Map", "[-]-Map=<file> [-]-Map_<file>", "Write a map of the output to <file>"),
            Option(
                "print-map",
                "[-]-print-map -M",
                "Write a map of the output to standard output",
                note="Together with --Map, both maps are written; wasm-ld then ignores --Map.",
            ),
            Option("trace", "[-]-trace -t", "List the files that are linked"),
            Option(
                "trace-symbol",
                "[-]-trace-symbol=<symbol> [-]-trace-symbol_<symbol> -y[_]<symbol>",
                "List the files that define or refer to <symbol>",
            ),
            Option(
                "why-extract", "--why-extract=<file>", "Write why each archive member is linked; '-' is standard output"
            ),
            Option(
                "dependency-file",
                "--dependency-file=<file> --dependency-file_<file>",
                "Write a Make rule that names every file read",
                ours=True,
            ),
            Option(
                "time-report",
                "--time-report=<file> --time-report",
                "Write the times of the link's steps, as JSON if <file> ends in .json (default: standard output)",
                ours=True,
            ),
            Option(
                "reproduce",
                "--reproduce=<file> --reproduce_<file>",
                "Write the inputs and the command line to a tar, to repeat the link elsewhere",
                note="Unlike wasm-ld's, the tar has the members of thin archives, and its response.txt finds libraries "
                "and lists of symbols in the tar and writes everything to the current directory. Without the option, "
                "$LLD_REPRODUCE names the file.",
            ),
        ),
    ),
    (
        "Components",
        (
            Option(
                "component",
                "--component",
                "Write a component, for the worlds that the objects describe",
                note="See [components](components.md).",
                ours=True,
            ),
            Option(
                "component-type",
                "--component-type=<wit> --component-type_<wit>",
                "Implement a world of WIT text: a file, or a directory with deps/",
                note="In addition to the worlds that objects describe. May be repeated.",
                ours=True,
            ),
            Option(
                "component-world",
                "--component-world=<world> --component-world_<world>",
                "The world of --component-type, if there are several: its name, or <ns>:<package>/<name>",
                ours=True,
            ),
            Option(
                "string-encoding",
                "--string-encoding=<encoding> --string-encoding_<encoding>",
                "The encoding of strings for --component-type: utf8 (default), utf16 or compact-utf16",
                ours=True,
            ),
            Option(
                "adapt",
                "--adapt=<adapter> --adapt_<adapter>",
                "Satisfy imports with an adapter: [<module>=]<file>",
                note="Without a module, the name is that of the file up to its first dot.",
                ours=True,
            ),
            Option(
                "wasi-adapter",
                "--wasi-adapter=<adapter> --wasi-adapter_<adapter>",
                "The adapter for WASI preview 1: a file, or command, reactor, proxy or none",
                note="By default the linker searches for one that fits the program: see [components](components.md).",
                ours=True,
            ),
            Option(
                "merge-imports-based-on-semver",
                "--merge-imports-based-on-semver --merge-imports-based-on-semver=<bool>",
                "Import an interface once, in the newest of its compatible versions (default)",
                ours=True,
            ),
            Option(
                "realloc-via-memory-grow",
                "--realloc-via-memory-grow",
                "Let adapters allocate by growing the memory instead of calling the program's function",
                ours=True,
            ),
            Option(
                "reject-legacy-names",
                "--reject-legacy-names",
                "Recognise only core imports and exports of the cm32p2 scheme",
                ours=True,
            ),
            Option(
                "main-world-first",
                "--main-world-first",
                "Order a component's imports as wasm-component-ld does: the program's own, then those of adapters",
                ours=True,
            ),
        ),
    ),
    (
        "Module size",
        (
            Option(
                "why-live",
                "--why-live=<symbol> --why-live_<symbol>",
                "Show the shortest chain of references that keeps <symbol> in the output",
                note="Also accepts a glob, a C++ name, import:<module>.<name>, section:<name> or member:<name>: see "
                "[sizes](size.md).",
                ours=True,
            ),
            Option(
                "why-live-file",
                "--why-live-file=<file> --why-live-file_<file>",
                "Write the output of --why-live to <file>, as JSON if its name ends in .json",
                ours=True,
            ),
            Option(
                "size-report",
                "--size-report=<file> --size-report_<file>",
                "Write the owner of each byte of the module, as JSON, HTML or text by the suffix of <file>",
                note="May be given several times: see [sizes](size.md).",
                ours=True,
            ),
            Option(
                "size-diff",
                "--size-diff=<file> --size-diff_<file>",
                "Show the changes since <file>, a size report in JSON",
                ours=True,
            ),
            Option(
                "size-limit",
                "--size-limit=<bytes> --size-limit_<bytes>",
                "Fail if the file has more bytes; gzip:<bytes> limits its compressed size",
                note="`k` and `M` are units of 1,024. The file is then written under another name, next to the output.",
                ours=True,
            ),
            Option(
                "size-note",
                "--size-note=<file> --size-note_<file>",
                "Print a line if the size changed since the last link with this <file>, which stores the sizes",
                ours=True,
            ),
        ),
    ),
    (
        "Cache",
        (
            Option(
                "cache-dir",
                "--cache-dir=<dir> --cache-dir_<dir>",
                "Cache parsed inputs in <dir> for the next link; the output does not depend on it",
                ours=True,
            ),
            Option(
                "cache-size",
                "--cache-size=<bytes> --cache-size_<bytes>",
                "The maximum size of the cache on disk (512 MiB)",
                ours=True,
            ),
            Option(
                "shared-cache",
                "--shared-cache",
                "Use a cache directory even if other users can write to it and so change the output",
                ours=True,
            ),
        ),
    ),
    (
        "Diagnostics",
        (
            Option("fatal-warnings", "[-]-fatal-warnings", "Treat warnings as errors"),
            Option("no-fatal-warnings", "[-]-no-fatal-warnings", "Do not treat warnings as errors (default)"),
            Option("noinhibit-exec", "[-]-noinhibit-exec", "Write the output despite certain errors"),
            Option(
                "error-limit",
                "--error-limit=<count> --error-limit_<count>",
                "Stop after this many errors (20); 0 is no limit",
                is_presentation=True,
            ),
            Option(
                "color-diagnostics",
                "[-]-color-diagnostics=<when> [-]-color-diagnostics",
                "Colour diagnostics: auto (default), always (without a value) or never",
                is_presentation=True,
            ),
            Option(
                "no-color-diagnostics",
                "[-]-no-color-diagnostics",
                "The same as --color-diagnostics=never",
                is_presentation=True,
            ),
            Option("verbose", "[-]-verbose", "Print the passes of the link and the sections of the output"),
            Option("v", "-v -V", "Show the version, then link if there is something to link", is_presentation=True),
            Option("version", "[-]-version", "Show the version and do nothing else"),
            Option("help", "[-]-help", "Show this help and do nothing else"),
        ),
    ),
    (
        "Dynamic linking",
        (
            Option("shared", "[-]-shared", "Write a shared library"),
            Option("pie", "[-]-pie", "Write a position-independent executable"),
            Option("no-pie", "[-]-no-pie", "Write an executable at fixed addresses (default)"),
            Option(
                "Bsymbolic",
                "[-]-Bsymbolic",
                "Bind references within a shared library to its own definitions",
                note="As in wasm-ld, a static link warns that it has no effect.",
            ),
            Option("experimental-pic", "--experimental-pic", "Do not warn that dynamic linking is unstable"),
            Option(
                "rpath",
                "[-]-rpath=<dir> [-]-rpath_<dir>",
                "Add to the run-time library search path of a dynamic module",
            ),
            Option(
                "no-shlib-sigcheck",
                "--no-shlib-sigcheck",
                "Do not check function types against shared libraries",
            ),
        ),
    ),
    (
        "Link-time optimisation",
        (
            Option("lto-O", "--lto-O<level>", "The optimisation level: 0 to 3 (2)"),
            Option(
                "lto-CGO",
                "--lto-CGO<level>",
                "The optimisation level of code generation: 0 to 3 (that of --lto-O, but not under 2)",
            ),
            Option(
                "lto-compiler",
                "--lto-compiler=<program> --lto-compiler_<program>",
                "Generate code with this clang, zig or llvm-lto2",
                note="By default the one in the environment variable WASMLINK_LTO_COMPILER, or the first that is "
                "found: see [the guide](guide.md).",
                ours=True,
            ),
            Option(
                "lto-partitions",
                "--lto-partitions=<count>",
                "The number of parts to generate code for",
                NO_EFFECT,
                "Code is generated in one part: the same program. The value is checked.",
            ),
            Option("lto-debug-pass-manager", "--lto-debug-pass-manager", "Trace the optimiser's passes"),
            Option(
                "lto-obj-path",
                "--lto-obj-path=<file>",
                "Write the generated object to <file> as well; further ones get numbers",
            ),
            Option(
                "thinlto-cache-dir",
                "--thinlto-cache-dir=<dir>",
                "Keep generated objects in <dir>, for the next link of the same modules",
                note="An entry is a file in the subdirectory `generated` and holds the code of all modules of a link.",
            ),
            Option(
                "thinlto-cache-policy",
                "--thinlto-cache-policy=<policy> --thinlto-cache-policy_<policy>",
                "The rules for removing entries from that cache",
            ),
            Option(
                "thinlto-emit-imports-files", "--thinlto-emit-imports-files", "Write lists of imported files", LATER
            ),
            Option("thinlto-emit-index-files", "--thinlto-emit-index-files", "Write index files", LATER),
            Option(
                "thinlto-index-only",
                "--thinlto-index-only=<file> --thinlto-index-only",
                "Write index files and stop",
                LATER,
            ),
            Option(
                "thinlto-jobs",
                "--thinlto-jobs=<count>",
                "The number of jobs",
                note="llvm-lto2 runs them; a clang compiles all modules as one.",
            ),
            Option(
                "thinlto-object-suffix-replace",
                "--thinlto-object-suffix-replace=<old;new>",
                "Change the suffix of objects' names in index files",
                NO_EFFECT,
                "No index files are written. The value is checked.",
            ),
            Option(
                "thinlto-prefix-replace",
                "--thinlto-prefix-replace=<old;new>",
                "Change the prefix of index files' names",
                NO_EFFECT,
                "No index files are written. The value is checked.",
            ),
            Option(
                "save-temps",
                "[-]-save-temps",
                "Keep the modules before and after each step, and the generated objects, beside the output",
            ),
            Option(
                "mllvm",
                "[-]-mllvm=<option> [-]-mllvm_<option>",
                "Pass an option to LLVM",
                note="The compiler parses it: without bitcode, it has no effect.",
            ),
            Option(
                "disable-verify",
                "[-]-disable-verify",
                "Do not verify bitcode",
                note="clang is passed -disable-llvm-verifier. llvm-lto2, and clang 22, verify their input all the "
                "same: a module that they reject remains an error, which says so. The result of others never depends "
                "on it.",
            ),
        ),
    ),
    ("Options of ELF linkers", ELF_OPTIONS),
    (
        "Execution",
        (
            Option(
                "threads",
                "[-]-threads=<count> [-]-threads_<count>",
                "The number of processors to use (default: all)",
                note="In large links, up to 7 child processes relocate sections, if the system has fork() (by default "
                "only on Linux). The output does not depend on it.",
            ),
        ),
    ),
)


def spellings(form: str) -> list[tuple[str, int, str]]:
    """Return the texts to match for a form of a row: (text, kind, name of the value)."""
    head, bracket, placeholder = form.partition("<")
    kind = FLAG
    if head.endswith("[_]"):
        kind, head = EITHER, head[:-3]
    elif head.endswith("_") and bracket:
        kind, head = SEPARATE, head[:-1]
    elif bracket:
        kind = JOINED
    value = bracket + placeholder
    if head.startswith("[-]"):
        return [(head[3:], kind, value), ("-" + head[3:], kind, value)]
    return [(head, kind, value)]


def all_options() -> list[Option]:
    return [option for _, group in OPTIONS for option in group]
