"""A core module may import one thing twice; a component cannot. Later duplicates get a name of their own."""

from __future__ import annotations

from ..binary.constants import MAGIC, VERSION, ExternalKind, SectionId
from ..binary.leb128 import uleb
from ..binary.reader import Reader
from .component_writer import encode_text
from .core_module import CoreModule
from .helper_modules import section


def duplicate_names(core: CoreModule) -> dict[int, str]:
    """Return the new field name of each import that repeats an earlier one, by its place."""
    taken: set[tuple[str, str]] = set()
    names: dict[int, str] = {}
    for place, given in enumerate(core.imports):
        pair = (given.module, given.field)
        if pair in taken:
            number = 2
            while (given.module, f"{given.field} [v{number}]") in taken:
                number += 1
            names[place] = f"{given.field} [v{number}]"
            pair = (given.module, names[place])
        taken.add(pair)
    return names


def with_unique_imports(core: CoreModule, names: dict[int, str]) -> bytes:
    """Return the module with new import names. The sections' contents stay; their sizes are computed again."""
    parts: list[bytes] = [MAGIC, VERSION]
    for found in core.sections:
        if found.number == SectionId.IMPORT:
            items: list[bytes] = []
            for place, given in enumerate(core.imports):
                description = given.description
                if given.kind == ExternalKind.FUNCTION:
                    description = uleb(Reader(description, 0, len(description)).uleb())
                name = encode_text(given.module) + encode_text(names.get(place, given.field))
                items.append(name + bytes((given.kind,)) + description)
            parts.append(section(SectionId.IMPORT, items))
            continue
        # A custom section's name is part of its contents.
        reader = Reader(core.data, found.start + 1, found.end)
        reader.uleb()
        contents = core.data[reader.pos : found.end]
        parts += (bytes((found.number,)), uleb(len(contents)), contents)
    return b"".join(parts)
