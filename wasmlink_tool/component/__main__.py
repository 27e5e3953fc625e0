"""``python -m wasmlink_tool.component CORE.wasm -o OUT.wasm``: make a component of a core module."""

from __future__ import annotations

import argparse
import os
import sys

from ..files import replace_file
from .componentize import Options, componentize_pieces, read_adapter
from .errors import ComponentError
from .wasi_adapter import KINDS, wasi_adapters


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m wasmlink_tool.component", description=__doc__)
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
        with open(given.module, "rb") as file:
            module = file.read()
        adapters = [read_adapter(text) for text in given.adapt]
        if given.wasi_adapter is not None:
            folder = os.path.dirname(os.path.abspath(given.module))
            adapters += wasi_adapters(module, given.wasi_adapter or None, folder, os.environ)
        replace_file(given.output, componentize_pieces(module, adapters, options, given.module))
    except (ComponentError, OSError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        print(f"{parser.prog}: error: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
