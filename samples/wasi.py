"""Runs a WASI command module under wasmtime, with this process's output and arguments; exits with its status."""

from __future__ import annotations

import sys

import wasmtime


def main(arguments: list[str]) -> int:
    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    configuration = wasmtime.WasiConfig()
    configuration.inherit_stdin()
    configuration.inherit_stdout()
    configuration.inherit_stderr()
    configuration.argv = arguments
    store = wasmtime.Store(engine)
    store.set_wasi(configuration)
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, arguments[0]))
    start = instance.exports(store)["_start"]
    assert isinstance(start, wasmtime.Func)
    try:
        start(store)
    except wasmtime.ExitTrap as status:
        return status.code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
