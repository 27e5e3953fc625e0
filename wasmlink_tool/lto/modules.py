"""The inputs and outputs of code generation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..binary.reader import FormatError
from ..diagnostics import FatalError
from ..inputs.bitcode import BitcodeFile


class SymbolResolution(NamedTuple):
    """The link's decision about one symbol of a module; :attr:`Module.resolutions` has one for each."""

    prevailing: bool
    """The module's definition prevails."""
    visible: bool
    """Something outside of the modules refers to it: it must exist, under its name."""
    redefined: bool
    """Its meaning changes after code generation (``--wrap``): the optimiser must conclude nothing from its body."""

    @property
    def letters(self) -> str:
        """Return the resolution as LLVM's tools write it."""
        return "p" * self.prevailing + "x" * self.visible + "r" * self.redefined


@dataclass(frozen=True)
class Module:
    """A bitcode file in the link."""

    name: str
    """The name in diagnostics."""
    identifier: str
    """The name in the names of wasm-ld's temporary files: distinct for members of the same name."""
    bitcode: BitcodeFile
    resolutions: Sequence[SymbolResolution]

    @property
    def is_thin(self) -> bool:
        """Whether it has a ThinLTO summary.

        :raises FatalError: the module is damaged.
        """
        try:
            return self.bitcode.is_thin
        except FormatError as error:
            raise FatalError(f"{self.name}: {error}") from None

    def parts(self) -> list[bytes]:
        """Return the modules of the file, each as a separate file.

        :raises FatalError: the file is damaged.
        """
        try:
            return self.bitcode.modules()
        except FormatError as error:
            raise FatalError(f"{self.name}: {error}") from None


@dataclass(frozen=True)
class CodeGeneration:
    """The options of code generation."""

    output: str
    """The path of the link's output, with which the names of temporary files begin."""
    position_independent: bool
    optimize: int = 2
    codegen_optimize: int = 2
    llvm_options: tuple[str, ...] = ()
    save_temps: bool = False
    verify: bool = True
    debug_pass_manager: bool = False
    jobs: str = ""
    inputs: tuple[str, ...] = ()
    """Files of the link that ``save_temps`` must not replace."""


class GeneratedObject(NamedTuple):
    name: str
    """wasm-ld's name for the object: the path at which ``--save-temps`` keeps it."""
    contents: bytes
