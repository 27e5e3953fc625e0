"""Code generation by a clang alone, zig's included.

clang compiles a module and links others into it first (``-mlink-bitcode-file``), but has no options for the link's
decisions about symbols: those are written into the modules, in LLVM's assembly language, as linkages. Three steps:

1. Where the compiler's own rules would not choose the prevailing definition, the other definitions of its name become
   ``linkonce``: every other definition takes precedence over these, and the optimiser concludes nothing from what may
   be replaced.
2. The modules are linked, without being optimised.
3. Definitions without outside references become ``internal``; then the whole is optimised and compiled.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Container
from typing import Final

from .modules import GeneratedObject
from .workplace import Workplace

_UNOPTIMIZED: Final = ("-Xclang", "-disable-llvm-passes")
_TEXT: Final = ("-S", "-emit-llvm")
_BITCODE: Final = ("-c", "-emit-llvm")
_NAME: Final = r'(?:"[^"]*"|[-\w$.]+)'
_LINKAGES: Final = "private|internal|available_externally|linkonce_odr|linkonce|weak_odr|weak|common|appending|external"
_DEFINITION: Final = re.compile(
    rf"^(?:@(?P<data>{_NAME}) = |define )(?:(?P<linkage>{_LINKAGES}|extern_weak) )?"
    r"(?P<preemption>dso_local |dso_preemptable )?(?P<visibility>default |hidden |protected )?(?P<rest>.*)$",
    re.MULTILINE,
)
"""A line that defines or declares data, or defines a function: quoted text in it holds no quotes and no line ends."""
_FUNCTION_NAME: Final = re.compile(rf'(?:"[^"]*"|[^"@])*@(?P<name>{_NAME})')
_COMDAT: Final = re.compile(rf',? comdat(?:\(\${_NAME}\))?(?=[ ,\n]|$)|"[^"]*"')
_ESCAPE: Final = re.compile(rb"\\([0-9A-Fa-f]{2})")
_LTO_FLAG: Final = re.compile(r'!\{i32 \d+(, !"(?:EnableSplitLTOUnit|ThinLTO|UnifiedLTO)", i32 )')
_MAXIMUM: Final = "!{i32 7"
"""The behaviour of a module flag whose highest value counts when modules are linked."""
_KEPT: Final = frozenset(("private", "internal", "available_externally", "appending", "external", "extern_weak"))
"""Linkages on which a link's choice among definitions does not depend."""

Choose = Callable[[bytes, str], "str | None"]
"""Maps the name of a definition and its linkage (empty: a plain definition) to its new linkage; ``None`` leaves it
unchanged."""


def generate_objects(place: Workplace) -> list[GeneratedObject]:
    """Return one object made from all modules.

    :raises FatalError: the compiler failed.
    """
    return [_Clang(place).compile()]


class _Clang:
    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._settings = place.settings
        self._target = place.modules[0].bitcode.triple

    def compile(self) -> GeneratedObject:
        merged = self._merge(self._inputs())
        self._keep("0.0.preopt.bc", merged)
        self._rewrite(merged, self._final_linkages())
        self._keep("0.2.internalize.bc", merged)
        optimize, codegen_optimize = self._settings.optimize, self._settings.codegen_optimize
        passes = ("-Xclang", "-fdebug-pass-manager") if self._settings.debug_pass_manager else ()
        if optimize != codegen_optimize or self._settings.save_temps:
            self._run(f"-O{optimize}", *passes, *_BITCODE, "-o", "optimized.bc", "-x", "ir", merged)
            self._keep("0.4.opt.bc", "optimized.bc")
            self._keep("0.5.precodegen.bc", "optimized.bc")
            merged, passes = "optimized.bc", _UNOPTIMIZED
        self._run(f"-O{codegen_optimize}", *passes, "-c", "-o", "lto.o", "-x", "ir", merged)
        return GeneratedObject(f"{self._settings.output}.lto.o", self._place.read("lto.o"))

    def _run(self, *arguments: str) -> None:
        # The modules have the features of each function: without a processor, clang adds none.
        flags = [f"--target={self._target}", "-Xclang", "-target-cpu", "-Xclang", ""]
        flags += ["-ffunction-sections", "-fdata-sections", "-fno-slp-vectorize"]
        flags.append("-fPIC" if self._settings.position_independent else "-fno-pic")
        if not self._settings.verify:
            # clang 22 verifies its input all the same.
            flags += ["-Xclang", "-disable-llvm-verifier"]
        for option in self._settings.llvm_options:
            flags += _llvm_option(option)
        self._place.run(*flags, *arguments)

    def _keep(self, suffix: str, name: str) -> None:
        """Keep a module under the name that wasm-ld gives it (``--save-temps``)."""
        if self._settings.save_temps:
            if name.endswith(".ll"):
                self._run(*_UNOPTIMIZED, *_BITCODE, "-o", "kept.bc", "-x", "ir", name)
                name = "kept.bc"
            self._place.keep(name, f"{self._settings.output}.{suffix}")

    # 1. One definition for each name

    def _inputs(self) -> list[str]:
        names = []
        prevailing = self._prevailing_modules()
        parts = [self._parts(number) for number in range(len(self._place.modules))]
        is_mixed = len({module.is_thin for module in self._place.modules}) > 1 or any(len(names) > 1 for names in parts)
        referred = {
            symbol.name for module in self._place.modules for symbol in module.bitcode.symbols if symbol.is_undefined
        }
        for number, module in enumerate(self._place.modules):
            losing = {
                symbol.name
                for symbol, resolution in zip(module.bitcode.symbols, module.resolutions)
                if not symbol.is_undefined
                and not resolution.prevailing
                # A weak definition yields to an earlier one by itself.
                and not (symbol.is_weak and prevailing.get(symbol.name, number) < number)
            }
            kept = {
                symbol.name
                for symbol, resolution in zip(module.bitcode.symbols, module.resolutions)
                # clang may leave out a definition to which nothing refers that it has linked by then.
                if symbol.is_weak and resolution.prevailing and (resolution.visible or symbol.name in referred)
            }
            if number == 0 and len(parts[0]) == 1:
                # Nothing is left out of the first module.
                kept.clear()
            for name in parts[number]:
                if losing or kept or is_mixed:
                    text = os.path.splitext(name)[0] + ".ll"
                    self._disassemble(name, text)
                    self._rewrite(text, _chosen(losing, kept), any_flags=is_mixed)
                    name = f"edited-{name}"
                    self._run(*_UNOPTIMIZED, *_BITCODE, "-o", name, "-x", "ir", text)
                names.append(name)
        return names

    def _parts(self, number: int) -> list[str]:
        """Return the files of a file's modules: clang accepts only one module a file."""
        modules = self._place.modules[number].parts()
        if len(modules) < 2:
            return [self._place.names[number]]
        names = [f"part{part}-{self._place.names[number]}" for part in range(len(modules))]
        for name, contents in zip(names, modules):
            self._place.write(name, contents)
        return names

    def _prevailing_modules(self) -> dict[bytes, int]:
        """Return the number of the module with the prevailing definition of each name, for names defined in a
        module."""
        return {
            symbol.name: number
            for number, module in enumerate(self._place.modules)
            for symbol, resolution in zip(module.bitcode.symbols, module.resolutions)
            if resolution.prevailing
        }

    # 2. One module

    def _merge(self, names: list[str]) -> str:
        others = (word for name in names[1:] for word in ("-Xclang", "-mlink-bitcode-file", "-Xclang", name))
        self._run(*_UNOPTIMIZED, *_TEXT, "-o", "merged.ll", "-x", "ir", names[0], *others)
        return "merged.ll"

    def _disassemble(self, name: str, text: str) -> None:
        self._run(*_UNOPTIMIZED, *_TEXT, "-o", text, "-x", "ir", name)

    # 3. Which definitions are visible outside

    def _final_linkages(self) -> Choose:
        visible: set[bytes] = set()
        redefined: set[bytes] = set()
        for module in self._place.modules:
            for symbol, resolution in zip(module.bitcode.symbols, module.resolutions):
                if resolution.visible or symbol.is_used:
                    visible.add(symbol.name)
                if resolution.redefined:
                    redefined.add(symbol.name)

        def choose(name: bytes, linkage: str) -> str | None:
            if name in redefined:
                return "weak"
            if name not in visible:
                return "internal"
            return _kept(linkage)

        return choose

    def _rewrite(self, name: str, choose: Choose, *, any_flags: bool = False) -> None:
        text = with_linkages(self._place.read(name).decode("utf-8", "surrogateescape"), choose)
        if any_flags:
            # ThinLTO modules and others disagree on flags that only linkers read.
            text = _LTO_FLAG.sub(rf"{_MAXIMUM}\1", text)
        self._place.write(name, text.encode("utf-8", "surrogateescape"))


def _chosen(losing: Container[bytes], kept: Container[bytes]) -> Choose:
    """Return the linkages of one module's definitions before modules are linked."""

    def choose(name: bytes, linkage: str) -> str | None:
        if name in kept:
            return _kept(linkage)
        if name not in losing:
            return None
        # Identical copies of an inline function may still be inlined.
        return "linkonce_odr" if linkage.endswith("_odr") else "linkonce"

    return choose


def _kept(linkage: str) -> str | None:
    """Return the linkages of definitions that must be kept whether or not their module needs them."""
    return linkage.replace("linkonce", "weak") if linkage.startswith("linkonce") else None


def with_linkages(text: str, choose: Choose) -> str:
    """Return a module's text with other linkages for definitions.

    Changed definitions leave their COMDAT group: the choice among groups is made by then.
    """

    def replaced(match: re.Match[str]) -> str:
        linkage, rest = match["linkage"] or "", match["rest"]
        if linkage in _KEPT:
            return match[0]
        quoted = match["data"]
        if quoted is None:
            found = _FUNCTION_NAME.match(rest)
            if found is None:
                return match[0]
            quoted = found["name"]
        chosen = choose(_name(quoted), linkage)
        if chosen is None:
            return match[0]
        preemption, visibility = match["preemption"] or "", match["visibility"] or ""
        if chosen == "internal":
            preemption = visibility = ""
        head = f"@{match['data']} = " if match["data"] is not None else "define "
        rest = _COMDAT.sub(lambda part: part[0] if part[0].startswith('"') else "", rest)
        return f"{head}{chosen} {preemption}{visibility}{rest}"

    return _DEFINITION.sub(replaced, text)


def _name(quoted: str) -> bytes:
    """Return a symbol's name from its spelling: a leading byte 1 means that it is used unchanged."""
    name = quoted.encode("utf-8", "surrogateescape")
    if name.startswith(b'"'):
        name = _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), name[1:-1])
    return name.removeprefix(b"\1")


def _llvm_option(option: str) -> list[str]:
    """Return an option for LLVM as clang accepts it: clang has some of them as its own."""
    model = re.fullmatch(r"--?exception-model=(\w+)", option)
    if model is not None:
        return ["-Xclang", f"-exception-model={model[1]}"]
    return ["-mllvm", option]
