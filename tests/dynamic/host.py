"""A dynamic linker on wasmtime: loads a position-independent program and the libraries that it needs, for 32 and 64
bits.

https://github.com/WebAssembly/tool-conventions/blob/main/DynamicLinking.md says what such modules ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import wasmtime
from wasmtime import Func, Global, GlobalType, ValType

from wasmlink_tool.binary.reader import Reader

PAGES = 16
STACK = 65536
COMMON = """
(module
  (memory (export "memory") {index} {pages})
  (table (export "__indirect_function_table") {index} 1 funcref)
  (global (export "__stack_pointer") (mut {pointer}) ({pointer}.const {stack}))
  (func (export "grow") (param {pointer}) (result {pointer}) (table.grow 0 (ref.null func) (local.get 0)))
  (func (export "set") (param {pointer} funcref) (table.set 0 (local.get 0) (local.get 1))))
"""
OWN = ("__wasm_apply_data_relocs", "__wasm_call_ctors")
WEAK = 1


@dataclass
class Needs:
    """The contents of the section ``dylink.0``."""

    memory_size: int = 0
    memory_alignment: int = 1
    table_size: int = 0
    libraries: list[str] = field(default_factory=list)
    weak: set[tuple[str, str]] = field(default_factory=set)
    """(module, name) of imports that may be missing."""
    paths: list[str] = field(default_factory=list)


def needs_of(module: bytes) -> Needs:
    reader = Reader(module, 8, len(module))
    assert reader.u8() == 0
    reader.end = reader.uleb() + reader.pos
    assert reader.name() == b"dylink.0"
    needs = Needs()
    while reader.pos < reader.end:
        kind, size = reader.u8(), reader.uleb()
        after = reader.pos + size
        if kind == 1:
            needs.memory_size, alignment, needs.table_size, _ = (reader.uleb() for _ in range(4))
            needs.memory_alignment = 1 << alignment
        elif kind == 2:
            needs.libraries = [reader.name().decode() for _ in range(reader.uleb())]
        elif kind == 4:
            for _ in range(reader.uleb()):
                name = reader.name().decode(), reader.name().decode()
                if reader.uleb() & WEAK:
                    needs.weak.add(name)
        elif kind == 5:
            needs.paths = [reader.name().decode() for _ in range(reader.uleb())]
        reader.pos = after
    return needs


class DynamicLinker:
    """One address space: a memory, a table, and the modules that share them."""

    def __init__(self, libraries: Mapping[str, bytes], *, bits: int) -> None:
        self.libraries = libraries
        self.pointer = ValType.i64() if bits == 64 else ValType.i32()
        self.store = wasmtime.Store()
        wide = {"index": "i64" if bits == 64 else "", "pointer": f"i{bits}"}
        common = wasmtime.Module(self.store.engine, COMMON.format(pages=PAGES, stack=STACK, **wide))
        exports = wasmtime.Instance(self.store, common, []).exports(self.store)
        self.common = {
            name: item for name, item in exports.items() if isinstance(item, (wasmtime.Memory, wasmtime.Table, Global))
        }
        self.grow, self.set = (function for function in exports.values() if isinstance(function, Func))
        self.end = STACK
        """The end of the used part of the memory."""
        self.symbols: dict[str, Func | int] = {}
        """The definitions of all modules; the first loaded module wins."""
        self.addresses: dict[str, int] = {}
        """The table index of each function."""
        self.later: list[tuple[str, str, Global, bool]] = []
        """Entries of global offset tables, and whether each may stay 0."""
        self.loaded: dict[str, dict[str, Func]] = {}

    def load(self, name: str, module: bytes) -> None:
        """Instantiate a module, then what it needs; :meth:`start` makes them ready."""
        needs = needs_of(module)
        alignment = needs.memory_alignment
        memory_base = -(-self.end // alignment) * alignment
        self.end = memory_base + needs.memory_size
        table_base = self.grow(self.store, needs.table_size)
        bases = {"__memory_base": memory_base, "__table_base": table_base}
        compiled = wasmtime.Module(self.store.engine, module)
        imports: list[Func | Global | wasmtime.Memory | wasmtime.Table] = []
        for wanted in compiled.imports:
            imported = wanted.name or ""
            if imported in bases:
                imports.append(self.constant(bases[imported], mutable=False))
            elif imported in self.common:
                imports.append(self.common[imported])
            elif wanted.module in ("GOT.mem", "GOT.func"):
                entry = self.constant(0, mutable=True)
                self.later.append((wanted.module, imported, entry, ("env", imported) in needs.weak))
                imports.append(entry)
            else:
                assert wanted.module == "env"
                assert isinstance(wanted.type, wasmtime.FuncType)
                imports.append(Func(self.store, wanted.type, self.call_by_name(imported)))
        exports = wasmtime.Instance(self.store, compiled, imports).exports(self.store)
        self.loaded[name] = {}
        for exported, item in exports.items():
            if isinstance(item, Func) and exported in OWN:
                self.loaded[name][exported] = item
            elif isinstance(item, Func):
                self.symbols.setdefault(exported, item)
            elif isinstance(item, Global):
                self.symbols.setdefault(exported, memory_base + item.value(self.store))
        for library in needs.libraries:
            if library not in self.loaded:
                self.load(library, self.libraries[library])

    def constant(self, value: int, *, mutable: bool) -> Global:
        return Global(self.store, GlobalType(self.pointer, mutable), value)

    def call_by_name(self, name: str) -> Callable[..., object]:
        """A function for a module to import before it is known which one it will be."""

        def call(*arguments: object) -> object:
            function = self.symbols[name]
            assert isinstance(function, Func), name
            return function(self.store, *arguments)

        return call

    def address(self, name: str) -> int:
        symbol = self.symbols[name]
        if isinstance(symbol, int):
            return symbol
        if name not in self.addresses:
            self.addresses[name] = self.grow(self.store, 1)
            self.set(self.store, self.addresses[name], symbol)
        return self.addresses[name]

    def start(self) -> None:
        """Fill in addresses, relocate data, then construct: libraries before those that need them."""
        for module, name, entry, weak in self.later:
            if name in self.symbols:
                assert isinstance(self.symbols[name], int) is (module == "GOT.mem")
                entry.set_value(self.store, self.address(name))
            else:
                assert weak, name
        for own in OWN:
            for functions in reversed(self.loaded.values()):
                if own in functions:
                    functions[own](self.store)

    def call(self, words: str) -> object:
        """The result of a function's name and its arguments."""
        name, *arguments = words.split()
        function = self.symbols[name]
        assert isinstance(function, Func)
        return function(self.store, *map(int, arguments))
