"""Core modules to a component: the steps in order."""

from __future__ import annotations

import os

from ..binary.constants import ExternalKind, SectionId
from ..files import read_input, reason
from ..version import __version__
from .adapter_reduction import reduce_adapter
from .canonical_abi import AbiTypes
from .classified_module import ClassifiedImport, ClassifiedModule, Classifier
from .core_module import CoreModule, is_module, read_module
from .core_names import Role
from .descriptions import StringEncodings, is_description, read_descriptions
from .directed_world import direct_world
from .duplicate_imports import duplicate_names, with_unique_imports
from .encoder import Encoder
from .errors import ComponentError, quote
from .wit_model import Interface
from .world_merge import Interfaces, Joint, join_world, merge_compatible_imports
from .world_order import put_in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .wit_model import World


class Options:
    """Options for making a component."""

    def __init__(self) -> None:
        self.merge_imports_based_on_semver = True
        self.reject_legacy_names = False
        self.realloc_via_memory_grow = False
        self.names = True
        """Name what is in the component, for traps and tools, and the tools that made it."""
        self.main_world_first = False
        """Join the main module's worlds before the adapters', as ``wasm-component-ld`` does."""


class Adapter:
    """A module that provides what the main module imports of ``name``; ``file`` is for messages."""

    def __init__(self, name: str, data: bytes, file: str = "") -> None:
        self.name = name
        self.data = data
        self.file = file or f"adapter {name}"


def read_adapter(text: str) -> Adapter:
    """Read an adapter given as ``[NAME=]FILE``; without ``NAME`` its name is the file's up to the first dot.

    :raises ComponentError: it cannot be read.
    """
    name, equals, path = text.partition("=")
    if not equals:
        name, path = os.path.basename(text).partition(".")[0], text
    return Adapter(name, read_adapter_file(path), path)


def read_adapter_file(path: str) -> bytes:
    """:raises ComponentError: the adapter cannot be read."""
    try:
        return read_input(path, is_module)[0]
    except (OSError, ValueError) as error:
        raise ComponentError(f"cannot open adapter {path}: {reason(error)}") from None


class _Input:
    """A core module with its worlds."""

    def __init__(self, name: str, where: str, data: bytes) -> None:
        self.name = name
        self.where = where
        self.core: CoreModule = read_module(data, where)
        self.encodings = StringEncodings()
        self.worlds: list[World] = []
        self.keys: set[str] = set()
        self.producers: list[tuple[str, str, str]] = []

    def make_imports_unique(self) -> dict[tuple[str, str], str]:
        """Rename imports that repeat earlier ones; return the old field by module and new field."""
        names = duplicate_names(self.core)
        if not names:
            return {}
        renamed = {
            (self.core.imports[place].module, name): self.core.imports[place].field for place, name in names.items()
        }
        self.core = read_module(with_unique_imports(self.core, names), self.where)
        return renamed

    def read_worlds(self, interfaces: Interfaces) -> None:
        for description in read_descriptions(self.core, self.where):
            self.encodings.add(description, self.where)
            self.producers += description.producers
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
    renamed = main.make_imports_unique()
    classified = classifier.classify(main.name, "main", main.core, main.encodings, main.keys, renamed)
    pieces: dict[str, Sequence[bytes]] = {main.name: without_descriptions(main.core)}
    needed: dict[str, ClassifiedModule] = {}
    realloc = None if options.realloc_via_memory_grow else _realloc_for_adapters(classified)
    _check_separate(main, inputs)
    for given in inputs:
        adapter = _needed_adapter(given, classified, classifier, directed.world, realloc, options.names)
        if adapter is not None:
            needed[given.name] = adapter
            pieces[adapter.name] = [adapter.core.data]
    producers: list[tuple[str, str, str]] | None = None
    if options.names:
        producers = [("processed-by", "wasmlink", __version__)]
        for given in (main, *[given for given in inputs if given.name in needed]):
            producers += given.producers
    return Encoder(directed, types, classified, needed, pieces, producers).encode()


def _check_separate(main: _Input, adapters: list[_Input]) -> None:
    """Refuse two modules that are one import or one export to others."""
    names: set[str] = set()
    exporters = dict.fromkeys(main.keys, main.where)
    for given in adapters:
        if given.name in names:
            raise ComponentError(f"two adapters have the name {quote(given.name)}")
        names.add(given.name)
        for key in given.keys:
            before = exporters.setdefault(key, given.where)
            if before != given.where:
                raise ComponentError(f"{given.where} exports {quote(key)}, and so does {before}")


def _realloc_for_adapters(main: ClassifiedModule) -> str | None:
    """Return the main module's export with which adapters allocate."""
    return main.reallocs.get(Role.ADAPTER_REALLOC) or main.reallocs.get(Role.REALLOC)


def _needed_adapter(
    given: _Input, main: ClassifiedModule, classifier: Classifier, world: World, realloc: str | None, named: bool
) -> ClassifiedModule | None:
    """Return an adapter, reduced to what is used of it, or ``None`` if nothing is."""
    wanted = main.imports.get(given.name, [])
    exported = [world.exports[key].value for key in given.keys]
    if not wanted and not any(not isinstance(value, Interface) or value.functions for value in exported):
        if exported:
            raise ComponentError(f"{given.where}: nothing needs the adapter, and it exports an interface of types only")
        return None
    name = f"adapter {quote(given.name)}"
    whole = classifier.classify(name, given.name, given.core, given.encodings, given.keys, {})
    for imported in wanted:
        _check_wanted(whole, imported, given)
    kept = whole.role_names | {imported.field for imported in wanted}
    data = reduce_adapter(given.core, kept, realloc, given.where, label=given.name if named else "")
    core = read_module(data, given.where)
    return classifier.classify(name, given.name, core, given.encodings, given.keys, {})


def _check_wanted(adapter: ClassifiedModule, imported: ClassifiedImport, given: _Input) -> None:
    """Check that an adapter has a function that the main module imports."""
    export = adapter.by_name.get(imported.field)
    if export is None or export.kind != ExternalKind.FUNCTION:
        raise ComponentError(
            f"the main module imports function {quote(imported.field)} of {quote(given.name)}, which "
            f"{given.where} does not have"
        )
    signature = adapter.core.function_signature(export.index)
    assert imported.core.signature is not None
    if signature.key() != imported.core.signature.key():
        raise ComponentError(
            f"the main module imports function {quote(imported.field)} of {quote(given.name)} as "
            f"{imported.core.signature}, and in {given.where} it is {signature}"
        )
