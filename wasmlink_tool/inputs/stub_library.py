"""Text stub libraries: functions that the host provides, and the symbols of the module that each needs.

After a first line ``#STUB``, each line names a function to import, and after a colon, separated by commas, the symbols
that the host calls when the module calls it: those are linked and exported.
"""

from __future__ import annotations

from ..empty_collections import NO_ITEMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


MAGIC: Final = b"#STUB"


class StubLibrary:
    """``dependencies`` holds the needed symbols of each function, in the file's order."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.dependencies: dict[bytes, list[bytes]] = {}
        for line in data.split(b"\n")[1:]:
            line = line.strip()
            if not line or line.startswith(b"#"):
                continue
            symbol, _, needed = line.partition(b":")
            names = [part.strip() for part in needed.split(b",") if part.strip()] if needed else None
            self.dependencies[symbol.strip()] = names or NO_ITEMS
