"""Parsed arguments to :class:`LinkOptions`: values are checked in wasm-ld's order, with its messages."""

from __future__ import annotations

from wasmlink_tool.cli.elf_options import check_elf_options
from wasmlink_tool.cli.option_row import LATER, one_of
from wasmlink_tool.cli.parser import CommandLine
from wasmlink_tool.diagnostics import Diagnostic, Diagnostics, Severity
from wasmlink_tool.options import (
    COMPUTED,
    DEFAULT_CACHE_LIMIT,
    DENIAL,
    FIELDS,
    FLAG,
    LLVM_CACHE_POLICY,
    VALUE,
    VALUES,
    WASM_PAGE_SIZE,
    DataOrder,
    IcfLevel,
    Input,
    LinkOptions,
    UnresolvedPolicy,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from wasmlink_tool.options import CachePolicy

BUILD_ID_STYLES = ("none", "fast", "tree", "sha1", "md5", "sha3", "uuid")
_UINT64_MASK = (1 << 64) - 1
_UINT32_MAX = (1 << 32) - 1


def link_options(
    line: CommandLine, diagnostics: Diagnostics, on_read: Callable[[str, bytes], None] | None = None
) -> LinkOptions:
    """Return the options of the link. Errors are added to ``diagnostics``; the result must not be used then."""
    _refuse_unsupported(line, diagnostics)
    entry = line.last("entry", "no-entry")
    lto_optimize = _lto_level(line, "lto-O", 2, "optimization", diagnostics)
    lto_codegen_optimize = (
        _lto_level(line, "lto-CGO", 0, "codegen optimization", diagnostics) if line.has("lto-CGO") else None
    )
    _number(line, "lto-partitions", 1, diagnostics)
    optimize = _number(line, "O", 1, diagnostics)
    lto_cache_policy = _cache_policy(line, diagnostics)
    if lto_cache_policy is None:
        return LinkOptions(inputs=())
    _check_thinlto_names(line, diagnostics)
    # Options with checks are read in wasm-ld's order; the others as their rows in FIELDS say.
    options = LinkOptions(
        inputs=(),
        output=line.value("o"),
        optimize=optimize,
        lto_optimize=lto_optimize,
        lto_codegen_optimize=lto_codegen_optimize,
        lto_compiler=_lto_compiler(line),
        lto_cache_policy=lto_cache_policy,
        unresolved_symbols=_unresolved_policy(line, diagnostics),
        table_base=_number(line, "table-base", 1, diagnostics) or 1,
        global_base=_optional_number(line, "global-base", diagnostics),
        initial_heap=_number(line, "initial-heap", 0, diagnostics),
        initial_memory=_number(line, "initial-memory", 0, diagnostics),
        max_memory=_number(line, "max-memory", 0, diagnostics),
        stack_size=_stack_size(line, diagnostics),
        import_memory=_memory_import(line) if line.has("import-memory") else None,
        export_memory=line.value("export-memory", "memory") if line.has("export-memory") else None,
        entry="" if entry is None else entry.value or None,
        allow_multiple_definition=line.enabled("allow-multiple-definition", False) or "muldefs" in line.values("z"),
        import_undefined=line.has("import-undefined") or line.has("allow-undefined"),
        data_order=_data_order(line, diagnostics),
        **_size_values(line, diagnostics),
        icf=_icf_level(line, diagnostics) if line.has("icf") else None,
        features=_comma_list(line.values("features")[-1:]) if line.has("features") else None,
        extra_features=_comma_list(line.values("extra-features")[-1:]),
        time_report=line.value("time-report") or ("-" if line.has("time-report") else None),
        cache_limit=_number(line, "cache-size", DEFAULT_CACHE_LIMIT, diagnostics),
        merge_imports_based_on_semver=_switch(line, "merge-imports-based-on-semver", True, diagnostics),
        size_limit=_size_limit(line, diagnostics),
        on_read=on_read,
        **_plain_values(line),
    )
    options.page_size = _page_size(line, diagnostics)
    if not options.growable_memory and options.max_memory:
        diagnostics.error("--max-memory is incompatible with --no-growable-memory")
    options.memory64 = _memory64(line, diagnostics)
    options.threads = _threads(line, diagnostics)
    options.build_id = _build_id(line, diagnostics)
    _check_kind(options, diagnostics)
    check_elf_options(line, options, diagnostics)
    if line.asks_version_only():
        return options
    inputs = options.inputs = _inputs(line, diagnostics)
    if not inputs and not diagnostics.error_count:
        diagnostics.error("no input files")
    if inputs and diagnostics.error_count:
        # The link will never check them, and a command's errors are best reported together.
        from wasmlink_tool.opening import unreadable_inputs

        diagnostics.extend(unreadable_inputs(options))
    options.remarks = [Diagnostic(severity, text) for severity, text in _combinations(line, options)]
    return options


def _size_limit(line: CommandLine, diagnostics: Diagnostics) -> str | None:
    value = line.value("size-limit")
    if not value:
        return None
    from wasmlink_tool.size.size_budget import SizeLimit

    try:
        SizeLimit(value)
    except ValueError as error:
        diagnostics.error(f"--size-limit: {error}")
    return value


def _plain_values(line: CommandLine) -> dict[str, Any]:
    """Return the fields that need no checking, by their rows."""
    values: dict[str, Any] = {}
    for field in FIELDS:
        if field.reading != COMPUTED:
            values[field.name] = _plain_value(line, field.reading, field.options[0], field.default)
    return values


def _plain_value(line: CommandLine, reading: str, option: str, default: Any) -> Any:
    if reading == FLAG:
        return line.enabled(option, default)
    if reading == DENIAL:
        return not line.has(option)
    if reading == VALUE:
        return line.value(option) or default
    return line.values(option) if reading == VALUES else line.values(option)[-1:]


def _refuse_unsupported(line: CommandLine, diagnostics: Diagnostics) -> None:
    """Report each unsupported option, unless its ``--no-`` form cancels it."""
    seen: set[str] = set()
    for argument in line.arguments:
        option = argument.option
        if option is None or option.status != LATER or option.name in seen or not line.enabled(option.name, True):
            continue
        seen.add(option.name)
        diagnostics.error(f"{argument.spelling} is not supported yet")


def _check_kind(options: LinkOptions, diagnostics: Diagnostics) -> None:
    """Report options that contradict the kind of output. They are reported before the inputs are opened, and end all
    checks."""
    for wrong, text in (
        (
            options.cooperative_threading and options.shared_memory,
            "--cooperative-threading and --shared-memory may not be used together",
        ),
        (options.cooperative_threading and options.is_pic, "--cooperative-threading is incompatible with -shared/-pie"),
        (
            options.cooperative_threading and options.import_table and not options.is_pic,
            "--cooperative-threading and --import-table may not be used together",
        ),
        (options.is_pic and options.export_table, "-shared/-pie is incompatible with --export-table"),
        (options.relocatable and options.export_table, "--relocatable is incompatible with --export-table"),
        (options.relocatable and options.growable_table, "--relocatable is incompatible with --growable-table"),
        (options.shared and options.export_memory is not None, "--export-memory is incompatible with --shared"),
        (options.component and options.relocatable, "--component is incompatible with --relocatable"),
        (options.component and options.is_pic, "--component is incompatible with -shared/-pie"),
        (options.component and options.memory64, "--component is incompatible with -m wasm64"),
    ):
        if wrong:
            diagnostics.error(text)


def _combinations(line: CommandLine, options: LinkOptions) -> list[tuple[Severity, str]]:
    """Report contradictory and ineffective options, in wasm-ld's order."""
    errors = [
        (
            line.has("lto-partitions") and not _number(line, "lto-partitions", 1, Diagnostics()) & _UINT32_MAX,
            "--lto-partitions: number of threads must be > 0",
        ),
        (not _is_job_count(options.thinlto_jobs), f"--thinlto-jobs: invalid job count: {options.thinlto_jobs}"),
        (options.pie and options.shared, "-shared and -pie may not be used together"),
        *_refused_sizes(options),
        (not options.output, "no output file specified"),
        (
            line.has("import-table") and options.export_table,
            "--import-table and --export-table may not be used together",
        ),
    ]
    if options.relocatable:
        errors += _refused_beside_relocatable(line, options)
    unstable = not line.has("experimental-pic")
    dynamic = options.unresolved_symbols is UnresolvedPolicy.IMPORT_DYNAMIC
    warnings = [
        (unstable and options.shared, "creating shared libraries, with -shared, is not yet stable"),
        (unstable and options.pie, "creating PIEs, with -pie, is not yet stable"),
        (unstable and dynamic, "dynamic imports are not yet stable (--unresolved-symbols=import-dynamic)"),
        (line.has("Bsymbolic") and not options.shared, "-Bsymbolic is only meaningful when combined with -shared"),
    ]
    table_base = line.value("table-base") not in ("", "0")
    bases = [
        (options.is_pic and bool(options.global_base), "--global-base may not be used with -shared/-pie"),
        (options.is_pic and table_base, "--table-base may not be used with -shared/-pie"),
    ]
    return [
        (severity, text)
        for severity, checks in ((Severity.ERROR, errors), (Severity.WARNING, warnings), (Severity.ERROR, bases))
        for wrong, text in checks
        if wrong
    ]


def _size_values(line: CommandLine, diagnostics: Diagnostics) -> dict[str, Any]:
    if not (line.has("optimize-for") or line.has("keep-names")):
        return {}
    from wasmlink_tool.cli.size_options import size_values

    return size_values(line, diagnostics)


def _refused_sizes(options: LinkOptions) -> list[tuple[bool, str]]:
    if not (options.omit_zeros or options.smallest or options.renumber or options.wasm_opt):
        return []
    from wasmlink_tool.cli.size_options import refused_sizes

    return refused_sizes(options)


def _refused_beside_relocatable(line: CommandLine, options: LinkOptions) -> list[tuple[bool, str]]:
    entry = line.last("entry", "no-entry")
    return [
        (entry is not None and bool(entry.value), "entry point specified for relocatable output file"),
        (bool(options.gc_sections), "-r and --gc-sections may not be used together"),
        (bool(options.compress_relocations), "-r -and --compress-relocations may not be used together"),
        (bool(options.undefined), "-r -and --undefined may not be used together"),
        (options.pie, "-r and -pie may not be used together"),
        (options.icf is not IcfLevel.NONE, "-r and --icf may not be used together"),
        # wasm-ld accepts these combinations, but does not support them.
        (options.shared, "-r and -shared may not be used together"),
        (options.shared_memory, "-r and --shared-memory may not be used together"),
        (bool(options.global_base), "-r and --global-base may not by used together"),
    ]


def _inputs(line: CommandLine, diagnostics: Diagnostics) -> list[Input]:
    """Return the inputs in order, each with the positional options in force there."""
    inputs: list[Input] = []
    whole_archive = in_library = False
    shared = line.has("shared") or line.enabled("pie", False)
    states: list[tuple[bool, bool]] = []
    for argument in line.arguments:
        name = argument.option.name if argument.option else ""
        if argument.value is not None and name in ("", "l"):
            inputs.append(Input(argument.value, name == "l", whole_archive, shared, in_library))
        elif name == "whole-archive":
            whole_archive = True
        elif name == "no-whole-archive":
            whole_archive = False
        elif name == "push-state":
            states.append((whole_archive, shared))
        elif name == "pop-state":
            if states:
                whole_archive, shared = states.pop()
            else:
                diagnostics.error("--pop-state without --push-state")
        elif name == "Bdynamic":
            shared = True
        elif name == "Bstatic":
            shared = False
        elif name == "start-lib":
            if in_library:
                diagnostics.error("nested --start-lib")
            in_library = True
        elif name == "end-lib":
            if not in_library:
                diagnostics.error("stray --end-lib")
            in_library = False
    return inputs


# Values


def _switch(line: CommandLine, option: str, default: bool, diagnostics: Diagnostics) -> bool:
    """Return a flag with an optional value: ``true`` or ``false``."""
    if not line.has(option):
        return default
    value = line.value(option)
    if value not in ("", "true", "false"):
        diagnostics.error(f"--{option}: 'true' or 'false' is expected, not '{value}'")
    return value != "false"


def _integer(text: str) -> int | None:
    """Return a decimal 64-bit integer as wasm-ld reads sizes, with an optional minus sign; None for anything else."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits.lstrip("0")) > 19:
        return None
    number = int(text)
    return number if -(1 << 63) <= number < 1 << 63 else None


def _prefixed_integer(text: str, limit: int) -> int | None:
    """Return an integer from 0 to ``limit`` with the prefixes 0x, 0b, 0o and 0 (octal); None for anything else."""
    lowered = text.lower()
    base = {"0x": 16, "0b": 2, "0o": 8}.get(lowered[:2])
    if base is not None:
        digits = lowered[2:]
    elif lowered[:1] == "0" and lowered[1:2].isdigit():
        base, digits = 8, lowered[1:]
    else:
        base, digits = 10, lowered
    # The limit on the length bounds the time for absurd arguments; no 64-bit number has more binary digits.
    if not (digits.isascii() and digits.isalnum()) or len(digits.lstrip("0")) > 64:
        return None
    try:
        number = int(digits, base)
    except ValueError:
        return None
    return number if number <= limit else None


def signed_value(line: CommandLine, name: str, default: int, diagnostics: Diagnostics) -> int:
    """Return the value of the option's last use; one that is not a number is an error and counts as 0."""
    argument = line.last(name)
    if argument is None:
        return default
    value = argument.value or ""
    number = _integer(value)
    if number is None:
        diagnostics.error(f"{argument.text}: number expected, but got '{value}'")
        return 0
    return number


def _number(line: CommandLine, name: str, default: int, diagnostics: Diagnostics) -> int:
    """Return :func:`signed_value` as unsigned: a negative number is very large, so that it exceeds every limit."""
    return signed_value(line, name, default, diagnostics) & _UINT64_MASK


def _optional_number(line: CommandLine, name: str, diagnostics: Diagnostics) -> int | None:
    return _number(line, name, 0, diagnostics) if line.has(name) else None


def _stack_size(line: CommandLine, diagnostics: Diagnostics) -> int | None:
    """Return ``-z stack-size=``: the last one counts, and every one must be valid."""
    size: int | None = None
    for keyword in line.values("z"):
        key, _, value = keyword.partition("=")
        if key == "stack-size":
            size = _prefixed_integer(value, _UINT64_MASK)
            if size is None:
                diagnostics.error(f"invalid stack-size: {value}")
    return size


def _comma_list(values: list[str]) -> list[str]:
    return [item for value in values for item in value.split(",") if item]


def _memory_import(line: CommandLine) -> tuple[str, str]:
    """Return (module, name). Without a comma the value is a name; the form without a value overrides none with one."""
    module, comma, name = line.value("import-memory", "env,memory").partition(",")
    return (module, name) if comma else ("env", module)


def _unresolved_policy(line: CommandLine, diagnostics: Diagnostics) -> UnresolvedPolicy:
    """Return ``--unresolved-symbols=`` if given, else ``--warn-unresolved-symbols``, which also turns ``report-all``
    into warnings."""
    severity = line.last("error-unresolved-symbols", "warn-unresolved-symbols")
    policy = UnresolvedPolicy.REPORT_ERROR
    if severity and severity.option and severity.option.name == "warn-unresolved-symbols":
        policy = UnresolvedPolicy.WARN
    value = line.value("unresolved-symbols", "report-all")
    if value == "ignore-all":
        policy = UnresolvedPolicy.IGNORE
    elif value == "import-dynamic":
        policy = UnresolvedPolicy.IMPORT_DYNAMIC
    elif value != "report-all":
        diagnostics.error(
            f"unknown --unresolved-symbols value: {value}", one_of(("report-all", "ignore-all", "import-dynamic"))
        )
    return UnresolvedPolicy.IGNORE if line.has("allow-undefined") else policy


def _data_order(line: CommandLine, diagnostics: Diagnostics) -> DataOrder:
    order = line.value("data-order", "input")
    if order not in ("input", "packed"):
        diagnostics.error(f"unknown --data-order value: {order}", one_of(member.value for member in DataOrder))
        return DataOrder.INPUT
    return DataOrder(order)


def _icf_level(line: CommandLine, diagnostics: Diagnostics) -> IcfLevel:
    level = line.value("icf")
    try:
        return IcfLevel(level)
    except ValueError:
        diagnostics.error(f"unknown --icf value: {level}", one_of(member.value for member in IcfLevel))
        return IcfLevel.NONE


def _page_size(line: CommandLine, diagnostics: Diagnostics) -> int:
    size = _number(line, "page-size", WASM_PAGE_SIZE, diagnostics)
    if size not in (1, WASM_PAGE_SIZE):
        diagnostics.error("--page_size=N must be either 1 or 65536")
    return size


def _memory64(line: CommandLine, diagnostics: Diagnostics) -> bool | None:
    if not line.has("m"):
        return None
    target = line.value("m")
    if target not in ("wasm32", "wasm64"):
        diagnostics.error(f"invalid target architecture: {target}")
    return target == "wasm64"


# Link-time optimisation


def _lto_level(line: CommandLine, name: str, default: int, what: str, diagnostics: Diagnostics) -> int:
    level = _number(line, name, default, diagnostics) & _UINT32_MAX
    if level > 3:
        diagnostics.error(f"invalid {what} level for LTO: {level}")
    return level


def _lto_compiler(line: CommandLine) -> Sequence[str]:
    if not line.has("lto-compiler"):
        return ()
    from wasmlink_tool.toolchain.lto import split_command

    return split_command(line.value("lto-compiler"))


def _is_job_count(text: str) -> bool:
    return text in ("", "all") or (text.isascii() and text.isdigit() and int(text[:20]) <= _UINT32_MAX)


def _check_thinlto_names(line: CommandLine, diagnostics: Diagnostics) -> None:
    for name in ("thinlto-object-suffix-replace", "thinlto-prefix-replace"):
        value = line.value(name)
        if line.has(name) and ";" not in value:
            diagnostics.error(f"--{name}= expects 'old;new' format, but got {value}")
        elif value.count(";") > 1 and name == "thinlto-prefix-replace":
            text = "--thinlto-prefix-replace=old_dir;new_dir;obj_dir must be used with --thinlto-index-only="
            diagnostics.error(text)


def _cache_policy(line: CommandLine, diagnostics: Diagnostics) -> CachePolicy | None:
    if not line.has("thinlto-cache-policy"):
        return LLVM_CACHE_POLICY
    from wasmlink_tool.cli.cache_policy import cache_policy

    policy = cache_policy(line.value("thinlto-cache-policy"))
    if isinstance(policy, str):
        diagnostics.error(f"--thinlto-cache-policy: invalid cache policy: {policy}")
        return None
    return policy


def _threads(line: CommandLine, diagnostics: Diagnostics) -> int | None:
    argument = line.last("threads")
    if argument is None:
        return None
    number = _prefixed_integer(argument.value or "", _UINT32_MAX)
    if not number:
        spelling = "--threads" if "=" in argument.text else argument.spelling
        diagnostics.error(f"{spelling}: expected a positive integer, but got '{argument.value}'")
    return number


def _build_id(line: CommandLine, diagnostics: Diagnostics) -> str:
    argument = line.last("build-id")
    if argument is None:
        return "none"
    if argument.value is None:
        return "fast"
    style = argument.value
    if style.startswith("0x"):
        digits = style[2:]
        # wasm-ld reads them byte by byte.
        pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
        wrong = next((pair for pair in pairs if not set(pair) <= set("0123456789abcdefABCDEF")), None)
        if wrong is not None:
            diagnostics.error(f"not a hexadecimal value: {wrong}")
    elif style not in BUILD_ID_STYLES:
        diagnostics.error(f"unknown --build-id style: {style}", one_of([*BUILD_ID_STYLES, "0x<hexadecimal digits>"]))
    return style
