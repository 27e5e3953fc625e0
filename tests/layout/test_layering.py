"""The package is laid out as docs/architecture.md says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import wasmlink_tool

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(wasmlink_tool.__file__).resolve().parent
MOST_LINES = 510
TABLES_AND_GRAMMARS = {
    "cli/option_table.py": 700,
    "options.py": 650,
    "demangle/itanium.py": 1400,
    "demangle/itanium_expressions.py": 700,
}
"""Modules that may be longer: one table, or one grammar whose rules call each other."""

MODULES = {
    path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def room_of(path: Path) -> str:
    first, *rest = path.relative_to(PACKAGE).parts
    return f"{first}/" if rest else first


def allowed() -> dict[str, set[str]]:
    """The table: for each room, the rooms that it may import."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table: dict[str, set[str]] = {}
    groups: dict[str, set[str]] = {}
    for rooms, holds, imports in re.findall(r"^\| (`[^|]*) \| ([^|]*) \| ([^|]*) \|$", page, flags=re.M):
        names = re.findall(r"`([^`]+)`", rooms)
        if not all(name.endswith((".py", "/")) for name in names):
            continue
        groups |= {group: set(names) for group in re.findall(r"^\*\*(\w+)\*\*", holds)}
        targets = set(re.findall(r"`([^`]+)`", imports)).union(
            *(groups[g] for g in re.findall(r"\*\*(\w+)\*\*", imports))
        )
        for name in names:
            assert targets <= table.keys() | set(names), f"{name} would import what the table has below it"
            table[name] = targets - {name}
        table |= {name: table[name] for name in names}
    return table


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "TYPE_CHECKING" for part in ast.walk(node.test)
    )


def imports(path: Path, *, with_types: bool) -> Iterator[str]:
    """The modules that a module imports, anywhere in it; modules of the package by their full names."""
    name = path.relative_to(PACKAGE.parent).with_suffix("").parts
    package = name[:-1]
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if is_type_checking(node) and not with_types:
            assert isinstance(node, ast.If)
            pending += node.orelse
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield from (full if (full := f"{module}.{alias.name}") in MODULES else module for alias in node.names)
        else:
            pending += ast.iter_child_nodes(node)


@pytest.mark.parametrize("path", MODULES.values(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_are_those_that_the_table_allows(path: Path) -> None:
    table = allowed()
    room = room_of(path)
    assert room in table, f"docs/architecture.md has no row for {room}"
    for module in imports(path, with_types=True):
        if module.split(".")[0] == "SCons":
            assert room == "scons/"
        elif module in MODULES:
            target = room_of(MODULES[module])
            assert target == room or target in table[room], f"{room} must not import {target} ({module})"


def test_the_table_is_read() -> None:
    table = allowed()
    assert len(table) > 15
    assert table["binary/"] == set()
    assert "scons/" in table["site_tools/"]


def test_there_are_no_import_circles() -> None:
    graph = {
        name: {target for target in imports(path, with_types=False) if target in MODULES and target != name}
        for name, path in MODULES.items()
    }
    while True:
        # A module that imports none of the others is in no circle.
        leaves = {name for name, targets in graph.items() if not targets}
        if not leaves:
            break
        graph = {name: targets - leaves for name, targets in graph.items() if name not in leaves}
    # Nor is one that none of the others imports.
    while roots := graph.keys() - set().union(*graph.values()):
        graph = {name: targets for name, targets in graph.items() if name not in roots}
    assert graph == {}


def test_no_two_rooms_have_one_file_name() -> None:
    places: dict[str, list[str]] = {}
    for path in MODULES.values():
        if not path.name.startswith("__"):
            places.setdefault(path.name, []).append(path.relative_to(PACKAGE).as_posix())
    assert [found for found in places.values() if len(found) > 1] == []


def test_modules_are_short() -> None:
    lines = {
        path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8").count("\n") for path in MODULES.values()
    }
    assert {name: count for name, count in lines.items() if count > TABLES_AND_GRAMMARS.get(name, MOST_LINES)} == {}
    assert {name for name in TABLES_AND_GRAMMARS if lines.get(name, 0) <= MOST_LINES} == set()


def compiled_rooms() -> tuple[str, ...]:
    """The rooms whose modules mypyc compiles, as setup.py lists them."""
    if not (PACKAGE.parent / "setup.py").exists():
        pytest.skip("this is an installed package: setup.py is not beside it")
    setup = ast.parse((PACKAGE.parent / "setup.py").read_text(encoding="utf-8"))
    (rooms,) = (
        ast.literal_eval(node.value)
        for node in setup.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COMPILED"
    )
    return tuple(rooms)


def test_no_compiled_module_has_an_alternative_to_type_checking() -> None:
    """mypyc takes the ``else`` for unreachable, and the module fails when it is imported."""
    rooms = compiled_rooms()
    found = [
        f"{path.relative_to(PACKAGE).as_posix()}, line {node.lineno}"
        for path in MODULES.values()
        if path.parent.relative_to(PACKAGE).as_posix() in rooms
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.If) and is_type_checking(node) and node.orelse
    ]
    assert found == []


def test_no_compiled_module_has_a_cached_property() -> None:
    """mypyc makes a property of it that computes its value each time."""
    rooms = compiled_rooms()
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES.values()
        if path.parent.relative_to(PACKAGE).as_posix() in rooms
        and "cached_property" in path.read_text(encoding="utf-8")
    ]
    assert found == []


def test_no_compiled_module_indexes_by_an_attribute_of_a_call() -> None:
    """In ``of.columns[of.rows[call().index]]`` mypyc releases ``of`` before it reads the row, which crashes where
    nothing else holds it."""
    rooms = compiled_rooms()
    found = [
        f"{path.relative_to(PACKAGE).as_posix()}:{subscript.lineno}"
        for path in MODULES.values()
        if path.parent.relative_to(PACKAGE).as_posix() in rooms
        for subscript in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(subscript, ast.Subscript)
        for inner in ast.walk(subscript.slice)
        if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Call)
    ]
    assert found == []


def test_no_compiled_record_has_a_field_of_a_class_that_is_not_imported() -> None:
    """mypyc looks up the classes of a decorated class's fields when the module is imported; not those of a union."""
    rooms = compiled_rooms()
    for path in MODULES.values():
        if path.parent.name not in rooms:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        guards = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
        imports = [node for guard in guards for node in guard.body if isinstance(node, ast.ImportFrom)]
        unseen = {alias.asname or alias.name for node in imports for alias in node.names} - {"Callable", "Final"}
        records = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.decorator_list]
        for field in (field for node in records for field in node.body if isinstance(field, ast.AnnAssign)):
            outer = field.annotation.value if isinstance(field.annotation, ast.Subscript) else field.annotation
            name = outer.id if isinstance(outer, ast.Name) else ""
            assert name not in unseen, f"{path}:{field.lineno}: import {name} outside of `if TYPE_CHECKING:`"


def test_interpreted_classes_have_no_compiled_base() -> None:
    """mypyc refuses such a class when it is made."""
    rooms = compiled_rooms()
    names: dict[bool, set[str]] = {True: set(), False: set()}
    bases: list[tuple[str, str]] = []
    for path in MODULES.values():
        place = path.parent.relative_to(PACKAGE).as_posix()
        is_compiled = place in rooms and path.name != "__init__.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names[is_compiled].add(node.name)
                if not is_compiled:
                    bases += ((f"{path.name}: {node.name}", ast.unparse(base)) for base in node.bases)
    assert names[True]
    # SCons has classes of the same names.
    own = [(name, base.split(".")[-1]) for name, base in bases if not base.startswith("SCons.")]
    assert [name for name, base in own if base in names[True] - names[False]] == []
