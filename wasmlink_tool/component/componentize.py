"""Core modules to a component: the steps in order."""

from __future__ import annotations

from ..binary.constants import SectionId
from .canonical_abi import AbiTypes
from .classified_module import ClassifiedModule, Classifier
from .core_module import CoreModule, read_module
from .descriptions import StringEncodings, is_description, read_descriptions
from .directed_world import direct_world
from .encoder import Encoder
from .world_merge import Interfaces, Joint, join_world, merge_compatible_imports
from .world_order import put_in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .wit_model import World


class Options:
    """How a component is made."""

    def __init__(self) -> None:
        self.merge_imports_based_on_semver = True
        self.reject_legacy_names = False
        self.realloc_via_memory_grow = False
        self.main_world_first = False
        """Join the main module's worlds before the adapters', as ``wasm-component-ld`` does."""


class Adapter:
    """A module that provides what the main module imports of ``name``; ``file`` is for messages."""

    def __init__(self, name: str, data: bytes, file: str = "") -> None:
        self.name = name
        self.data = data
        self.file = file or f"adapter {name}"


class _Input:
    """A core module with its worlds."""

    def __init__(self, name: str, where: str, data: bytes) -> None:
        self.name = name
        self.where = where
        self.core: CoreModule = read_module(data, where)
        self.encodings = StringEncodings()
        self.worlds: list[World] = []
        self.keys: set[str] = set()

    def read_worlds(self, interfaces: Interfaces) -> None:
        for description in read_descriptions(self.core, self.where):
            self.encodings.add(description, self.where)
            self.worlds.append(interfaces.adopt(description.world, self.where))
            self.keys.update(description.world.exports)


def without_descriptions(core: CoreModule) -> list[bytes]:
    """Return a module in pieces, without the sections that describe its worlds; all else is as it was."""
    pieces: list[bytes] = []
    start = 0
    for section in core.sections:
        if section.number == SectionId.CUSTOM and is_description(section.name):
            pieces.append(core.data[start : section.start])
            start = section.end
    if not start:
        return [core.data]
    pieces.append(core.data[start:])
    return [piece for piece in pieces if piece]


def componentize(
    module: bytes, adapters: Sequence[Adapter] = (), options: Options | None = None, file: str = "the module"
) -> bytes:
    """Return the component for a core module, which its ``component-type`` sections describe.

    :param adapters: modules that provide some of its imports, like ``wasi_snapshot_preview1``.
    :param file: what messages call the module.
    :raises ComponentError: the module does not fit its description, or something is damaged or missing.
    """
    return b"".join(componentize_pieces(module, adapters, options or Options(), file))


def componentize_pieces(module: bytes, adapters: Sequence[Adapter], options: Options, where: str) -> list[bytes]:
    """Return the component for a core module in pieces; a large module is not copied."""
    main = _Input("the main module", where, module)
    inputs = [_Input(adapter.name, adapter.file, adapter.data) for adapter in adapters]
    interfaces = Interfaces()
    joint = Joint("")
    order = [main, *inputs] if options.main_world_first else [*inputs, main]
    for given in order:
        given.read_worlds(interfaces)
        for world in given.worlds:
            put_in_order(world, {}, given.where)
            join_world(joint, world, given.where)
    put_in_order(joint.world, {}, where)
    replaced = {}
    if options.merge_imports_based_on_semver:
        replaced = merge_compatible_imports(joint.world)
        put_in_order(joint.world, replaced, where)
    directed = direct_world(joint.world, replaced, joint.replaced)
    types = AbiTypes()
    classifier = Classifier(directed.world, types, {given.name for given in inputs}, options.reject_legacy_names)
    classified = classifier.classify(main.name, main.core, main.encodings, main.keys, {})
    needed: dict[str, ClassifiedModule] = {}
    pieces: dict[str, Sequence[bytes]] = {main.name: without_descriptions(main.core)}
    return Encoder(directed, types, classified, needed, pieces).encode()
