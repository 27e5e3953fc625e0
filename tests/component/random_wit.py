"""Random WIT with what wit-smith seldom makes: interfaces that use each other's types and resources, imported and
exported at once, in several versions; and modules with the descriptions of several worlds.

``python -m tests.component.random_wit COUNT [FIRST]`` compares components of such modules with the reference's.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.component import reference
from wasmlink_tool.binary.leb128 import uleb
from wasmlink_tool.component import ComponentError, componentize
from wasmlink_tool.component.component_writer import encode_text
from wasmlink_tool.component.core_module import read_sections
from wasmlink_tool.component.descriptions import is_description

PRIMITIVES = ["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "char", "bool", "string"]


class Writer:
    """Writes one package."""

    def __init__(self, number: int) -> None:
        self.random = random.Random(number)
        self.types: dict[str, list[tuple[str, bool]]] = {}
        """The names of each interface, and whether they are resources."""
        self.count = 0

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def value(self, known: list[tuple[str, bool]], depth: int = 0, borrows: bool = False) -> str:
        choose = self.random
        kind = choose.randrange(12 if depth < 3 else 3)
        if kind < 2 and known:
            name, is_resource = choose.choice(known)
            if is_resource and borrows and choose.random() < 0.5:
                return f"borrow<{name}>"
            return name
        if kind < 5:
            return choose.choice(PRIMITIVES)

        def part() -> str:
            return self.value(known, depth + 1, borrows)

        if kind == 5:
            return f"list<{part()}>"
        if kind == 6:
            return f"option<{part()}>"
        if kind == 7:
            ok, error = choose.choice(["_", part()]), choose.choice(["", part()])
            return f"result<{ok}, {error}>" if error else ("result" if ok == "_" else f"result<{ok}>")
        if kind == 8:
            return f"tuple<{', '.join(part() for _ in range(choose.randint(1, 4)))}>"
        return f"list<{part()}>" if kind == 9 else f"option<{choose.choice(PRIMITIVES)}>"

    def parameters(self, known: list[tuple[str, bool]]) -> str:
        count = self.random.choice([0, 1, 1, 2, 3, 9])
        return ", ".join(f"p{i}: {self.value(known, 1, True)}" for i in range(count))

    def function(self, known: list[tuple[str, bool]]) -> str:
        result = f" -> {self.value(known, 1)}" if self.random.random() < 0.6 else ""
        return f"func({self.parameters(known)}){result}"

    def declarations(self, known: list[tuple[str, bool]], count: int) -> Iterator[str]:
        """Declare types; ``known`` grows."""
        choose = self.random
        for _ in range(count):
            kind = choose.randrange(7)
            name = self.name("t")
            if kind == 0:
                fields = ", ".join(f"f{i}: {self.value(known, 1)}" for i in range(choose.randint(1, 4)))
                yield f"record {name} {{ {fields} }}"
            elif kind == 1:
                cases = ", ".join(
                    f"c{i}" + (f"({self.value(known, 1)})" if choose.random() < 0.6 else "")
                    for i in range(choose.randint(1, 4))
                )
                yield f"variant {name} {{ {cases} }}"
            elif kind == 2:
                yield f"{choose.choice(['flags', 'enum'])} {name} {{ a, b, c }}"
            elif kind in (3, 4):
                yield f"type {name} = {self.value(known)};"
                # An alias of a resource is one too, and may not be told from a value here.
                continue
            else:
                body = [f"{self.name('m')}: {choose.choice(['', 'static '])}{self.function([*known, (name, True)])};"
                        for _ in range(choose.randint(0, 3))]  # fmt: skip
                if choose.random() < 0.5:
                    body.insert(0, f"constructor({self.parameters(known)});")
                yield f"resource {name} {{ {' '.join(body)} }}"
                known.append((name, True))
                continue
            known.append((name, False))

    def uses(self, known: list[tuple[str, bool]], package: str = "") -> Iterator[str]:
        choose = self.random
        for other in list(self.types):
            if self.types[other] and choose.random() < 0.4:
                picked = choose.sample(self.types[other], min(len(self.types[other]), choose.randint(1, 3)))
                parts: list[str] = []
                for name, is_resource in picked:
                    renamed = self.name("u") if choose.random() < 0.4 else name
                    if any(renamed == there for there, _ in known):
                        continue
                    parts.append(name if renamed == name else f"{name} as {renamed}")
                    known.append((renamed, is_resource))
                if parts:
                    yield f"use {package}{other}.{{{', '.join(parts)}}};"

    def interface(self, name: str) -> str:
        known: list[tuple[str, bool]] = []
        lines = list(self.uses(known))
        lines += self.declarations(known, self.random.randint(0, 4))
        lines += [f"{self.name('f')}: {self.function(known)};" for _ in range(self.random.randint(0, 4))]
        self.types[name] = known
        return f"interface {name} {{\n  " + "\n  ".join(lines) + "\n}\n"

    def world(self, name: str) -> str:
        choose = self.random
        known: list[tuple[str, bool]] = []
        lines: list[str] = []
        interfaces = list(self.types)
        lines += [f"import {other};" for other in interfaces if choose.random() < 0.5]
        if choose.random() < 0.5:
            lines += self.uses(known)
            lines += list(self.declarations(known, choose.randint(0, 2)))
        lines += [f"import {self.name('i')}: {self.function(known)};" for _ in range(choose.randint(0, 2))]
        lines += [f"export {other};" for other in interfaces if choose.random() < 0.5]
        lines += [f"export {self.name('e')}: {self.function(known)};" for _ in range(choose.randint(0, 2))]
        if choose.random() < 0.2 and interfaces:
            lines.append(f"import {self.name('l')}: {choose.choice(interfaces)};")
        if choose.random() < 0.2:
            inside: list[tuple[str, bool]] = []
            body = [*self.declarations(inside, 1), f"f: {self.function(inside)};"]
            lines.append(f"{choose.choice(['import', 'export'])} {self.name('l')}: interface {{ {' '.join(body)} }}")
        choose.shuffle(lines)
        return f"world {name} {{\n  " + "\n  ".join(lines) + "\n}\n"

    def package(self) -> str:
        version = self.random.choice(["", "@1.2.3", "@0.2.5", "@0.0.1"])
        text = f"package test:random{version};\n"
        for i in range(self.random.randint(1, 6)):
            text += self.interface(f"x{i}")
        text += self.world("first") + self.world("second")
        return text + "world w { include first; }\nworld both { include first; include second; }\n"


def description_of(module: bytes) -> bytes:
    """The payload of a module's description."""
    section = next(section for section in read_sections(module) if is_description(section.name))
    return module[section.body : section.end]


def with_descriptions(module: bytes, payloads: list[bytes]) -> bytes:
    """A module whose description is replaced by others."""
    out = module
    for section in read_sections(module):
        if is_description(section.name):
            out = module[: section.start] + module[section.end :]
    for payload in payloads:
        body = encode_text("component-type") + payload
        out += b"\0" + uleb(len(body)) + body
    return out


def modules(number: int, folder: Path) -> Iterator[bytes]:
    """Make the modules of one random package."""
    writer = Writer(number)
    text = writer.package()
    choose = writer.random
    names = choose.choice(["legacy", "legacy", "standard32"])
    encoding = choose.choice(["utf8", "utf16", "compact-utf16"])
    made: dict[str, bytes] = {}
    for world in ("first", "second", "both"):
        try:
            made[world] = reference.dummy_module(text, folder, world, names=names, encoding=encoding)
        except reference.RefusedError:
            continue
    yield from made.values()
    if len(made) == 3:
        parts = [description_of(made["first"]), description_of(made["second"])]
        yield with_descriptions(made["both"], parts)
        yield with_descriptions(made["both"], parts[::-1])


def outcome(module: bytes, folder: Path) -> tuple[bytes, bytes, str]:
    """Our component, the reference's (empty where it is refused), and what was said."""
    ours = theirs = b""
    said: list[str] = []
    try:
        ours = reference.strip(componentize(module))
    except ComponentError as error:
        said.append(f"ours: {error}")
    try:
        theirs = reference.strip(reference.component(module, folder))
    except reference.RefusedError as error:
        said.append(f"theirs: {error}")
    return ours, theirs, " ".join(said)


def main(arguments: list[str]) -> int:
    count = int(arguments[0]) if arguments else 100
    first = int(arguments[1]) if len(arguments) > 1 else 0
    equal = refused = different = 0
    with tempfile.TemporaryDirectory() as work:
        for number in range(first, first + count):
            for place, module in enumerate(modules(number, Path(work))):
                ours, theirs, said = outcome(module, Path(work))
                if ours == theirs:
                    equal += bool(ours)
                    refused += not ours
                    continue
                different += 1
                left = Path(tempfile.mkdtemp(prefix=f"wit-{number}-{place}-"))
                (left / "module.wasm").write_bytes(module)
                (left / "ours.wasm").write_bytes(ours)
                (left / "reference.wasm").write_bytes(theirs)
                print(f"{number}, module {place}: {left} {said}")
    print(f"{equal} equal, {refused} refused by both, {different} different")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
