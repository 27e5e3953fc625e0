"""A loader for position-independent modules, as much of one as the tests need."""

from __future__ import annotations


def run_at(module: bytes, base: int, calls: list[str]) -> dict[str, object]:
    """Call exports of a module that is loaded at address ``base``."""
    import wasmtime  # only tests that run a module need it

    store = wasmtime.Store()
    compiled = wasmtime.Module(store.engine, module)
    provided: list[wasmtime.Global | wasmtime.Memory | wasmtime.Table] = []
    for entry in compiled.imports:
        kind = entry.type
        if isinstance(kind, wasmtime.GlobalType):
            value = {"__memory_base": base, "__stack_pointer": 1 << 16}.get(entry.name or "", 0)
            provided.append(wasmtime.Global(store, kind, wasmtime.Val.i32(value)))
        elif isinstance(kind, wasmtime.MemoryType):
            provided.append(wasmtime.Memory(store, kind))
        elif isinstance(kind, wasmtime.TableType):
            provided.append(wasmtime.Table(store, kind, None))
    exports = wasmtime.Instance(store, compiled, provided).exports(store)
    for name in ("__wasm_apply_data_relocs", "__wasm_call_ctors"):
        if name in exports:
            function = exports[name]
            assert isinstance(function, wasmtime.Func)
            function(store)
    found = {}
    for call in calls:
        name, _, arguments = call.rstrip(")").partition("(")
        function = exports[name]
        assert isinstance(function, wasmtime.Func)
        found[call] = function(store, *map(int, filter(None, arguments.split(","))))
    return found
