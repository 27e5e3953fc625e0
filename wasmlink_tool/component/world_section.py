"""The encoder of ``component-type`` sections: a world as the component that describes it."""

from __future__ import annotations

from ..binary.leb128 import uleb
from .component_writer import ComponentWriter, Sort, encode_name, encode_text
from .names import without_version
from .type_scopes import DeclarationScope, InstanceScope
from .wit_model import Function, Interface, Type, World, WorldItem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

ENCODINGS: Final = {"utf8": 0, "utf16": 1, "compact-utf16": 2}
"""The encodings of strings, by the names of the command line."""
_FORMAT: Final = 4
_COMPONENT_TYPE: Final = b"\x41"


def encode_world(world: World, encoding: str = "utf8") -> bytes:
    """Return the contents of the section for a world whose items are in order.

    :param encoding: one of :data:`ENCODINGS`: that of the module's strings.
    """
    scope = _WorldScope(world)
    for item in world.imports.values():
        scope.add(item, is_export=False)
    for item in world.exports.values():
        scope.add(item, is_export=True)
    body = scope.body()
    declarations = [b"\1" + body, b"\4" + encode_name(world.name) + b"\4\0"]
    writer = ComponentWriter()
    writer.custom("wit-component-encoding", bytes((_FORMAT, ENCODINGS[encoding])))
    index = writer.type(b"".join((_COMPONENT_TYPE, uleb(len(declarations)), *declarations)))
    short = without_version(world.name).rpartition("/")[2]
    writer.export(encode_name(short), Sort.TYPE, index)
    return b"".join(writer.chunks())


class _WorldScope(DeclarationScope):
    """The component type that is a world."""

    def __init__(self, world: World) -> None:
        super().__init__(world, b"\3")
        self._instance_count = 0
        self._instances: dict[Interface, int] = {}

    def take_foreign(self, type_: Type) -> int:
        return self.alias(type_)

    def alias(self, type_: Type) -> int:
        """Return the index of an interface's type, which has one name here."""
        found = self.defined.get(type_)
        if found is None:
            assert isinstance(type_.owner, Interface) and type_.name is not None
            instance = uleb(self._instances[type_.owner])
            found = self._declare_type(b"".join((b"\2", bytes((Sort.TYPE, 0)), instance, encode_text(type_.name))))
            self.defined[type_] = found
        return found

    def add(self, item: WorldItem, is_export: bool) -> None:
        """Append an import or export."""
        form = b"\4" if is_export else b"\3"
        name = encode_name(item.name, item.attributes)
        if isinstance(item.value, Type):
            self.index(item.value)
        elif isinstance(item.value, Function):
            index = self.function(item.value)
            self._declarations.append(b"".join((form, name, bytes((Sort.FUNCTION,)), uleb(index))))
        else:
            instance = InstanceScope(item.value, self.alias)
            for type_ in item.value.types.values():
                instance.index(type_)
            for function in item.value.functions.values():
                instance.export_function(function)
            index = self.define(instance.body())
            self._declarations.append(b"".join((form, name, bytes((Sort.INSTANCE,)), uleb(index))))
            self._instances[item.value] = self._instance_count
            self._instance_count += 1

    def body(self) -> bytes:
        """Return the component type."""
        return self._listed(_COMPONENT_TYPE)


def section_name(world: World) -> str:
    """Return the name of the custom section that describes a world."""
    return f"component-type:{world.name}:encoded world"


def component_type_section(world: World, encoding: str = "utf8") -> bytes:
    """Return the custom section by which a core module says that it is for a world."""
    contents = encode_text(section_name(world)) + encode_world(world, encoding)
    return b"\0" + uleb(len(contents)) + contents
