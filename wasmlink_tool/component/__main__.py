"""``python -m wasmlink_tool.component CORE.wasm -o OUT.wasm``: make a component of a core module.

``python -m wasmlink_tool.component bindings WIT --out-dir DIR`` writes the C bindings of a world.
"""

from __future__ import annotations

import argparse
import os
import sys

from ..files import read_input, reason, write_file
from .c_bindings import write_bindings
from .componentize import Options, componentize_pieces, read_adapter
from .core_module import is_module
from .errors import ComponentError
from .wasi_adapter import KINDS, wasi_adapters

_COMMAND = "python -m wasmlink_tool.component"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    return _bindings(words[1:]) if words[:1] == ["bindings"] else _componentize(words)


def _bindings(arguments: list[str]) -> int:
    """Write the C bindings of a world; return the exit status."""
    parser = argparse.ArgumentParser(prog=f"{_COMMAND} bindings", description="write the C bindings of a world")
    parser.add_argument("wit", metavar="WIT", help="a .wit file, or the directory of a package")
    parser.add_argument("--world", metavar="NAME", help="the world, if there are several")
    parser.add_argument("--out-dir", metavar="DIR", default=".", help="where to write the header and the source")
    given = parser.parse_args(arguments)
    try:
        write_bindings(given.wit, given.world, given.out_dir)
    except (ComponentError, OSError) as error:
        return _report(parser, error)
    return 0


def _report(parser: argparse.ArgumentParser, error: ComponentError | OSError) -> int:
    """Print an error; return the exit status."""
    text = f"{error.filename}: {reason(error)}" if isinstance(error, OSError) and error.filename else reason(error)
    print(f"{parser.prog}: error: {text}", file=sys.stderr)
    return 1


def _componentize(arguments: list[str]) -> int:
    """Make a component of a core module; return the exit status."""
    parser = argparse.ArgumentParser(prog=_COMMAND, description="make a component of a core module")
    parser.add_argument("module", metavar="CORE.wasm", help="a core module with component-type sections")
    parser.add_argument("-o", "--output", metavar="OUT.wasm", required=True, help="where to write the component")
    parser.add_argument(
        "--adapt",
        metavar="[NAME=]FILE",
        action="append",
        default=[],
        help="satisfy what the module imports of NAME with an adapter; NAME is FILE's up to its first dot",
    )
    parser.add_argument(
        "--wasi-adapter",
        metavar=f"{'|'.join(KINDS)}|FILE",
        nargs="?",
        const="",
        help="satisfy imports of WASI preview 1 with an installed adapter of that kind, or with FILE",
    )
    parser.add_argument(
        "--no-merge-imports-based-on-semver",
        action="store_true",
        help="keep imports of one interface in several compatible versions",
    )
    parser.add_argument(
        "--realloc-via-memory-grow", action="store_true", help="let adapters allocate by growing memory"
    )
    parser.add_argument("--reject-legacy-names", action="store_true", help="look only at core names of cm32p2")
    given = parser.parse_args(arguments)
    options = Options()
    options.merge_imports_based_on_semver = not given.no_merge_imports_based_on_semver
    options.realloc_via_memory_grow = given.realloc_via_memory_grow
    options.reject_legacy_names = given.reject_legacy_names
    try:
        module, _ = read_input(given.module, is_module)
        adapters = [read_adapter(text) for text in given.adapt]
        if given.wasi_adapter is not None:
            folder = os.path.dirname(os.path.abspath(given.module))
            adapters += wasi_adapters(module, given.wasi_adapter or None, folder, os.environ)
        pieces = componentize_pieces(module, adapters, options, given.module)
    except (ComponentError, OSError) as error:
        return _report(parser, error)
    try:
        write_file(given.output, pieces)
    except (OSError, ValueError) as error:
        return _report(parser, ComponentError(f"cannot write {given.output}: {reason(error)}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
