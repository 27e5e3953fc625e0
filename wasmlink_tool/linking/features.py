"""Merge and check target features: those that the inputs use or disallow (Linking.md, "Target Features Section")."""

from __future__ import annotations

from itertools import chain, repeat

from ..binary.constants import SegmentFlag, SymbolKind
from ..diagnostics import Diagnostics
from ..inputs.object_file import GlobalType
from ..options import LinkOptions
from .chunks import ObjectInput
from .exports import Export
from .imports import Imports
from .llvm_string_map import string_map_order
from .resolution import Resolution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    Features = Mapping[str, object]
    """The features of the output, which are the keys."""

_LISTED: Final = 5
"""The maximum number of files that a message lists."""
_SMALL: Final = 8
"""The maximum number of features that a small set of wasm-ld's holds."""


def merge_features(resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> Features:
    """Return the features of the output, as the keys of a dictionary."""
    # The dynamic linker needs to write the globals of position-independent output.
    needed = ["mutable-globals"] * options.is_pic
    allowed: Features = dict.fromkeys((*needed, *options.extra_features, *(options.features or ())))
    infer = options.features is None
    used: dict[str, ObjectInput] = {}
    disallowed: dict[str, ObjectInput] = {}
    for file in resolution.objects:
        for entry in file.object.features:
            first = used if entry.startswith(b"+") else disallowed
            first.setdefault(_name(entry), file)
    if infer:
        # The order is that of the log, which sorts more than a few.
        found: Features = dict.fromkeys(string_map_order(used)) if len(used) <= _SMALL else used
        # Very many are not copied.
        allowed = {**allowed, **found} if allowed else found

    def origins(file: ObjectInput, *, using: str = "", without: tuple[str, ...] = ()) -> tuple[str, ...]:
        return _origins(file, resolution, using, without)

    def nobody_uses(feature: str) -> tuple[str, ...]:
        names = [file.name for file in resolution.objects if not file.input.is_generated]
        names += [file.name for file in resolution.bitcode]
        return (f"no input was compiled with -m{feature}: {_listed(names)}",) if names else ()

    if options.check_features:
        if options.shared_memory:
            if "shared-mem" in disallowed:
                diagnostics.error(
                    f"--shared-memory is disallowed by {_file_name(disallowed['shared-mem'])} because it was not "
                    "compiled with 'atomics' or 'bulk-memory' features.",
                    origins(disallowed["shared-mem"], without=("atomics", "bulk-memory")),
                )
            for feature in ("atomics", "bulk-memory"):
                if feature not in allowed:
                    diagnostics.error(
                        f"'{feature}' feature must be used in order to use shared memory", nobody_uses(feature)
                    )
        tls = SegmentFlag.TLS
        if any(segment.flags & tls and segment.live for file in resolution.objects for segment in file.segments):
            # Threads that share an instance take turns.
            for feature in ("bulk-memory",) if options.cooperative_threading else ("atomics", "bulk-memory"):
                if feature not in allowed:
                    diagnostics.error(
                        f"'{feature}' feature must be used in order to use thread-local storage", nobody_uses(feature)
                    )
        if not infer:
            for feature in string_map_order(used):
                if feature not in allowed:
                    diagnostics.error(
                        f"Target feature '{feature}' used by {_file_name(used[feature])} is not allowed.",
                        origins(used[feature], using=feature),
                    )
        for file in resolution.objects:
            for entry in file.object.features if disallowed else ():
                feature = _name(entry)
                if entry.startswith(b"+") and feature in disallowed:
                    diagnostics.error(
                        f"Target feature '{feature}' used in {_file_name(file)} is disallowed by "
                        f"{_file_name(disallowed[feature])}. Use --no-check-features to suppress.",
                        (*origins(file, using=feature), *origins(disallowed[feature], without=(feature,))),
                    )
    if diagnostics.verbose:
        # wasm-ld's small sets keep the insertion order.
        for feature in allowed if len(allowed) <= _SMALL else sorted(allowed):
            diagnostics.log(f"Allowed feature: {feature}")
    return allowed


def _name(entry: bytes) -> str:
    return entry[1:].decode("utf-8", "backslashreplace")


def _file_name(file: ObjectInput) -> str:
    """Return a file's name as in wasm-ld's messages about features: for a member, without its archive."""
    return file.input.member


def _origins(file: ObjectInput, resolution: Resolution, using: str, without: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines that name the origin of an object: its archive, or the bitcode that was compiled with the
    feature ``using``, or without one of those in ``without``."""
    if not file.input.is_generated:
        return (f"{file.input.member} is a member of {file.input.archive}",) if file.input.archive else ()
    names = []
    for bitcode in resolution.bitcode:
        features = bitcode.bitcode.target_features()
        if (using and using in features) or not features.issuperset(without):
            names.append(bitcode.name)
    if not names:
        names = [bitcode.name for bitcode in resolution.bitcode]
    condition = f"with '{using}'" if using else f"without {' and '.join(map(repr, without))}"
    return (f"it was generated from bitcode that was compiled {condition}: {_listed(names)}",)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def check_mutable_globals(
    features: Features, imports: Imports, exports: list[Export], options: LinkOptions, diagnostics: Diagnostics
) -> None:
    """Check that mutable globals cross the module's border only with the feature ``mutable-globals``."""
    if options.relocatable or not options.check_features or "mutable-globals" in features:
        return
    crossing = chain(zip(repeat("imported"), imports.symbols), zip(repeat("exported"), [e.symbol for e in exports]))
    for how, symbol in crossing:
        if (
            symbol is not None
            and symbol.kind == SymbolKind.GLOBAL
            and isinstance(symbol.element_type, GlobalType)
            and symbol.element_type.mutable
        ):
            diagnostics.error(
                f"mutable global {how} but 'mutable-globals' feature not present in inputs: `{symbol}`. "
                "Use --no-check-features to suppress.",
                () if symbol.file_name == "<internal>" else (f"in {symbol.file_name}",),
            )
