"""The meaning of a module, as lines to read and to compare."""

from __future__ import annotations

import difflib

from .linking import describe_linking, describe_relocations
from .module import BadModuleError, Import, Module


def describe(module: Module) -> list[str]:
    """The module, one fact a line; indices are resolved to what they stand for."""
    lines = [f"sections {', '.join(module.sections)}"]
    lines += [f"type {index} {entry}" for index, entry in enumerate(module.types)]
    lines += [
        f"import {entry.module}.{entry.name} {entry.kind} {_import_type(module, entry)}" for entry in module.imports
    ]
    first = len(module.imported("func"))
    for index, (type_index, body) in enumerate(zip(module.functions, module.code, strict=True), first):
        lines.append(f"func {module.referent('func', index)} {module.types[type_index]} = {body.hex(' ')}")
    lines += [f"table {element} {limits}" for element, limits in module.tables]
    lines += [f"memory {limits}" for limits in module.memories]
    lines += [f"tag {module.types[index]}" for index in module.tags]
    for index, entry in enumerate(module.globals, len(module.imported("global"))):
        mutability = "mut" if entry.mutable else "const"
        lines.append(f"global {module.referent('global', index)} {mutability} {entry.type} = {entry.init}")
    lines += [
        f"export {entry.name} {entry.kind} {module.referent(entry.kind, entry.index)}" for entry in module.exports
    ]
    if module.start is not None:
        lines.append(f"start {module.referent('func', module.start)}")
    for element in module.elements:
        functions = ", ".join(module.referent("func", index) for index in element.functions)
        lines.append(f"element flags {element.flags} table {element.table} at ({element.offset}): {functions}")
    if module.data_count is not None:
        lines.append(f"data count {module.data_count}")
    for index, segment in enumerate(module.data):
        name = module.names.get("data", {}).get(index, "?")
        lines.append(f"data {name} flags {segment.flags} at ({segment.offset}) = {segment.content!r}")
    for name, content in module.customs:
        lines += _custom(name, content)
    for kind, names in module.names.items():
        lines += [f"name {kind} {index} {name}" for index, name in names.items()]
    return lines


def _custom(name: str, content: bytes) -> list[str]:
    if name == "name":
        return ["custom name"]
    try:
        if name == "linking":
            return describe_linking(content)
        if name.startswith("reloc."):
            return describe_relocations(name, content)
    except BadModuleError:
        # Then the bytes must do: a section may have this name and be something else.
        pass
    return [f"custom {name}: {content.hex(' ')}"]


def _import_type(module: Module, entry: Import) -> str:
    if entry.kind in ("func", "tag"):
        assert isinstance(entry.type, int)
        return str(module.types[entry.type])
    if entry.kind == "global":
        assert isinstance(entry.type, tuple)
        return f"{'mut' if entry.type[1] else 'const'} {entry.type[0]}"
    if entry.kind == "table":
        assert isinstance(entry.type, tuple)
        return f"{entry.type[0]} {entry.type[1]}"
    return str(entry.type)


def difference(reference: list[str], ours: list[str]) -> str:
    """A readable difference between two descriptions; empty when they are the same."""
    return "\n".join(difflib.unified_diff(reference, ours, "reference", "ours", lineterm="", n=1))
