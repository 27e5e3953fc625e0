"""Options that build systems pass to every linker: rows of the table of options, and keywords of -z.

Ignoring them cannot change a module, or is an error where it could (:func:`check_elf_options`).
"""

from __future__ import annotations

import os

from wasmlink_tool.cli.option_row import NO_EFFECT, Option
from wasmlink_tool.diagnostics import Diagnostics
from wasmlink_tool.options import LinkOptions, UnresolvedPolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wasmlink_tool.cli.parser import CommandLine

NOT_IN_WASM = "WebAssembly does not have this feature."
BUILT_IN = "Link-time optimisation is built in."
NOT_READ = "The linker does not read the dependencies of a library."


def _elf(name: str, forms: str, help: str, note: str) -> Option:
    """Return the row of an option that build systems pass to every linker and that cannot change a module."""
    return Option(name, forms, help, NO_EFFECT, note, ours=True)


ELF_KEYWORDS = (
    "now",
    "lazy",
    "relro",
    "norelro",
    "noexecstack",
    "combreloc",
    "nocombreloc",
    "separate-code",
    "noseparate-code",
    "text",
    "origin",
    "pack-relative-relocs",
    "nopack-relative-relocs",
    "nocopyreloc",
    "notext",
    "nodelete",
    "nodlopen",
    "nodump",
    "execstack",
    "ibt",
    "shstk",
    "keep-text-section-prefix",
    "nokeep-text-section-prefix",
)
"""Keywords of -z that apply to ELF files only."""
ELF_SIZES = ("max-page-size=", "common-page-size=", "cet-report=")

ELF_OPTIONS: tuple[Option, ...] = (
    _elf("start-group", "--start-group -(", "Begin a group of archives", "Archives are searched in any order."),
    _elf("end-group", "--end-group -)", "End a group of archives", "Archives are searched in any order."),
    _elf(
        "as-needed",
        "--as-needed",
        "Leave out shared libraries that nothing needs",
        "A static link has none. An error together with -shared, -pie or -Bdynamic.",
    ),
    _elf("no-as-needed", "--no-as-needed", "Keep shared libraries that nothing needs", "All are kept."),
    _elf(
        "no-undefined",
        "--no-undefined",
        "Undefined symbols are errors",
        "This is the default. An error together with an option that allows them.",
    ),
    _elf(
        "exclude-libs",
        "--exclude-libs=<libraries> --exclude-libs_<libraries>",
        "Hide the symbols that archive members define",
        "Only requested symbols are exported. An error together with -shared, -pie, --export-all or --export-dynamic.",
    ),
    _elf(
        "Bsymbolic-functions",
        "[-]-Bsymbolic-functions",
        "Bind references to functions within a shared library",
        "A program always does. An error together with -shared; -Bsymbolic does so for all symbols.",
    ),
    _elf(
        "sysroot",
        "--sysroot=<dir> --sysroot_<dir>",
        "The directory for library paths that begin with =",
        "It has no effect on other paths. An error together with such a path.",
    ),
    _elf(
        "dynamic-linker",
        "[-]-dynamic-linker=<file> [-]-dynamic-linker_<file>",
        "The program that loads the module",
        NOT_IN_WASM,
    ),
    _elf("no-dynamic-linker", "[-]-no-dynamic-linker", "Do not name a program that loads the module", NOT_IN_WASM),
    _elf("plugin", "[-]-plugin=<file> [-]-plugin_<file>", "The compiler's plug-in for the linker", BUILT_IN),
    _elf(
        "plugin-opt",
        "[-]-plugin-opt=-pass-through=<library>",
        "A library that generated code may need",
        "Libraries are searched again for what generated code needs. Any other -plugin-opt is an error.",
    ),
    _elf("gdb-index", "--gdb-index --no-gdb-index", "Write an index for a debugger", NOT_IN_WASM),
    _elf("discard-locals", "-X --discard-locals", "Discard temporary local symbols", "Objects have none."),
    _elf("discard-none", "--discard-none", "Keep local symbols", "They are kept."),
    _elf("relax", "--relax --no-relax", "Shorten instructions", NOT_IN_WASM),
    _elf("nostdlib", "[-]-nostdlib", "Search only the directories on the command line", "There are no others."),
    _elf("EL", "-EL", "Write little-endian output", "WebAssembly is always little-endian."),
    _elf("no-keep-memory", "--no-keep-memory --reduce-memory-overheads", "Use less memory", "It changes no output."),
    _elf(
        "ld-generated-unwind-info",
        "--ld-generated-unwind-info --no-ld-generated-unwind-info",
        "Write unwind tables for linker-generated code",
        NOT_IN_WASM,
    ),
    _elf("rosegment", "--rosegment --no-rosegment", "Put read-only data into separate segments", NOT_IN_WASM),
    _elf("warn-execstack", "--warn-execstack --no-warn-execstack", "Warn about executable stacks", NOT_IN_WASM),
    _elf("warn-rwx-segments", "--warn-rwx-segments --no-warn-rwx-segments", "Warn about writable code", NOT_IN_WASM),
    _elf("hash-style", "--hash-style=<style> --hash-style_<style>", "The style of symbol hashes", NOT_IN_WASM),
    _elf(
        "rpath-link",
        "[-]-rpath-link=<dir> [-]-rpath-link_<dir>",
        "Search here for libraries that shared libraries need",
        NOT_READ,
    ),
    _elf("enable-new-dtags", "--enable-new-dtags", "Write DT_RUNPATH", NOT_IN_WASM),
    _elf("disable-new-dtags", "--disable-new-dtags", "Write DT_RPATH", NOT_IN_WASM),
    _elf("eh-frame-hdr", "--eh-frame-hdr", "Write an index of unwind tables", NOT_IN_WASM),
    _elf("no-eh-frame-hdr", "--no-eh-frame-hdr", "Do not write an index of unwind tables", NOT_IN_WASM),
    _elf("allow-shlib-undefined", "--allow-shlib-undefined", "Libraries may lack symbols", NOT_READ),
    _elf("no-copy-dt-needed-entries", "--no-copy-dt-needed-entries", "Do not follow libraries", NOT_READ),
    _elf("no-add-needed", "--no-add-needed", "Do not follow libraries", NOT_READ),
    _elf("warn-common", "--warn-common", "Warn about common symbols", NOT_IN_WASM),
    _elf("no-warn-common", "--no-warn-common", "Do not warn about common symbols", NOT_IN_WASM),
    _elf("warn-once", "--warn-once", "Warn once about each undefined symbol", "Each is reported once."),
    _elf("no-warn-mismatch", "--no-warn-mismatch", "Do not warn about objects for other processors", NOT_IN_WASM),
    _elf("check-sections", "--check-sections --no-check-sections", "Check sections for overlap", "They never overlap."),
    _elf(
        "apply-dynamic-relocs",
        "--apply-dynamic-relocs --no-apply-dynamic-relocs",
        "Write the initial values of dynamic relocations",
        NOT_IN_WASM,
    ),
    _elf("pack-dyn-relocs", "--pack-dyn-relocs=<format>", "The format of dynamic relocations", NOT_IN_WASM),
    _elf("use-android-relr-tags", "--use-android-relr-tags --no-use-android-relr-tags", "Their tags", NOT_IN_WASM),
    _elf(
        "no-call-graph-profile-sort",
        "--no-call-graph-profile-sort --call-graph-profile-sort=none",
        "Do not sort functions by a profile",
        "They are never sorted so.",
    ),
    _elf("no-warn-symbol-ordering", "--no-warn-symbol-ordering", "Do not warn about orders of symbols", NOT_IN_WASM),
    _elf("no-warn-backrefs", "--no-warn-backrefs", "Do not warn about the order of archives", "It never warns."),
    _elf(
        "compress-debug-sections",
        "--compress-debug-sections=none",
        "Do not compress debug information",
        "It is never compressed. Any other format is an error.",
    ),
    _elf(
        "no-error-execstack",
        "--no-error-execstack --no-error-rwx-segments",
        "Executable stacks and writable code are no errors",
        NOT_IN_WASM,
    ),
    _elf("no-omagic", "--no-omagic --no-nmagic", "Align segments to pages", NOT_IN_WASM),
    _elf(
        "no-mmap-output-file", "--no-mmap-output-file", "Write the output without mapping it", "It changes no output."
    ),
    _elf("no-dependent-libraries", "--no-dependent-libraries", "Do not link libraries that objects name", NOT_IN_WASM),
    _elf("sort-common", "--sort-common", "Sort common symbols", NOT_IN_WASM),
    _elf("undefined-version", "--undefined-version", "Allow versions of undefined symbols", NOT_IN_WASM),
    _elf("no-undefined-version", "--no-undefined-version", "Reject versions of undefined symbols", NOT_IN_WASM),
    _elf("fix-cortex-a8", "--fix-cortex-a8 --no-fix-cortex-a8", "Avoid an erratum of a processor", NOT_IN_WASM),
    _elf(
        "fix-cortex-a53-835769",
        "--fix-cortex-a53-835769 --no-fix-cortex-a53-835769",
        "Avoid an erratum of a processor",
        NOT_IN_WASM,
    ),
    _elf(
        "fix-cortex-a53-843419",
        "--fix-cortex-a53-843419 --no-fix-cortex-a53-843419",
        "Avoid an erratum of a processor",
        NOT_IN_WASM,
    ),
)


def check_elf_options(line: CommandLine, options: LinkOptions, diagnostics: Diagnostics) -> None:
    """Report ELF options that would change the output if they were ignored."""
    if line.enabled("as-needed", False) and (options.is_pic or line.has("Bdynamic")):
        diagnostics.error("--as-needed is not supported with shared libraries")
    strict = "--no-undefined" if line.has("no-undefined") else "-z defs" if "defs" in line.values("z") else ""
    if strict and (options.import_undefined or options.unresolved_symbols is not UnresolvedPolicy.REPORT_ERROR):
        diagnostics.error(f"{strict} contradicts an option that allows undefined symbols")
    if line.has("exclude-libs") and (options.is_pic or options.export_all or options.export_dynamic):
        diagnostics.error("--exclude-libs is not supported with options that export symbols without naming them")
    if line.has("Bsymbolic-functions") and options.shared and not options.bsymbolic:
        diagnostics.error("-Bsymbolic-functions is not supported: -Bsymbolic binds references to all symbols")
    if line.has("sysroot"):
        for path in options.library_paths:
            if os.fspath(path).startswith(("=", "$SYSROOT")):
                diagnostics.error(f"--sysroot is not supported: write the full path of -L{path}")
