"""The writer of a component: sections of items, and the index spaces that the items fill."""

from __future__ import annotations

from ..binary.constants import ExternalKind
from ..binary.leb128 import uleb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from .wit_model import Attribute

PREAMBLE: Final = b"\0asm\x0d\0\1\0"


class ComponentSection:
    CUSTOM: Final = 0
    CORE_MODULE: Final = 1
    CORE_INSTANCE: Final = 2
    COMPONENT: Final = 4
    INSTANCE: Final = 5
    ALIAS: Final = 6
    TYPE: Final = 7
    CANON: Final = 8
    IMPORT: Final = 10
    EXPORT: Final = 11


class Sort:
    FUNCTION: Final = 1
    TYPE: Final = 3
    COMPONENT: Final = 4
    INSTANCE: Final = 5


CORE_INSTANCE_SORT: Final = 0x12


class NamedSort:
    """Sorts as the section with names spells them."""

    CORE_MODULE: Final = b"\0\x11"
    CORE_INSTANCE: Final = b"\0\x12"
    INSTANCE: Final = b"\5"


_BOUND_EQUAL: Final = b"\3\0"
_BOUND_RESOURCE: Final = b"\3\1"


def encode_text(text: str) -> bytes:
    """Return a name with its length."""
    data = text.encode()
    return uleb(len(data)) + data


def encode_name(text: str, attributes: Sequence[Attribute] = ()) -> bytes:
    """Return ``nameattributes``: in the plain form where there are no attributes."""
    if not attributes:
        return b"\0" + encode_text(text)
    parts = [b"\2", encode_text(text), uleb(len(attributes))]
    for attribute in attributes:
        parts += (bytes((attribute.kind,)), encode_text(attribute.value))
    return b"".join(parts)


def equal_to(index: int) -> bytes:
    """Return the external type of a type that equals one at ``index``."""
    return _BOUND_EQUAL + uleb(index)


def a_resource() -> bytes:
    """Return the external type of a resource type of which nothing is known."""
    return _BOUND_RESOURCE


class ComponentWriter:
    """Appends items to a component; neighbours of one kind share a section. Each method returns the new index."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = [PREAMBLE]
        self._section = -1
        self._items: list[bytes] = []
        self._names: dict[bytes, dict[int, str]] = {}
        """Names for traps and tools, by sort."""
        self.types = 0
        self.functions = 0
        self.instances = 0
        self.components = 0
        self.core_modules = 0
        self.core_instances = 0
        self.core_items: dict[int, int] = {
            ExternalKind.FUNCTION: 0,
            ExternalKind.TABLE: 0,
            ExternalKind.MEMORY: 0,
            ExternalKind.GLOBAL: 0,
            ExternalKind.TAG: 0,
        }

    def _item(self, section: int, item: bytes) -> None:
        if section != self._section:
            self._flush()
            self._section = section
        self._items.append(item)

    def _flush(self) -> None:
        if self._items:
            body = b"".join([uleb(len(self._items)), *self._items])
            self._chunks += (bytes((self._section,)), uleb(len(body)), body)
            self._items = []
        self._section = -1

    def chunks(self, *, named: bool = False) -> list[bytes]:
        """Return the component in pieces, with large ones as they were given, and with names if it is ``named``."""
        self._flush()
        if named:
            parts: list[bytes] = []
            for sort, names in self._names.items():
                body = [sort, uleb(len(names)), *[uleb(index) + encode_text(name) for index, name in names.items()]]
                content = b"".join(body)
                parts += (b"\1", uleb(len(content)), content)
            self.custom("component-name", b"".join(parts))
        return self._chunks

    def name(self, sort: bytes, index: int, text: str) -> int:
        """Name what is at ``index`` for traps and tools; return the index."""
        self._names.setdefault(sort, {})[index] = text
        return index

    def _whole(self, section: int, pieces: Sequence[bytes]) -> None:
        """Write a section that holds one thing."""
        self._flush()
        self._chunks += (bytes((section,)), uleb(sum([len(piece) for piece in pieces])))
        self._chunks += pieces

    def custom(self, name: str, body: bytes) -> None:
        self._whole(ComponentSection.CUSTOM, [encode_text(name), body])

    def core_module(self, pieces: Sequence[bytes]) -> int:
        self._whole(ComponentSection.CORE_MODULE, pieces)
        self.core_modules += 1
        return self.core_modules - 1

    def component(self, pieces: Sequence[bytes]) -> int:
        self._whole(ComponentSection.COMPONENT, pieces)
        self.components += 1
        return self.components - 1

    def core_instantiate(self, module: int, arguments: Sequence[tuple[str, int]]) -> int:
        parts = [b"\0", uleb(module), uleb(len(arguments))]
        for name, instance in arguments:
            parts += (encode_text(name), bytes((CORE_INSTANCE_SORT,)), uleb(instance))
        return self._core_instance(b"".join(parts))

    def core_bundle(self, exports: Sequence[tuple[str, int, int]]) -> int:
        """Make an instance of core items: (name, kind, index)."""
        parts = [b"\1", uleb(len(exports))]
        for name, kind, index in exports:
            parts += (encode_text(name), bytes((kind,)), uleb(index))
        return self._core_instance(b"".join(parts))

    def _core_instance(self, item: bytes) -> int:
        self._item(ComponentSection.CORE_INSTANCE, item)
        self.core_instances += 1
        return self.core_instances - 1

    def instantiate(self, component: int, arguments: Sequence[tuple[str, int, int]]) -> int:
        """Instantiate a component with arguments: (name, sort, index)."""
        parts = [b"\0", uleb(component), uleb(len(arguments))]
        for name, sort, index in arguments:
            parts += (encode_text(name), bytes((sort,)), uleb(index))
        self._item(ComponentSection.INSTANCE, b"".join(parts))
        self.instances += 1
        return self.instances - 1

    def alias_core(self, kind: int, instance: int, name: str) -> int:
        self._item(ComponentSection.ALIAS, b"".join((bytes((0, kind, 1)), uleb(instance), encode_text(name))))
        self.core_items[kind] += 1
        return self.core_items[kind] - 1

    def alias_export(self, sort: int, instance: int, name: str) -> int:
        self._item(ComponentSection.ALIAS, b"".join((bytes((sort, 0)), uleb(instance), encode_text(name))))
        return self._count(sort)

    def type(self, body: bytes) -> int:
        self._item(ComponentSection.TYPE, body)
        return self._count(Sort.TYPE)

    def lower(self, function: int, options: bytes) -> int:
        return self.canon_core(b"".join((b"\1\0", uleb(function), options)))

    def canon_core(self, body: bytes) -> int:
        """Define a core function by a canonical definition."""
        self._item(ComponentSection.CANON, body)
        self.core_items[ExternalKind.FUNCTION] += 1
        return self.core_items[ExternalKind.FUNCTION] - 1

    def lift(self, core_function: int, options: bytes, type_: int) -> int:
        self._item(ComponentSection.CANON, b"".join((b"\0\0", uleb(core_function), options, uleb(type_))))
        return self._count(Sort.FUNCTION)

    def import_(self, name: bytes, sort: int, description: bytes) -> int:
        """Import under an encoded name; ``description`` is the external type with its sort."""
        self._item(ComponentSection.IMPORT, name + description)
        return self._count(sort)

    def export(self, name: bytes, sort: int, index: int, ascription: bytes = b"") -> int:
        """Export under an encoded name; ``ascription`` is an external type with its sort."""
        tail = b"\1" + ascription if ascription else b"\0"
        self._item(ComponentSection.EXPORT, b"".join((name, bytes((sort,)), uleb(index), tail)))
        return self._count(sort)

    def _count(self, sort: int) -> int:
        if sort == Sort.TYPE:
            self.types += 1
            return self.types - 1
        if sort == Sort.FUNCTION:
            self.functions += 1
            return self.functions - 1
        assert sort == Sort.INSTANCE
        self.instances += 1
        return self.instances - 1
