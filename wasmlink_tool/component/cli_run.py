"""A module that exports ``wasi:cli/run`` for a program with a main function.

A command's adapter does that. A program whose adapter is one for reactors, or that needs none, gets this module
instead, which calls the program's ``_start``.
"""

from __future__ import annotations

from ..binary.constants import MAGIC, VERSION, SectionId
from ..binary.leb128 import uleb
from .component_writer import PREAMBLE, encode_name, encode_text
from .core_names import MAIN_MODULE
from .helper_modules import name_section, section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

NAME: Final = "wasmlink:run"
START: Final = "_start"
INTERFACE: Final = "wasi:cli/run"

_CALL_START: Final = b"\0\x10\0\x41\0\x0b"
"""No locals; call function 0; 0, which is ``ok``."""


def run_module(version: str) -> bytes:
    """Return the module, for that version of ``wasi:cli``."""
    interface = f"{INTERFACE}@{version}"
    start = encode_text(MAIN_MODULE) + encode_text(START) + b"\0\0"
    run = encode_text(f"{interface}#run") + b"\0\1"
    return b"".join(
        [
            MAGIC,
            VERSION,
            section(SectionId.TYPE, [b"\x60\0\0", b"\x60\0\1\x7f"]),
            section(SectionId.IMPORT, [start]),
            section(SectionId.FUNCTION, [b"\1"]),
            section(SectionId.EXPORT, [run]),
            section(SectionId.CODE, [uleb(len(_CALL_START)) + _CALL_START]),
            name_section(NAME, {1: "run"}),
            _custom("component-type", _description(interface)),
        ]
    )


def _custom(name: str, body: bytes) -> bytes:
    contents = encode_text(name) + body
    return b"\0" + uleb(len(contents)) + contents


def _description(interface: str) -> bytes:
    """Return a world that exports ``interface`` with ``run: func() -> result``."""
    run = b"\x42\3" + b"\1\x6a\0\0" + b"\1\x40\0\0\0" + b"\4" + encode_name("run") + b"\1\1"
    world = b"\x41\2" + b"\1" + run + b"\4" + encode_name(interface) + b"\5\0"
    package = b"\x41\2" + b"\1" + world + b"\4" + encode_name("wasmlink:run/command") + b"\4\0"
    return b"".join(
        [
            PREAMBLE,
            _custom("wit-component-encoding", b"\4\0"),
            section(7, [package]),
            section(11, [encode_name("command") + b"\3\0\0"]),
        ]
    )
