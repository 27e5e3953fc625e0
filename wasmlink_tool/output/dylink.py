"""The ``dylink.0`` section: information for the dynamic linker before instantiation (DynamicLinking.md)."""

from __future__ import annotations

from ..binary.constants import SymbolKind
from ..binary.leb128 import uleb
from ..linking.export_rules import is_exported
from ..linking.imports import import_names
from ..linking.plan import Plan
from ..linking.symbol_names import encode_name
from ..linking.symbols import DEFINED
from ..options import LinkOptions
from .encoding import OutputSection, custom_section, name, vector

_MEM_INFO, _NEEDED, _EXPORT_INFO, _IMPORT_INFO, _RUNTIME_PATH = range(1, 6)


def dylink_section(plan: Plan, options: LinkOptions) -> OutputSection:
    memory = plan.memory
    info = uleb(memory.static_size) + uleb(memory.alignment) + uleb(len(plan.scan.table_entries)) + uleb(0)
    contents = _subsection(_MEM_INFO, info)
    if plan.resolution.needed:
        libraries = (library.name.replace("\\", "/").rsplit("/", 1)[-1] for library in plan.resolution.needed)
        contents += _subsection(_NEEDED, vector(name(encode_name(library)) for library in libraries))
    live = [symbol for symbol in plan.resolution.symbols.values() if symbol.is_live]
    exported = [
        symbol
        for symbol in live
        # Its value is relative to the thread's block, not to the memory base.
        if symbol.kind == SymbolKind.DATA and symbol.state == DEFINED and is_exported(symbol, options) and symbol.is_tls
    ]
    if exported:
        contents += _subsection(_EXPORT_INFO, vector(name(s.name) + uleb(s.flags) for s in exported))
    imported = [symbol for symbol in live if symbol.is_undefined_weak]
    if imported:
        entries = (b"".join(map(name, import_names(symbol))) + uleb(symbol.flags) for symbol in imported)
        contents += _subsection(_IMPORT_INFO, vector(entries))
    if options.runtime_paths:
        contents += _subsection(_RUNTIME_PATH, vector(name(encode_name(path)) for path in options.runtime_paths))
    return custom_section(b"dylink.0", contents)


def _subsection(kind: int, contents: bytes) -> bytes:
    return bytes([kind]) + uleb(len(contents)) + contents
