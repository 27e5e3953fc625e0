"""The link as SCons sees it: what goes in, the files it depends on, its signature, and the action."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import SCons.Action
import SCons.Node.FS
import SCons.Util

from .environment import runtime_of, toolchain_of
from .identity import linker_identity
from .suffixes import CXX_SUFFIXES
from .variables import boolean, items, link_flags, symbol_lists

PROGRAM = "wasmlink"


@dataclass
class LinkInputs:
    """The inputs of one link besides its sources, in link order."""

    start_files: list[str] = field(default_factory=list)
    libraries: list[Any] = field(default_factory=list)
    """Nodes; and the names of libraries that were not found, for the linker to report."""
    runtime: list[str] = field(default_factory=list)
    symbol_lists: list[Any] = field(default_factory=list)

    def nodes(self, env: Any) -> list[Any]:
        """All the files that the link reads besides its sources."""
        found = [library for library in self.libraries if not isinstance(library, str)]
        return [*map(env.File, self.start_files), *found, *map(env.File, self.runtime), *self.symbol_lists]


def declare(target: Any, env: Any) -> None:
    """Note on a module's node, when it is declared, where that is."""
    # SCons has this as the node's cwd, but forgets it once the node is built, while signatures are still asked for.
    target.attributes.wasm_directory = env.fs.getcwd()


def directory_of(target: Any) -> Any:
    """The directory that relative names stand for: that of the SConscript which declared the target."""
    return target.attributes.wasm_directory


def library_path(target: Any, env: Any) -> tuple[Any, ...]:
    """The directories of ``WASMLIBPATH``, with their repositories and variant directories."""
    return tuple(directory_of(target).Rfindalldirs(tuple(items(env, "WASMLIBPATH"))))


def has_cxx(nodes: Iterable[Any], env: Any) -> bool:
    """Whether any of these was made from C++, looking through modules, objects and libraries to their sources."""
    made = tuple({env.subst(f"$WASM{kind}SUFFIX") for kind in ("OBJ", "LIB", "PROG")} | {".o", ".a"})
    pending = list(nodes)
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) not in seen and not isinstance(node, str):
            seen.add(id(node))
            if node.get_suffix() in CXX_SUFFIXES:
                return True
            if node.name.endswith(made):
                pending.extend(node.sources)
    return False


def link_inputs(target: Any, env: Any) -> LinkInputs:
    """Resolve the libraries of ``WASMLIBS`` and of the toolchain. Raises ``UserError`` without a toolchain."""
    wanted = items(env, "WASMLIBS")
    libc = boolean(env, "WASMLIBC", True)
    prefixes = [env.subst("$WASMLIBPREFIX"), "lib"]
    suffixes = [env.subst("$WASMLIBSUFFIX"), ".a"]
    names = [(prefix, suffix) for suffix in suffixes for prefix in prefixes]
    directories = library_path(target, env)

    def find(library: str, places: tuple[Any, ...]) -> Any:
        if library.startswith(":"):
            return SCons.Node.FS.find_file(library[1:], places)
        candidates = dict.fromkeys(SCons.Util.adjustixes(library, prefix, suffix) for prefix, suffix in names)
        return next(filter(None, (SCons.Node.FS.find_file(name, places) for name in candidates)), None)

    libraries = [(find(library, directories) or library) if isinstance(library, str) else library for library in wanted]
    if "WASMLIBCXX" in env:
        cxx = boolean(env, "WASMLIBCXX", False)
    else:
        cxx = has_cxx([*target.sources, *libraries], env) or any(library in ("c++", "stdc++") for library in libraries)
    runtime = runtime_of(env, cxx=cxx)
    if libc:
        # What the search path does not have may be the toolchain's: a part of its libc, or a library beside it.
        toolchain = toolchain_of(env)
        places = tuple(map(env.Dir, runtime.library_paths))
        resolved: list[Any] = []
        for library in libraries:
            if not isinstance(library, str):
                resolved.append(library)
            elif (node := find(library, places)) is not None:
                resolved.append(node)
            elif not toolchain.provides(library):
                resolved.append(library)
        libraries = resolved
    return LinkInputs(
        list(runtime.start_files), libraries, list(runtime.libraries), symbol_lists(env, directory_of(target))
    )


def scan(node: Any, env: Any, path: tuple[Any, ...]) -> list[Any]:
    """The files that a link depends on besides its sources."""
    return link_inputs(node.get_executor().get_all_targets()[0], env).nodes(env)


def arguments(target: list[Any], source: list[Any], env: Any) -> list[str]:
    """The link as a command line, without the program."""
    inputs = link_inputs(target[0], env)
    words = ["-o", str(target[0]), *link_flags(env)]
    words += [f"--allow-undefined-file={file.rfile()}" for file in inputs.symbol_lists]
    for side_file, option in side_files(target):
        words.append(f"{option}{side_file}")
    words += inputs.start_files
    words += [str(node.rfile()) for node in source]
    unfound = [library for library in inputs.libraries if isinstance(library, str)]
    if unfound:
        words += [f"-L{directory}" for directory in library_path(target[0], env)]
    for library in inputs.libraries:
        words.append(f"-l{library}" if isinstance(library, str) else str(library.rfile()))
    return words + inputs.runtime


def side_files(target: list[Any]) -> list[tuple[Any, str]]:
    """The further targets of a link, each with the option that makes the linker write it."""
    return [(node, "-Map=") for node in target[1:] if getattr(node.attributes, "wasm_map", False)]


def run_link(target: list[Any], source: list[Any], env: Any) -> int:
    """Link in this process, as the command would; its exit status, after the diagnostics were printed."""
    # Not before there is a link: a null build need not load the linker.
    from ..cli.command import run

    return run(PROGRAM, arguments(target, source, env))


class LinkAction(SCons.Action.FunctionAction):
    """The action that links in process.

    Its signature is the linker and the options, and not the bytecode of a function, which differs from one Python
    version to the next. The inputs count by their contents, as dependencies.
    """

    def __init__(self) -> None:
        super().__init__(run_link, {})

    def get_presig(self, target: Any, source: Any, env: Any, executor: Any = None) -> bytes:
        words = [linker_identity(), *link_flags(env)]
        words += [option for _, option in side_files(target)]
        words += [f"-l{name}" for name in link_inputs(target[0], env).libraries if isinstance(name, str)]
        return "\0".join(words).encode("utf-8", "surrogateescape")

    def strfunction(self, target: Any, source: Any, env: Any, executor: Any = None) -> str:
        if env.get("WASMLINKCOMSTR"):
            return str(env.subst("$WASMLINKCOMSTR", target=target, source=source))
        return f"{PROGRAM} {shlex.join(arguments(target, source, env))}"
