"""Options that build systems pass to whatever linker there is: rows of the table of options, and keywords of -z.

Ignoring them cannot change a module, or is an error where it could (``interpret._check_elf_options``).
"""

from __future__ import annotations

from wasmlink_tool.cli.option_row import NO_EFFECT, Option

NOT_IN_WASM = "WebAssembly has no such thing."
NOT_READ = "The linker does not look into the libraries that a library needs."


def _elf(name: str, forms: str, help: str, note: str) -> Option:
    """An option that build systems pass to whatever linker there is, and that cannot change a module."""
    return Option(name, forms, help, NO_EFFECT, note, ours=True)


ELF_KEYWORDS = frozenset(
    (
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
    )
)
"""Keywords of -z that are about ELF files alone."""
ELF_SIZES = ("max-page-size=", "common-page-size=")

ELF_OPTIONS: tuple[Option, ...] = (
    _elf("start-group", "--start-group -(", "Begin a group of archives", "Archives are searched in any order."),
    _elf("end-group", "--end-group -)", "End it", "Archives are searched in any order."),
    _elf(
        "as-needed",
        "--as-needed",
        "Leave out shared libraries that nothing needs",
        "A static link has none. An error beside -shared, -pie and -Bdynamic.",
    ),
    _elf("no-as-needed", "--no-as-needed", "Keep shared libraries that nothing needs", "All are kept."),
    _elf(
        "no-undefined",
        "--no-undefined",
        "Undefined symbols are errors",
        "They are. An error beside an option that allows them.",
    ),
    _elf("hash-style", "--hash-style=<style> --hash-style_<style>", "The style of symbol hashes", NOT_IN_WASM),
    _elf("rpath-link", "[-]-rpath-link=<dir> [-]-rpath-link_<dir>", "Where libraries of libraries are", NOT_READ),
    _elf("enable-new-dtags", "--enable-new-dtags", "Write DT_RUNPATH", NOT_IN_WASM),
    _elf("disable-new-dtags", "--disable-new-dtags", "Write DT_RPATH", NOT_IN_WASM),
    _elf("eh-frame-hdr", "--eh-frame-hdr", "Write an index of unwind tables", NOT_IN_WASM),
    _elf("no-eh-frame-hdr", "--no-eh-frame-hdr", "Write none", NOT_IN_WASM),
    _elf("allow-shlib-undefined", "--allow-shlib-undefined", "Libraries may lack symbols", NOT_READ),
    _elf("no-copy-dt-needed-entries", "--no-copy-dt-needed-entries", "Do not follow libraries", NOT_READ),
    _elf("no-add-needed", "--no-add-needed", "Do not follow libraries", NOT_READ),
    _elf("warn-common", "--warn-common", "Warn of common symbols", NOT_IN_WASM),
    _elf("sort-common", "--sort-common", "Sort common symbols", NOT_IN_WASM),
    _elf("undefined-version", "--undefined-version", "Versions may name what is not there", NOT_IN_WASM),
    _elf("no-undefined-version", "--no-undefined-version", "They may not", NOT_IN_WASM),
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
