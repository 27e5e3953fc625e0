"""wasmlink: a WebAssembly static linker in pure Python.

``link(LinkOptions(...))`` links; the ``wasmlink`` command and the SCons tool are two fronts to it.
"""

from __future__ import annotations

from .diagnostics import Diagnostic, LinkError, Severity
from .linker import LinkResult, link
from .options import DataOrder, Input, LinkOptions, UnresolvedPolicy
from .version import __version__

__all__ = [
    "DataOrder",
    "Diagnostic",
    "Input",
    "LinkError",
    "LinkOptions",
    "LinkResult",
    "Severity",
    "UnresolvedPolicy",
    "__version__",
    "link",
]
