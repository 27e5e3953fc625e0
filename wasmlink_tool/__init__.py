"""wasmlink: a WebAssembly static linker in pure Python.

``link(LinkOptions(...))`` links; the ``wasmlink`` command and the SCons tool are two front ends to it.
"""

from __future__ import annotations

from .version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .component.componentize import componentize as componentize
    from .diagnostics import Diagnostic, LinkError, Severity
    from .linker import LinkResult, link
    from .options import DataOrder, IcfLevel, Input, LinkOptions, UnresolvedPolicy

__all__ = [
    "DataOrder",
    "Diagnostic",
    "IcfLevel",
    "Input",
    "LinkError",
    "LinkOptions",
    "LinkResult",
    "Severity",
    "UnresolvedPolicy",
    "__version__",
    "componentize",
    "link",
]

_HOMES = {
    "DataOrder": "options",
    "Diagnostic": "diagnostics",
    "IcfLevel": "options",
    "Input": "options",
    "LinkError": "diagnostics",
    "LinkOptions": "options",
    "LinkResult": "linker",
    "Severity": "diagnostics",
    "UnresolvedPolicy": "options",
    "componentize": "component",
    "link": "linker",
}


def __getattr__(name: str) -> object:
    """Import the linker on first use: ``wasmlink --version`` does not need it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
