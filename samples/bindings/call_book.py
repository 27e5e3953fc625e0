"""Loads the plug-in, fills a book of it and reads the people back."""

from __future__ import annotations

import sys

import wasmtime
from wasmtime.component import Component, Linker, Record

DIRECTORY = "sample:people/directory@1.0.0"


def person(name: str, age: int) -> Record:
    made = Record()
    made.name, made.age = name, age  # type: ignore[attr-defined]
    return made


def log(store: wasmtime.Store, text: str) -> None:
    print(f"plug-in: {text}")


def main(path: str) -> int:
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    linker = Linker(engine)
    with linker.root() as root, root.add_instance("sample:people/host@1.0.0") as host:
        host.add_func("log", log)
    instance = linker.instantiate(store, Component.from_file(engine, path))
    directory = instance.get_export_index(store, DIRECTORY)

    def function(name: str) -> wasmtime.component.Func:
        index = instance.get_export_index(store, name, directory)
        assert index is not None
        found = instance.get_func(store, index)
        assert found is not None
        return found

    book = function("[constructor]book")(store)
    for who in (person("Ada", 36), person("Grace", 85)):
        function("[method]book.add")(store, book, who)
    people = function("[method]book.people")(store, book)
    book.drop(store)
    text = ", ".join(f"{who.name} {who.age}" for who in people)
    print(f"{text}: {sum(who.age for who in people)} years")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
