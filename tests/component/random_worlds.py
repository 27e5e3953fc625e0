"""Random worlds, encoded by the linker and by the reference.

``python -m tests.component.random_worlds COUNT [FIRST [async]]``: ``wasm-tools wit-smith`` makes a package of random
bytes, and ``component embed`` a module that imports and exports all that one of its worlds has; with ``async``, of
worlds with asynchronous functions, streams and futures. The worlds of numbers FIRST and above are compared, and those
that differ are printed and left in a folder.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.component import reference
from wasmlink_tool.component import componentize

_OPTIONS = ("--world-include", "--fixed-length-lists", "--implements")
_ASYNC_OPTIONS = ("--async", "--streams", "--futures")


def modules(number: int, folder: Path, smallest: int = 700, *, is_async: bool = False) -> Iterator[bytes]:
    """Make the modules of one random package: none if its worlds are small."""
    choose = random.Random(number)
    seed = folder / "seed"
    seed.write_bytes(choose.randbytes(choose.choice([20_000, 60_000, 120_000])))
    options = [option for option in _OPTIONS if choose.random() < 0.3]
    if is_async:
        options += [option for option in _ASYNC_OPTIONS if choose.random() < 0.8]
    package = folder / "package.wasm"
    reference.run("wit-smith", *options, seed, "-o", package)
    described = json.loads(reference.run("component", "wit", package, "--json"))
    worlds = [world for world in described["worlds"] if world["imports"] or world["exports"]]
    choose.shuffle(worlds)
    for world in worlds[:2]:
        base, at, version = described["packages"][world["package"]]["name"].partition("@")
        names = choose.choice(["legacy", "legacy", "legacy", "standard32"])
        encoding = choose.choice(["utf8", "utf8", "utf16", "compact-utf16"])
        abi: list[str] = []
        if is_async:
            # The reference takes the strings in streams of a world's own functions to be UTF-8 in any case.
            names, encoding = "legacy", "utf8"
            abi = choose.choice([[], ["--async-callback"], ["--async-stackful"]])
        try:
            module = reference.dummy_module(
                package.read_bytes(),
                folder,
                f"{base}/{world['name']}{at}{version}",
                names=names,
                encoding=encoding,
                options=abi,
            )
        except reference.RefusedError:
            continue
        if len(module) >= choose.choice([300, smallest, smallest]):
            yield module


def compared(
    first: int, count: int, folder: Path, *, is_async: bool = False
) -> Iterator[tuple[int, bytes, bytes, bytes]]:
    """Yield ``count`` random modules from package ``first`` on: package, module, our component, the reference's."""
    number = first
    while count:
        try:
            for module in modules(number, folder, is_async=is_async):
                if count:
                    ours = reference.strip(componentize(module))
                    yield number, module, ours, reference.strip(reference.component(module, folder))
                    count -= 1
        except reference.RefusedError:
            pass
        number += 1


def main(arguments: list[str]) -> int:
    count = int(arguments[0]) if arguments else 200
    first = int(arguments[1]) if len(arguments) > 1 else 0
    equal = different = 0
    with tempfile.TemporaryDirectory() as work:
        for number, module, ours, theirs in compared(first, count, Path(work), is_async="async" in arguments):
            if ours == theirs:
                equal += 1
                continue
            different += 1
            left = Path(tempfile.mkdtemp(prefix=f"world-{number}-"))
            (left / "module.wasm").write_bytes(module)
            (left / "ours.wasm").write_bytes(ours)
            (left / "reference.wasm").write_bytes(theirs)
            print(f"package {number} differs: {left}")
    print(f"{equal} equal, {different} different")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
