"""Misspelt construction variables: SCons accepts any name, so that a wrong one would be ignored silently."""

from __future__ import annotations

import functools
from typing import Any

import SCons.Errors

from ..options import FIELDS
from .user_errors import reported_at_the_call
from .variables import TYPED

UNSET = (
    *("WASMCACHE", "WASMCACHESIZE", "WASMLIBCXX", "WASMEXCEPTIONS", "WASMSETJMP"),
    *("WASMVARIANT", "WASMVARIANTDIR", "WASMSIZENOTE"),
    *("WASMCCCOMSTR", "WASMCXXCOMSTR", "WASMASCOMSTR", "WASMASPPCOMSTR", "WASMIRCOMSTR", "WASMARCOMSTR"),
    *(
        "WASMLINKCOMSTR",
        "WASMCOMPOSECOMSTR",
        "WASMBINDINGSCOMSTR",
        "WASMPROGEMITTER",
        "WASMLIBEMITTER",
        "WASMOBJEMITTER",
        "WASMSHLIBEMITTER",
    ),
    *("WASMLDMODULEEMITTER", "WASMRELOCATABLEEMITTER"),
)
"""Variables that have no default, beside those of :data:`.variables.TYPED` and of the options."""

FOREIGN = {"WASM_OPT"}
"""Names that are near to one of ours, but that build scripts use for other things: the path of binaryen's program."""

known: set[str] = {*TYPED, *UNSET, *(name for field in FIELDS for name in field.variables)}
"""All variables of the tool; those with defaults are added when the tool is loaded."""


@reported_at_the_call
def check(target: list[Any], source: list[Any], env: Any) -> tuple[list[Any], list[Any]]:
    """Raise ``UserError`` for a variable that is probably one of the tool's, misspelt; an emitter. Other names are the
    user's."""
    for name in env.keys():  # noqa: SIM118 - an environment is no mapping
        if _is_ours(name) and name not in known | FOREIGN and (likely := _nearest(name, len(known))):
            raise SCons.Errors.UserError(f"there is no construction variable {name}: did you mean {likely}?")
    return target, source


def _is_ours(name: str) -> bool:
    """Return whether a name begins as the tool's do, or is long enough to tell that its beginning is misspelt too."""
    return name.startswith("WASM") or (name[:1] == "W" and len(name) >= 10)


@functools.cache
def _nearest(name: str, version: int) -> str:
    """Return the variable that a name is a misspelling of; empty if there is none. ``version``: of the set of known
    names."""
    plain = name.replace("_", "")
    if len(plain) < 8:
        # Names this close are in use for other things: WASMER is a runtime, WASMAR the archiver.
        return next((other for other in (plain, f"{plain}S", plain.removesuffix("S")) if other in known), "")
    most = 1 if len(plain) < 10 else 2
    distances = sorted((_distance(plain, other, most), other) for other in known)
    return distances[0][1] if distances[0][0] <= most else ""


def _distance(one: str, other: str, most: int) -> int:
    """Return the number of letters to insert, delete, replace or swap with the next; a number above ``most`` is ``most
    + 1``."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, its in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return min(last[-1], most + 1)
