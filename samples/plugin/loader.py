"""Runs a main program with its plug-ins: ``loader.py MAIN PLUGIN…``. A small dynamic linker.

What a module of position-independent code asks of the one who loads it is in the tool conventions for dynamic linking:
https://github.com/WebAssembly/tool-conventions/blob/main/DynamicLinking.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import wasmtime
from wasmtime import Func, Global, GlobalType, Memory, Module, Table, ValType


@dataclass
class Needs:
    """The contents of the section ``dylink.0``."""

    memory_size: int = 0
    memory_alignment: int = 1
    table_size: int = 0
    libraries: list[str] = field(default_factory=list)


class Cursor:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.position]
            self.position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def bytes(self) -> bytes:
        size = self.number()
        self.position += size
        return self.data[self.position - size : self.position]

    def sections(self) -> Iterator[tuple[int, Cursor]]:
        while self.position < len(self.data):
            kind = self.number()
            yield kind, Cursor(self.bytes())


def needs_of(module: bytes) -> Needs:
    # The section is the first of the module.
    kind, section = next(Cursor(module[8:]).sections())
    if kind != 0 or section.bytes() != b"dylink.0":
        raise SystemExit("not a shared library")
    needs = Needs()
    for part, content in section.sections():
        if part == 1:
            needs.memory_size = content.number()
            needs.memory_alignment = 1 << content.number()
            needs.table_size = content.number()
        elif part == 2:
            needs.libraries = [content.bytes().decode() for _ in range(content.number())]
    return needs


class DynamicLinker:
    """Loads modules into the memory and the table of a main program."""

    def __init__(self, main: Path) -> None:
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        wasi = wasmtime.WasiConfig()
        wasi.inherit_stdout()
        self.store.set_wasi(wasi)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        exports = linker.instantiate(self.store, Module.from_file(engine, str(main))).exports(self.store)
        self.symbols: dict[str, Func | int] = {}
        """The definitions that modules can import: functions, and addresses of data."""
        self.common: dict[str, Memory | Table | Global] = {}
        """The memory and the table that all modules share."""
        for name, item in exports.items():
            if isinstance(item, Func):
                self.symbols[name] = item
            elif isinstance(item, Global) and name != "__stack_pointer":
                self.symbols[name] = item.value(self.store)
            elif isinstance(item, (Memory, Table, Global)):
                self.common[name] = item
        self.indices: dict[str, int] = {}
        self.loaded: dict[Path, dict[str, Func]] = {}
        self.call(self.symbols["_initialize"])

    def call(self, function: Func | int, *arguments: int) -> int:
        assert isinstance(function, Func)
        result: int = function(self.store, *arguments)
        return result

    def load(self, path: Path) -> dict[str, Func]:
        """The functions of a module, after the libraries that it needs have been loaded from its directory."""
        if path in self.loaded:
            return self.loaded[path]
        content = path.read_bytes()
        needs = needs_of(content)
        for library in needs.libraries:
            for name, function in self.load(path.parent / library).items():
                self.symbols.setdefault(name, function)

        data = self.call(self.symbols["reserve"], needs.memory_size, needs.memory_alignment) if needs.memory_size else 0
        table = self.common["__indirect_function_table"]
        assert isinstance(table, Table)
        bases = {"__memory_base": data, "__table_base": table.grow(self.store, needs.table_size, None)}

        module = Module(self.store.engine, content)
        later: dict[str, Global] = {}
        imports: list[Func | Memory | Table | Global] = []
        for wanted in module.imports:
            name = wanted.name or ""
            if wanted.module == "env" and name in bases:
                imports.append(Global(self.store, GlobalType(ValType.i32(), False), bases[name]))
            elif wanted.module == "env" and name in self.common:
                imports.append(self.common[name])
            elif wanted.module in ("GOT.mem", "GOT.func"):
                known = self.address(name) if name in self.symbols else 0
                entry = Global(self.store, GlobalType(ValType.i32(), True), known)
                imports.append(entry)
                if name not in self.symbols:
                    later[name] = entry
            else:
                symbol = self.symbols.get(name)
                if not isinstance(symbol, Func):
                    raise SystemExit(f"{path}: undefined symbol: {wanted.module}.{name}")
                imports.append(symbol)

        exports = wasmtime.Instance(self.store, module, imports).exports(self.store)
        functions = {name: item for name, item in exports.items() if isinstance(item, Func)}
        for name, item in exports.items():
            if isinstance(item, Global):
                self.symbols.setdefault(name, data + item.value(self.store))
        for name, entry in later.items():
            # A module's own symbols are among those that it asks for.
            if name in functions:
                self.symbols.setdefault(name, functions[name])
            if name not in self.symbols:
                raise SystemExit(f"{path}: undefined symbol: {name}")
            entry.set_value(self.store, self.address(name))
        for name in ("__wasm_apply_data_relocs", "__wasm_call_ctors"):
            if name in functions:
                self.call(functions.pop(name))
        self.loaded[path] = functions
        return functions

    def address(self, name: str) -> int:
        """Return the address of data; for a function, its index in the table."""
        symbol = self.symbols[name]
        if isinstance(symbol, int):
            return symbol
        if name not in self.indices:
            table = self.common["__indirect_function_table"]
            assert isinstance(table, Table)
            self.indices[name] = table.grow(self.store, 1, symbol)
        return self.indices[name]


def main(program: str, *plugins: str) -> None:
    linker = DynamicLinker(Path(program))
    for plugin in plugins:
        linker.call(linker.load(Path(plugin))["start_plugin"])
    linker.call(linker.symbols["run"])


if __name__ == "__main__":
    main(*sys.argv[1:])
