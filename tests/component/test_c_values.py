"""C bindings of random types: values that C passes on arrive as they were, in both directions, and nothing leaks.

``python -m tests.component.test_c_values COUNT [FIRST]`` tries more.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from wasmtime.component import Component, Linker, Variant

from tests.component.test_c_bindings import CASES, compile_c, plain, record
from wasmlink_tool.cli import command
from wasmlink_tool.component.c_bindings import Bindings
from wasmlink_tool.component.wit_model import Kind, Type
from wasmlink_tool.component.wit_packages import WitPackages

NUMBERS = {"u8": (0, 255), "s8": (-128, 127), "u16": (0, 65535), "s16": (-(1 << 15), (1 << 15) - 1),
           "u32": (0, (1 << 32) - 1), "s32": (-(1 << 31), (1 << 31) - 1), "u64": (0, (1 << 64) - 1),
           "s64": (-(1 << 63), (1 << 63) - 1)}  # fmt: skip
ECHO = "test:values/echo"


class Types:
    """Writes random types and functions as WIT text."""

    def __init__(self, choose: random.Random) -> None:
        self.choose = choose
        self.named: list[str] = []
        self.lines: list[str] = []

    def value(self, depth: int = 0) -> str:
        kind = self.choose.randrange(11 if depth < 3 else 4)
        if kind < 2 and self.named:
            return self.choose.choice(self.named)
        if kind < 4:
            return self.choose.choice([*NUMBERS, "f32", "f64", "char", "string", "bool"])
        if kind < 6:
            return f"list<{self.value(depth + 1)}>"
        if kind < 8:
            return f"option<{self.value(depth + 1)}>"
        if kind == 8:
            ok = self.choose.choice(["_", self.value(depth + 1)])
            error = self.choose.choice(["", self.value(depth + 1)])
            return f"result<{ok}, {error}>" if error else ("result" if ok == "_" else f"result<{ok}>")
        return f"tuple<{', '.join(self.value(depth + 1) for _ in range(self.choose.randint(1, 4)))}>"

    def declare(self) -> None:
        name, kind = f"t{len(self.named)}-x", self.choose.randrange(5)
        count = self.choose.randint(1, 5)
        if kind == 0:
            members = ", ".join(f"f{i}: {self.value(1)}" for i in range(count))
            self.lines.append(f"record {name} {{ {members} }}")
        elif kind < 3:
            members = ", ".join(f"c{i}" + self.choose.choice(["", f"({self.value(1)})"]) for i in range(count))
            self.lines.append(f"variant {name} {{ {members} }}")
        else:
            count = self.choose.choice([1, 8, 9, 16, 17, 32] if kind == 3 else [1, 3, 300])
            word = "flags" if kind == 3 else "enum"
            self.lines.append(f"{word} {name} {{ {', '.join(f'm{i}' for i in range(count))} }}")
        self.named.append(name)

    def package(self) -> str:
        for _ in range(8):
            self.declare()
        functions = []
        for number in range(10):
            count = self.choose.choice([0, 1, 2, 3, 6])
            parameters = ", ".join(f"p{i}: {self.value()}" for i in range(count))
            functions.append(f"f{number}: func({parameters}) -> {self.value()};")
        return (
            f"package test:values;\ninterface types {{ {' '.join(self.lines)} }}\n"
            f"interface echo {{ use types.{{{', '.join(self.named)}}}; {' '.join(functions)} }}\n"
            "world values { import echo; export echo; export live: func() -> u32; }\n"
        )


def classes(type_: Type) -> set[str]:
    """The Python classes that wasmtime has for values of a type."""
    type_ = type_.dealias()
    if type_.kind in (Kind.OPTION, Kind.RESULT, Kind.VARIANT):
        if is_tagged(type_):
            return {"Variant"}
        return set().union(*(classes(case) if case else {"object"} for _, case in cases(type_)))
    if type_.kind == Kind.LIST:
        element = type_.parts[0]
        assert element is not None
        return {"bytes" if element.dealias().kind == Kind.U8 else "list"}
    for kinds, name in (
        ((Kind.STRING, Kind.CHAR, Kind.ENUM), "str"),
        ((Kind.F32, Kind.F64), "float"),
        ((Kind.BOOL,), "bool"),
        ((Kind.RECORD,), "Record"),
        ((Kind.TUPLE,), "tuple"),
        ((Kind.FLAGS,), "set"),
    ):
        if type_.kind in kinds:
            return {name}
    return {"int"}


def cases(type_: Type) -> list[tuple[str, Type | None]]:
    if type_.kind == Kind.OPTION:
        return [("none", None), ("some", type_.parts[0])]
    return list(zip(("ok", "err") if type_.kind == Kind.RESULT else type_.labels, type_.parts))


def is_tagged(type_: Type) -> bool:
    seen: set[str] = set()
    for _, case in cases(type_):
        found = classes(case) if case else {"object"}
        if found & seen:
            return True
        seen |= found
    return False


def taken_for(payload: Any, possible: list[tuple[str, Type | None]]) -> str:
    """The case that wasmtime takes a payload without a tag for: the first one with a class of its."""
    names = {cls.__name__ for cls in type(payload).__mro__}
    for name, case in possible:
        if payload is None if case is None else names & classes(case):
            return name
    return ""


def value_of(type_: Type, choose: random.Random) -> Any:
    """A random value of a type, as wasmtime takes and gives it."""
    type_ = type_.dealias()
    kind = type_.kind
    parts = [part for part in type_.parts if part is not None]
    if kind in (Kind.OPTION, Kind.RESULT, Kind.VARIANT):
        possible = cases(type_)
        tagged = is_tagged(type_)
        while True:
            name, case = choose.choice(possible)
            payload = None if case is None else value_of(case, choose)
            if tagged:
                return Variant(name, payload)
            if name == taken_for(payload, possible):
                return payload
    if kind == Kind.LIST:
        values = [value_of(parts[0], choose) for _ in range(choose.choice([0, 1, 3]))]
        return bytes(values) if classes(type_) == {"bytes"} else values
    if kind == Kind.RECORD:
        return record(**{name: value_of(part, choose) for name, part in zip(type_.labels, parts)})
    if kind == Kind.TUPLE:
        return tuple(value_of(part, choose) for part in parts)
    if kind == Kind.FLAGS:
        return {label for label in type_.labels if choose.random() < 0.5}
    if kind == Kind.ENUM:
        return choose.choice(type_.labels)
    if kind in (Kind.F32, Kind.F64):
        return choose.choice([0.0, -1.5, 2.0**60, float("inf")])
    if kind == Kind.BOOL:
        return choose.random() < 0.5
    if kind == Kind.CHAR:
        return choose.choice(["a", "\0", "\ud7ff", "\U0010ffff"])
    if kind == Kind.STRING:
        return choose.choice(["", "a", "ü" * 20])
    name = next(name for name in NUMBERS if kind == getattr(Kind, name.upper()))
    low, high = NUMBERS[name]
    return choose.choice([low, high, 0, 1, choose.randint(low, high)])


def passing(bindings: Bindings) -> str:
    """C that defines each exported function by the imported one of that name, with the allocator of the cases."""
    text = (CASES / "every_type.c").read_text(encoding="utf-8")
    allocator = text.split("\n\n", 1)[1].split("uint32_t exports_", 1)[0]
    lines = [f'#include "{bindings.name}.h"', allocator, "uint32_t exports_values_live(void) { return live; }"]
    imported = {made.function.name: made for made in bindings.imports}
    for made in bindings.exports:
        if made.scope.item is None:
            continue
        other = imported[made.function.name]
        names = [parameter.name for parameter in made.parameters] + [name for name, _ in made.outputs()]
        declared = made.declaration()
        returned = declared.split(" ", 1)[0]
        lines.append(f"{declared} {{")
        call = f"{other.name}({', '.join(names)});"
        lines.append(f"  {call}" if returned == "void" else f"  {returned} result = {call}")
        for parameter in made.parameters:
            owner = parameter.type.whole_parts()[0] if parameter.is_option else parameter.type
            if owner.owns():
                condition = f"if ({parameter.name}) " if parameter.is_option else ""
                lines.append(f"  {condition}{owner.original.base}_free({parameter.name});")
        lines += ["  return result;"] * (returned != "void") + ["}"]
    return "\n".join(lines)


def check(number: int, folder: Path) -> None:
    """Make a package, link its bindings with C that passes on, and call each function with random values."""
    choose = random.Random(number)
    (folder / "values.wit").write_text(Types(choose).package())
    world = WitPackages(str(folder / "values.wit")).world()
    bindings = Bindings(world)
    for suffix, text in ((".h", bindings.header()), (".c", bindings.source())):
        (folder / f"{bindings.name}{suffix}").write_text(text)
    (folder / "passing.c").write_text(passing(bindings))
    compile_c(folder / f"{bindings.name}.c", folder / "bindings.o")
    compile_c(folder / "passing.c", folder / "passing.o", "-fno-builtin")
    objects = [str(folder / "passing.o"), str(folder / "bindings.o")]
    assert command.run("wasmlink", ["--component", "--no-entry", *objects, "-o", str(folder / "values.wasm")]) == 0
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    linker = Linker(engine)
    given: list[Any] = []
    replies: dict[str, Any] = {}

    def host(name: str) -> Any:
        def answer(store: Any, *values: Any) -> Any:
            given[:] = values
            return replies[name]

        return answer

    functions = world.imports[ECHO].value.functions  # type: ignore[union-attr]
    with linker.root() as root:
        with root.add_instance("test:values/types"):
            pass
        with root.add_instance(ECHO) as instance:
            for name in functions:
                instance.add_func(name, host(name))
    instance = linker.instantiate(store, Component.from_file(engine, str(folder / "values.wasm")))
    outer = instance.get_export_index(store, ECHO)
    live = instance.get_func(store, "live")
    assert live is not None
    for name, function in functions.items():
        index = instance.get_export_index(store, name, outer)
        called = None if index is None else instance.get_func(store, index)
        assert called is not None
        assert function.result is not None
        for _ in range(8):
            sent = [value_of(type_, choose) for type_ in function.parameter_types]
            replies[name] = value_of(function.result, choose)
            answer = called(store, *sent)
            assert plain(given) == plain(sent), name
            assert plain(answer) == plain(replies[name]), name
            assert live(store) == 0, name


@pytest.mark.parametrize("number", range(3))
def test_random_values_pass_in_both_directions(number: int, tmp_path: Path) -> None:
    check(number, tmp_path)


def main(arguments: list[str]) -> int:
    count = int(arguments[0]) if arguments else 20
    first = int(arguments[1]) if len(arguments) > 1 else 0
    for number in range(first, first + count):
        with tempfile.TemporaryDirectory() as folder:
            check(number, Path(folder))
    print(f"{count} packages of random types pass")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
