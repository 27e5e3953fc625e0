"""Names of custom sections whose contents are not simply joined."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MERGED_CUSTOM_SECTIONS: Final = frozenset((b".debug_str", b".debug_str.dwo", b".debug_line_str"))
"""Names of custom sections that hold only strings, since custom sections have no flags."""


def is_kept_apart(section: bytes) -> bool:
    """Return whether custom sections of this name are not joined.

    Each ``component-type:…`` section is a complete binary, a component that describes a world: tools that read one
    accept no bytes after its end.
    """
    return section.startswith(b"component-type")
