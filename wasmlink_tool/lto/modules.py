"""What goes into code generation, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..binary.reader import FormatError
from ..diagnostics import FatalError
from ..inputs.bitcode import BitcodeFile


class SymbolResolution(NamedTuple):
    """What the link decided about one symbol of a module; :attr:`Module.resolutions` has one for each."""

    prevailing: bool
    """The module's definition is the one that the program uses."""
    visible: bool
    """Something outside of the modules refers to it: it must be there, under its name."""
    redefined: bool
    """Its meaning changes after code generation (``--wrap``): nothing may be concluded from its body."""

    @property
    def letters(self) -> str:
        """The resolution as LLVM's tools write it."""
        return "p" * self.prevailing + "x" * self.visible + "r" * self.redefined


@dataclass(frozen=True)
class Module:
    """A bitcode file that is linked."""

    name: str
    """As diagnostics have it."""
    identifier: str
    """As wasm-ld calls it when it keeps temporary files: distinct for members of the same name."""
    bitcode: BitcodeFile
    resolutions: Sequence[SymbolResolution]

    @property
    def is_thin(self) -> bool:
        """Whether it carries a summary for ThinLTO.

        :raises FatalError: the module is damaged.
        """
        try:
            return self.bitcode.is_thin
        except FormatError as error:
            raise FatalError(f"{self.name}: {error}") from None

    def parts(self) -> list[bytes]:
        """The modules of the file, each as a file of its own.

        :raises FatalError: the file is damaged.
        """
        try:
            return self.bitcode.modules()
        except FormatError as error:
            raise FatalError(f"{self.name}: {error}") from None


@dataclass(frozen=True)
class CodeGeneration:
    """How to generate code."""

    output: str
    """The path of the link's output, which the names of temporary files begin with."""
    position_independent: bool
    optimize: int = 2
    codegen_optimize: int = 2
    llvm_options: tuple[str, ...] = ()
    save_temps: bool = False
    verify: bool = True
    debug_pass_manager: bool = False
    jobs: str = ""


class GeneratedObject(NamedTuple):
    name: str
    """What wasm-ld calls the object: the path at which ``--save-temps`` keeps it."""
    contents: bytes
