"""The table of relocation types agrees with the names that tool-conventions and LLVM gave them, and is the only one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import wasmlink_tool
from tests.support import linking
from wasmlink_tool.binary import relocation_types as types
from wasmlink_tool.binary.relocation_types import RELOCATION_NAMES

PACKAGE = Path(wasmlink_tool.__file__).resolve().parent
VALUES = {
    "FUNCTION_INDEX": types.FUNCTION_INDEX,
    "TABLE_INDEX": types.TABLE_INDEX,
    "MEMORY_ADDR": types.ADDRESS,
    "TYPE_INDEX": types.TYPE_INDEX,
    "GLOBAL_INDEX": types.GLOBAL_INDEX,
    "FUNCTION_OFFSET": types.FUNCTION_OFFSET,
    "SECTION_OFFSET": types.SECTION_OFFSET,
    "TAG_INDEX": types.TAG_INDEX,
    "TABLE_NUMBER": types.TABLE_NUMBER,
}
FIELDS = {
    "LEB": (types.ULEB, 5),
    "LEB64": (types.ULEB, 10),
    "SLEB": (types.SLEB, 5),
    "SLEB64": (types.SLEB, 10),
    "I32": (types.FIXED, 4),
    "I64": (types.FIXED, 8),
}
BASES = {"REL": types.MODULE, "TLS": types.THREAD, "LOCREL": types.PLACE}


def test_every_number_has_one_row() -> None:
    assert sorted(types.VALUE) == sorted(RELOCATION_NAMES) == list(range(len(RELOCATION_NAMES)))
    assert len(set(RELOCATION_NAMES.values())) == len(RELOCATION_NAMES)


@pytest.mark.parametrize("type_", RELOCATION_NAMES, ids=RELOCATION_NAMES.get)
def test_a_row_is_what_the_name_says(type_: int) -> None:
    name = RELOCATION_NAMES[type_]
    first, second, *modifiers, field = name.split("_")
    assert types.VALUE[type_] == VALUES[f"{first}_{second}"]
    assert (types.ENCODING[type_], types.WIDTH[type_]) == FIELDS[field]
    (base,) = [BASES[modifier] for modifier in modifiers] or [types.ZERO]
    assert type_ in types.types_with(bases=(base,))
    assert (type_ in types.WITH_ADDEND) == (type_ in linking.WITH_ADDEND)


def test_a_warm_link_knows_no_field_of_64_bits() -> None:
    """It is refused for memories of 64 bits, so nothing has tried it."""
    wide = {type_ for type_, width in types.WIDTH.items() if width in (8, 10)}
    assert types.types_with(warm=(types.UNKNOWN,)) == wide


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_other_module_lists_types(path: Path) -> None:
    """A list of types elsewhere would have to be found by whoever adds one."""
    if path.name == "relocation_types.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not (isinstance(node, ast.Attribute) and node.attr == "RELOCATION_NAMES"), (
            "ask types_with() for types by what they are, not by their names"
        )
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            named = [
                item for item in node.elts if isinstance(item, ast.Attribute) and item.attr in RELOCATION_NAMES.values()
            ]
            assert len(named) < 2, f"line {node.lineno} lists relocation types"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not node.value.startswith(tuple(VALUES)), f"line {node.lineno} takes the name of a type apart"
