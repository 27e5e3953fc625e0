"""Descriptions: the ``component-type`` sections of a core module, each of which holds a world as a component.

The component has a custom section with the version of the format and the string encoding, and exports the type of one
world. A module may have several descriptions; each describes imports and exports of its own, with its own encoding.
"""

from __future__ import annotations

from ..binary.constants import SectionId
from ..binary.reader import FormatError, Reader
from .core_module import CoreModule, utf8
from .errors import ComponentError, quote
from .names import is_label, without_version
from .type_decoder import COMPONENT, SORT_COMPONENT, SORT_TYPE, read_name, read_world
from .wit_model import Function, Interface, World, WorldItem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

SECTION_PREFIX: Final = "component-type"
"""The prefix of custom sections that describe a world."""

PREAMBLE: Final = b"\0asm\x0d\0\1\0"
_ENCODING_SECTION: Final = "wit-component-encoding"
_FORMAT: Final = 4

_CUSTOM: Final = 0
_TYPES: Final = 7
_EXPORTS: Final = 11

ENCODING_NAMES: Final = ("utf8", "utf16", "compact-utf16")

_PRODUCER_FIELDS: Final = ("language", "processed-by", "sdk")


class Description:
    """One description: the world, its string encoding, and the tools that are noted in it."""

    def __init__(self, world: World, encoding: int, producers: list[tuple[str, str, str]]) -> None:
        self.world = world
        self.encoding = encoding
        self.producers = producers


class StringEncodings:
    """The string encoding of each function that a module's descriptions describe, by direction."""

    def __init__(self) -> None:
        self.imports: dict[tuple[str, str], int] = {}
        self.exports: dict[tuple[str, str], int] = {}

    def add(self, description: Description, where: str) -> None:
        """Note the functions of one description; those of another must not disagree."""
        for table, items in (
            (self.imports, description.world.imports),
            (self.exports, description.world.exports),
        ):
            for item in items.values():
                for key in function_keys(item):
                    before = table.setdefault(key, description.encoding)
                    if before != description.encoding:
                        name = f"{key[0]}#{key[1]}" if key[0] else key[1]
                        raise ComponentError(
                            f"{where}: two descriptions disagree about the string encoding of {quote(name)}: "
                            f"{ENCODING_NAMES[before]} and {ENCODING_NAMES[description.encoding]}"
                        )


def function_keys(item: WorldItem) -> list[tuple[str, str]]:
    """Return the functions of an item of a world: (interface without version or label, or empty; function)."""
    value = item.value
    if isinstance(value, Interface):
        name = without_version(item.name)
        return [(name, function) for function in value.functions]
    if isinstance(value, Function):
        return [("", item.name)]
    return []


def is_description(name: str) -> bool:
    """Return whether a custom section of that name describes a world."""
    return name.startswith(SECTION_PREFIX)


def read_descriptions(module: CoreModule, where: str) -> list[Description]:
    """Return the descriptions in a module, in the order of its sections.

    :raises ComponentError: one is damaged or of another format; the text names the section.
    """
    found: list[Description] = []
    for section in module.sections:
        if section.number == SectionId.CUSTOM and is_description(section.name):
            payload = module.data[section.body : section.end]
            try:
                found.append(read_description(payload))
            except FormatError as error:
                raise ComponentError(f"{where}: section {quote(section.name)}: {error}") from None
    return found


def read_description(payload: bytes) -> Description:
    """Read one description.

    :raises FormatError: it is damaged or of another format.
    """
    if payload[:1] == b"\3":
        raise FormatError("the description has an old format, of tools before 2023: build it with newer ones")
    if payload[: len(PREAMBLE)] != PREAMBLE:
        raise FormatError("the description is not a component")
    reader = Reader(payload, len(PREAMBLE), len(payload))
    encoding = -1
    world: World | None = None
    exported = False
    producers: list[tuple[str, str, str]] = []
    while reader.pos < len(payload):
        number = reader.u8()
        size = reader.uleb()
        end = reader.pos + size
        if end > len(payload):
            raise FormatError(f"section {number} of the description goes beyond its end")
        inside = Reader(payload, reader.pos, end)
        if number == _CUSTOM:
            name = utf8(inside.name())
            if name == _ENCODING_SECTION:
                encoding = _read_encoding(inside)
            elif name == "producers":
                producers += read_producers(inside)
            inside.pos = end
        elif number == _TYPES:
            if inside.count() != 1 or world is not None:
                raise FormatError("the description does not have one type")
            if inside.u8() != COMPONENT:
                raise FormatError("the description's type is not that of a component")
            world = read_world(inside)
        elif number == _EXPORTS:
            if inside.count() != 1 or exported or world is None:
                raise FormatError("the description does not export one world")
            short = read_name(inside).text
            if not is_label(short):
                raise FormatError(f"the description's export {quote(short)} is not in kebab case")
            if inside.u8() != SORT_TYPE or inside.uleb() != 0:
                raise FormatError("the description exports something else than its world")
            ascribed = inside.u8()
            if ascribed > 1 or (ascribed and (inside.u8() != SORT_COMPONENT or inside.uleb() != 0)):
                raise FormatError("the type of the description's export is invalid")
            exported = True
        else:
            hint = ""
            if payload.find(PREAMBLE, 1) > 0:
                hint = ": two descriptions were joined, by a linker that does not keep them apart"
            raise FormatError(f"unexpected section {number} in the description{hint}")
        if inside.pos != end:
            raise FormatError(f"section {number} of the description is longer than its contents")
        reader.pos = end
    if encoding < 0:
        raise FormatError(f"the description has no section {quote(_ENCODING_SECTION)}")
    if world is None or not exported:
        raise FormatError("the description has no world")
    return Description(world, encoding, producers)


def _read_encoding(reader: Reader) -> int:
    """Return the string encoding that the section says."""
    if reader.end - reader.pos != 2:
        raise FormatError(f"section {quote(_ENCODING_SECTION)} does not have two bytes")
    version, encoding = reader.u8(), reader.u8()
    if version != _FORMAT:
        raise FormatError(f"the description has format {version}, and only {_FORMAT} is supported")
    if encoding >= len(ENCODING_NAMES):
        raise FormatError(f"unknown string encoding {encoding}")
    return encoding


def read_producers(reader: Reader) -> list[tuple[str, str, str]]:
    """Return the entries of a ``producers`` section: field, name, version."""
    entries: list[tuple[str, str, str]] = []
    for _ in range(reader.count(2)):
        field = utf8(reader.name())
        if field not in _PRODUCER_FIELDS:
            raise FormatError(f"unknown field {quote(field)} in the producers section")
        for _ in range(reader.count(2)):
            name = utf8(reader.name())
            entries.append((field, name, utf8(reader.name())))
    if reader.pos != reader.end:
        raise FormatError("the producers section is longer than its contents")
    return entries
