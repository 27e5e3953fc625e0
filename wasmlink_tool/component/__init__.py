"""Components: a core module and the worlds that it was compiled for become a component (Binary.md).

Imports ``binary/`` and the standard library only, so that it serves modules of any linker.
"""

from __future__ import annotations

from .componentize import Adapter, Options, componentize
from .errors import ComponentError

__all__ = ["Adapter", "ComponentError", "Options", "componentize"]
