"""Calls a function of the module, which calls back for each prime that it finds."""

from __future__ import annotations

import sys

import wasmtime


def main(module: str) -> None:
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    linker = wasmtime.Linker(engine)
    primes: list[int] = []
    linker.define_func("host", "found", wasmtime.FuncType([wasmtime.ValType.i32()], []), primes.append)
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, module))
    count_primes = instance.exports(store)["count_primes"]
    assert isinstance(count_primes, wasmtime.Func)
    print(f"{count_primes(store, 30)} primes: {primes}")


if __name__ == "__main__":
    main(sys.argv[1])
