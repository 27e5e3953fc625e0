"""Empty collections that files share: thirty of their own for each of very many tiny files would take more memory than
all else. Not compiled: these are subclasses of built-in types."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, NoReturn


def _refuse(*arguments: object, **keywords: object) -> NoReturn:
    raise TypeError("all files share this empty collection: assign one of the file's own instead of adding to it")


class _NoItems(list):  # type: ignore[type-arg]
    append = extend = insert = __iadd__ = __imul__ = _refuse


class _NoEntries(dict):  # type: ignore[type-arg]
    __setitem__ = setdefault = update = __ior__ = _refuse


NO_ITEMS: Final[list[Any]] = _NoItems()
NO_ENTRIES: Final[dict[Any, Any]] = _NoEntries()
