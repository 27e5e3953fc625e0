"""Run a WASI command under wasmtime: ``python -m wasmlink_tool.run MODULE [ARGUMENT...]``.

The program gets this process's standard streams and environment, and the working directory unless ``--dir`` names
others. Modules of preview 1 (``_start``) and components (``wasi:cli/run``) both run. The ``wasmtime`` package must be
installed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    import wasmtime

STATUS_TRAP = 134
"""The exit status of a program that trapped: that of a shell for SIGABRT, and of the ``wasmtime`` command."""
STATUS_UNUSABLE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a program; return its exit status."""
    options = _parser().parse_args(arguments)
    options.dir = options.dir or ["."]
    try:
        import wasmtime
    except ImportError:
        return _fail("the wasmtime package is not installed: pip install wasmtime")
    try:
        with open(options.module, "rb") as file:
            data = file.read()
    except OSError as error:
        return _fail(f"cannot open {options.module}: {error.strerror}")
    for directory in options.dir:
        if not os.path.isdir(directory.partition("::")[0]):
            return _fail(f"--dir={directory}: there is no such directory")
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    try:
        store.set_wasi(_configuration(options))
        if data[4:8] == b"\x0d\0\1\0":
            return _run_component(engine, store, data, options.module)
        return _run_module(engine, store, data, options.module)
    except wasmtime.ExitTrap as status:
        return int(status.code)
    except wasmtime.Trap as trap:
        sys.stdout.flush()
        print(f"{options.module}: {trap}", file=sys.stderr)
        return STATUS_TRAP
    except wasmtime.WasmtimeError as error:
        return _fail(f"{options.module}: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m wasmlink_tool.run", description="Run a WASI command under wasmtime."
    )
    parser.add_argument(
        "--dir",
        action="append",
        metavar="HOST[::GUEST]",
        help="give the program this directory, by the name GUEST, in place of the working directory (may be repeated)",
    )
    parser.add_argument(
        "--env", action="append", default=[], metavar="NAME=VALUE", help="set a variable besides the process's own"
    )
    parser.add_argument("module", metavar="MODULE", help="a WASI command: a module or a component")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="the program's own")
    return parser


def _configuration(options: argparse.Namespace) -> wasmtime.WasiConfig:
    import wasmtime

    configuration = wasmtime.WasiConfig()
    configuration.inherit_stdin()
    configuration.inherit_stdout()
    configuration.inherit_stderr()
    configuration.argv = [options.module, *options.arguments]
    variables = {**os.environ, **dict(setting.partition("=")[::2] for setting in options.env)}
    configuration.env = [(name, value) for name, value in variables.items() if _is_text(name + value)]
    for directory in options.dir:
        host, _, guest = directory.partition("::")
        configuration.preopen_dir(host, guest or host)
    return configuration


def _is_text(value: str) -> bool:
    """Return whether ``value`` can be passed to a program: its bytes are UTF-8."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _run_module(engine: wasmtime.Engine, store: wasmtime.Store, data: bytes, name: str) -> int:
    import wasmtime

    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    instance = linker.instantiate(store, wasmtime.Module(engine, data))
    start = instance.exports(store).get("_start")
    if not isinstance(start, wasmtime.Func):
        return _fail(f"{name} is not a WASI command: it does not export the function _start")
    start(store)
    return 0


def _run_component(engine: wasmtime.Engine, store: wasmtime.Store, data: bytes, name: str) -> int:
    try:
        from wasmtime import component
    except ImportError:
        return _fail(f"{name} is a component, which needs wasmtime 39 or newer: pip install --upgrade wasmtime")
    linker = component.Linker(engine)
    linker.add_wasip2()
    program = component.Component(engine, data)
    instance = linker.instantiate(store, program)
    interface = next((export for export in program.type.exports(engine) if export.startswith("wasi:cli/run@")), None)
    index = None if interface is None else instance.get_export_index(store, interface)
    run = None if index is None else instance.get_export_index(store, "run", index)
    function = None if run is None else instance.get_func(store, run)
    if function is None:
        return _fail(f"{name} is not a WASI command: it does not export wasi:cli/run")
    result = function(store)
    return 1 if isinstance(result, component.Variant) and result.tag == "err" else 0


def _fail(message: str) -> int:
    print(f"wasmlink_tool.run: error: {message}", file=sys.stderr)
    return STATUS_UNUSABLE


if __name__ == "__main__":
    sys.exit(main())
