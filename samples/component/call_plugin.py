"""Load the plug-in and call it, with a Python function for the one that the plug-in imports."""

from __future__ import annotations

import sys

import wasmtime
from wasmtime.component import Component, Linker


def log(store: wasmtime.Store, text: str) -> None:
    print(f"plug-in: {text}")


def main(path: str) -> int:
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    linker = Linker(engine)
    with linker.root() as root, root.add_instance("sample:plugin/host@1.0.0") as host:
        host.add_func("log", log)
    instance = linker.instantiate(store, Component.from_file(engine, path))
    twice = instance.get_func(store, "twice")
    assert twice is not None
    print(twice(store, 21))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
