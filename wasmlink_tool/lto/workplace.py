"""The directory in which compilers work."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from ..diagnostics import Diagnostics, FatalError
from ..files import is_replaced, reason, replace_file, takes_name
from ..toolchain.lto import Compiler, run
from .modules import CodeGeneration, Module

_NAMED = 3
"""The maximum number of bitcode files that an error about all of them lists."""

_BROKEN_IN_LTO2 = "LLVM ERROR: Broken module found"
_BROKEN_IN_CLANG = "invalid LLVM IR input"


class Workplace:
    """Files for a compiler, with plain names for modules, whose own names may contain anything.

    The compiler's messages are passed on.
    """

    def __init__(
        self,
        directory: str,
        compiler: Compiler,
        modules: Sequence[Module],
        settings: CodeGeneration,
        diagnostics: Diagnostics,
    ) -> None:
        self.directory = directory
        self.compiler = compiler
        self.modules = modules
        self.settings = settings
        self._diagnostics = diagnostics
        self.names = [f"module{number}.bc" for number in range(len(modules))]
        """The modules' files, in order."""
        for name, module in zip(self.names, modules):
            self.write(name, module.bitcode.contents)

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def write(self, name: str, contents: bytes) -> None:
        with open(self.path(name), "wb") as file:
            file.write(contents)

    def read(self, name: str) -> bytes:
        """:raises FatalError: the compiler did not write the file."""
        try:
            with open(self.path(name), "rb") as file:
                return file.read()
        except OSError:
            raise FatalError(self._failure(0, f"{self.compiler.shown} wrote no object")) from None

    def keep(self, name: str, path: str) -> None:
        """``--save-temps``: copy a file out of the directory."""
        try:
            with open(self.path(name), "rb") as file:
                contents = file.read()
            if not is_replaced(path):
                # The user did not choose the name: nobody reads from a pipe of that name.
                raise FatalError(f"--save-temps: cannot write {path}: not a regular file")
            replaced = next((file for file in self.settings.inputs if takes_name(path, file)), None)
            if replaced is not None:
                raise FatalError(f"--save-temps: {path} would replace an input of the link: {replaced}")
            replace_file(path, [contents])
        except (OSError, ValueError) as error:
            raise FatalError(f"--save-temps: cannot write {path}: {reason(error)}") from None

    def run(self, *arguments: str) -> None:
        """Run the compiler.

        :raises FatalError: it failed.
        """
        done = run(self.compiler.command, arguments, directory=self.directory)
        message = self._shown(done.stderr)
        if done.returncode:
            raise FatalError(self._failure(done.returncode, message), (*self._versions(), *self._verifier(message)))
        for line in message.splitlines():
            # llvm-lto2 does not mark warnings as such.
            if line.startswith("warning: ") or (self.compiler.is_lto2 and not self.settings.debug_pass_manager):
                self._diagnostics.warn(line.removeprefix("warning: "))
            else:
                self._diagnostics.message(line)

    def _failure(self, status: int, message: str) -> str:
        """Return the error for a failure of the compiler. It names a bitcode file, or all of them if the compiler names
        none."""
        names = [module.name for module in self.modules]
        if _BROKEN_IN_LTO2 in message:
            # A compiler that crashed was ended by a signal.
            message = f"invalid LLVM IR input: {message[: message.index(_BROKEN_IN_LTO2)].strip()}"
        elif status < 0 or "PLEASE submit a bug report" in message:
            outcome = f"signal {-status}" if status < 0 else f"status {status}"
            message = f"{self.compiler.shown} crashed ({outcome})"
        elif not message:
            message = f"{self.compiler.shown} failed with status {status}"
        elif any(name in message for name in names):
            return message
        shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        return f"{shown}: {message}"

    def _verifier(self, message: str) -> tuple[str, ...]:
        """Return the line under a module that LLVM's verifier rejects although ``--disable-verify`` was given."""
        if self.settings.verify or not (_BROKEN_IN_LTO2 in message or _BROKEN_IN_CLANG in message):
            return ()
        return (f"{self.compiler.shown} verifies its input whatever its options: --disable-verify has no effect",)

    def _versions(self) -> tuple[str, ...]:
        """Return the line under a failure if a newer LLVM wrote the bitcode: an older one may not support it."""
        version = self.compiler.version
        newer = [module for module in self.modules if module.bitcode.llvm_version > version > 0]
        if not newer:
            return ()
        newest = max(newer, key=lambda module: module.bitcode.llvm_version)
        return (
            f"{newest.name} was made by LLVM {newest.bitcode.llvm_version}, and {self.compiler.shown} is LLVM "
            f"{version}: compile with the same version, or name a newer compiler with --lto-compiler=",
        )

    def _shown(self, message: bytes) -> str:
        """Return the compiler's messages, without its own name and with the modules' real names."""
        text = message.decode("utf-8", "replace").replace(self.directory + os.sep, "")
        text = re.sub(
            r"\b(?:edited-)?(?:part\d+-)?module(\d+)\.(?:bc|ll)\b",
            lambda match: self.modules[int(match[1])].name if int(match[1]) < len(self.modules) else match[0],
            text,
        )
        program = re.escape(os.path.basename(self.compiler.command[0]))
        text = re.sub(rf"^(?:\S*{program}: )?(?:fatal )?(?:error: )?(?:fatal error: )?", "", text)
        return re.sub(r"^\d+ (?:error|warning)s? generated\.$", "", text, flags=re.MULTILINE).strip()
