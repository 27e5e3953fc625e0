"""Construction variables of the link, read and checked: typed ones become options of the command line.

An option has one meaning, the command's: a variable becomes the option that a user would write, and the command's
parser makes ``LinkOptions`` of it. So ``WASMLINKCOM`` can be a command string as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import SCons.Util

from ..options import NAME_KINDS
from .kinds import kind_of
from .settings import CHECKING, FALSE, TRUE, Settings, bad_value


def _entry(settings: Settings) -> Iterator[str]:
    if "WASMENTRY" in settings.env:
        value = settings.scalar("WASMENTRY")
        if value is None or value is False or value == "":
            yield "--no-entry"
        elif isinstance(value, str):
            yield f"--entry={value}"
        else:
            raise bad_value("WASMENTRY", value, "a symbol name, or None for no entry")


def _reactor(settings: Settings) -> Iterator[str]:
    if settings.boolean("WASMREACTOR", False) and "WASMENTRY" not in settings.env:
        yield "--entry=_initialize"


def _exports(settings: Settings) -> Iterator[str]:
    for symbol in settings.names("WASMEXPORTS"):
        yield f"--export={symbol}"


def _sized(name: str, option: str) -> Reader:
    def read(settings: Settings) -> Iterator[str]:
        size = settings.size(name)
        if size is not None:
            yield f"{option}{size}"

    return read


def _imported_memory(settings: Settings) -> Iterator[str]:
    imported = settings.switch_or_text("WASMIMPORTMEMORY")
    if imported is True:
        yield "--import-memory"
    elif imported:
        yield f"--import-memory={imported}"


def _undefined(settings: Settings) -> Iterator[str]:
    if _allows_all_undefined(settings):
        yield "--allow-undefined"


def _allows_all_undefined(settings: Settings) -> bool | None:
    """Return ``WASMALLOWUNDEFINED`` as a switch; ``None`` if it names files."""
    value = settings.raw("WASMALLOWUNDEFINED")
    if SCons.Util.is_Sequence(value) and len(value) == 1:
        value = value[0]
    if value is None or isinstance(value, bool):
        return bool(value)
    values = settings.items("WASMALLOWUNDEFINED")
    if not values:
        return False
    if len(values) == 1 and isinstance(values[0], str) and values[0].lower() in FALSE | TRUE:
        return values[0].lower() in TRUE
    for file in values:
        if isinstance(file, (int, float)):
            raise bad_value("WASMALLOWUNDEFINED", file, "True, False, or files that list symbols")
    return None


def _build_id(settings: Settings) -> Iterator[str]:
    build_id = settings.switch_or_text("WASMBUILDID")
    if build_id is True:
        yield "--build-id"
    elif build_id:
        yield f"--build-id={build_id}"


def _strip(settings: Settings) -> Iterator[str]:
    strip = settings.switch_or_text("WASMSTRIP")
    if strip not in (False, True, "all", "debug"):
        raise bad_value("WASMSTRIP", strip, "'all', 'debug' or False")
    if not strip and settings.scalar("WASMSTRIP") is not None and settings.switch_or_text("WASMSIZE"):
        yield "--no-strip-all"
    if strip:
        yield "--strip-debug" if strip == "debug" else "--strip-all"


def _data_order(settings: Settings) -> Iterator[str]:
    order = settings.scalar("WASMDATAORDER")
    if order not in (None, "", "input", "packed"):
        raise bad_value("WASMDATAORDER", order, "'packed' or 'input'")
    if order:
        yield f"--data-order={order}"


def _icf(settings: Settings) -> Iterator[str]:
    if settings.scalar("WASMICF") is None:
        return
    level = settings.switch_or_text("WASMICF") or "none"
    if level not in ("none", "safe", "all"):
        raise bad_value("WASMICF", level, "'safe', 'all' or False")
    yield f"--icf={level}"


def _size(settings: Settings) -> Iterator[str]:
    size = settings.switch_or_text("WASMSIZE")
    if size not in (False, True, "raw", "gzip"):
        raise bad_value("WASMSIZE", size, "True, False, 'raw' or 'gzip'")
    if size:
        yield "--smallest"
    if isinstance(size, str):
        yield f"--optimize-for={size}"


def _keep_names(settings: Settings) -> Iterator[str]:
    if settings.raw("WASMKEEPNAMES") is not None:
        kinds = settings.names("WASMKEEPNAMES")
        for kind in kinds:
            if kind not in NAME_KINDS:
                raise bad_value("WASMKEEPNAMES", kind, f"a list of {', '.join(NAME_KINDS)}")
        yield f"--keep-names={','.join(kinds)}"


def _wasm_opt(settings: Settings) -> Iterator[str]:
    flags = settings.switch_or_text("WASMOPT")
    if flags is True:
        raise bad_value("WASMOPT", flags, "flags of wasm-opt in a string, such as '-Oz', or False")
    if flags:
        yield f"--wasm-opt={flags}"


def _record_linker(settings: Settings) -> Iterator[str]:
    value = settings.scalar("WASMRECORDLINKER")
    if value is not None:
        yield "--record-linker" if settings.boolean("WASMRECORDLINKER", True) else "--no-record-linker"


def _switched(name: str, *options: str) -> Reader:
    def read(settings: Settings) -> Iterator[str]:
        if settings.boolean(name, False):
            yield from options

    return read


def _size_limit(settings: Settings) -> Iterator[str]:
    value = settings.scalar("WASMSIZELIMIT")
    if value is None or value is False or value == "":
        return
    from ..size.size_budget import SizeLimit

    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise bad_value("WASMSIZELIMIT", value, "a number of bytes, or a string such as '128k' or 'gzip:40k'")
    try:
        SizeLimit(str(value))
    except ValueError:
        what = "a number of bytes, with k or M, or 'gzip:' and such a number"
        raise bad_value("WASMSIZELIMIT", value, what) from None
    yield f"--size-limit={value}"


def _world(settings: Settings) -> Iterator[str]:
    world = settings.text("WASMWORLD")
    if world:
        yield f"--component-world={world}"


def _adapter(settings: Settings) -> Iterator[str]:
    """Return an adapter by its kind; a file is an input of the link, see :func:`component_files`."""
    adapter = settings.scalar("WASMADAPTER")
    if adapter is False:
        yield "--wasi-adapter=none"
    elif isinstance(adapter, str) and adapter in ADAPTER_KINDS:
        yield f"--wasi-adapter={adapter}"
    elif isinstance(adapter, (bool, int)):
        raise bad_value("WASMADAPTER", adapter, "'command', 'reactor', 'proxy', False or a file")


def _memory64(settings: Settings) -> Iterator[str]:
    if settings.text("WASMTARGET").startswith("wasm64"):
        yield "-mwasm64"


Reader = Callable[[Settings], Iterable[str]]

TYPED: dict[str, Reader] = {
    "WASMENTRY": _entry,
    "WASMREACTOR": _reactor,
    "WASMEXPORTS": _exports,
    "WASMSTACKSIZE": _sized("WASMSTACKSIZE", "-zstack-size="),
    "WASMINITIALMEMORY": _sized("WASMINITIALMEMORY", "--initial-memory="),
    "WASMMAXMEMORY": _sized("WASMMAXMEMORY", "--max-memory="),
    "WASMIMPORTMEMORY": _imported_memory,
    "WASMALLOWUNDEFINED": _undefined,
    "WASMBUILDID": _build_id,
    "WASMSTRIP": _strip,
    "WASMDATAORDER": _data_order,
    "WASMICF": _icf,
    "WASMSIZE": _size,
    "WASMKEEPNAMES": _keep_names,
    "WASMOPT": _wasm_opt,
    "WASMRECORDLINKER": _record_linker,
    "WASMSIZELIMIT": _size_limit,
    "WASMSHAREDMEMORY": _switched("WASMSHAREDMEMORY", "--shared-memory"),
    "WASMPIE": _switched("WASMPIE", "-pie", "--experimental-pic"),
    "WASMTARGET": _memory64,
    "WASMWIT": lambda settings: (),
    "WASMWORLD": _world,
    "WASMADAPTER": _adapter,
}
"""The function that turns each typed variable into options, in the order of the command line."""

ADAPTER_KINDS = ("command", "reactor", "proxy", "none")
DEFAULT_OPTIONS = ("--data-order=packed", "--record-linker")
"""Defaults unless a variable or an option sets something else; for everything else wasm-ld's defaults apply."""


def typed_flags(settings: Settings) -> dict[str, list[str]]:
    """Return the options of each typed variable. Raises ``UserError`` naming the variable whose value is wrong."""
    options = {name: list(reader(settings)) for name, reader in TYPED.items()}
    return {**options, **{name: [] for name in kind_of(settings.target).without}}


def link_flags(env: Any, target: Any = None, source: Any = None) -> list[str]:
    """Return the options of the target's kind, those of the typed variables, and ``WASMLINKFLAGS`` last.

    Raises SCons's ``UserError`` naming the variable whose value is wrong, or that contradicts the flags.
    """
    settings = Settings(env, target, source)
    if env.get(CHECKING):
        return _check_flags(settings)
    typed = typed_flags(settings)
    words = settings.words("WASMLINKFLAGS")
    flags = [*DEFAULT_OPTIONS, *kind_of(target).options, *(flag for flags in typed.values() for flag in flags)]
    if words:
        # Only with flags, since it imports the command's parser.
        from .agreement import check_agreement

        check_agreement(settings, typed, words)
    return flags + words


def _check_flags(settings: Settings) -> list[str]:
    """Return the options of a configure check's link: main is its root, and undefined symbols are errors."""
    entry = [] if settings.boolean("WASMLIBC", True) else ["--entry=main"]
    return [*DEFAULT_OPTIONS, *_memory64(settings), *entry]


def symbol_lists(env: Any, directory: Any) -> list[Any]:
    """Return the files that ``WASMALLOWUNDEFINED`` names, as nodes; names are relative to ``directory``."""
    settings = Settings(env)
    if env.get(CHECKING) or _allows_all_undefined(settings) is not None:
        return []
    values = settings.items("WASMALLOWUNDEFINED")
    return [directory.File(value) if isinstance(value, str) else value for value in values]


def component_files(env: Any, directory: Any) -> list[tuple[str, Any]]:
    """Return the files and directories of WIT text that ``WASMWIT`` names, and the adapter if ``WASMADAPTER`` names a
    file: each a node, with its option."""
    settings = Settings(env)
    found = []
    for value in settings.items("WASMWIT"):
        if isinstance(value, (int, float)):
            raise bad_value("WASMWIT", value, "a file or directory of WIT text, or a list of them")
        found.append(("--component-type=", directory.Entry(value).disambiguate() if isinstance(value, str) else value))
    adapter = settings.scalar("WASMADAPTER")
    if adapter and not isinstance(adapter, bool) and adapter not in ADAPTER_KINDS:
        found.append(("--wasi-adapter=", directory.File(adapter) if isinstance(adapter, str) else adapter))
    return found
