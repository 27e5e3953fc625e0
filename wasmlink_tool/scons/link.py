"""The link in SCons: its inputs, the files that it depends on, its signature, and the action."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import SCons.Action
import SCons.Errors
import SCons.Node.FS
import SCons.Util

from ..toolchain.driver import Runtime
from .environment import runtime_of, toolchain_of
from .kinds import Kind, kind_of
from .settings import CHECKING, Settings, boolean, items
from .suffixes import CXX_SUFFIXES
from .variables import component_files, link_flags, symbol_lists

PROGRAM = "wasmlink"


@dataclass
class LinkInputs:
    """The inputs of one link besides its sources, in link order."""

    start_files: list[str] = field(default_factory=list)
    libraries: list[Any] = field(default_factory=list)
    """Nodes; or the names of libraries that were not found, which the linker reports."""
    runtime: list[str] = field(default_factory=list)
    symbol_lists: list[Any] = field(default_factory=list)
    component_files: list[tuple[str, Any]] = field(default_factory=list)
    """Inputs of a component besides the module's: options and their nodes."""

    def nodes(self, env: Any) -> list[Any]:
        """Return all files that the link reads besides its sources."""
        found = [library for library in self.libraries if not isinstance(library, str)]
        return [*map(env.File, self.start_files), *found, *map(env.File, self.runtime), *self.symbol_lists]

    def component_nodes(self) -> list[Any]:
        """Return the files of a component besides the module's own inputs."""
        return [file for _, node in self.component_files for file in files_of(node)]

    def component_options(self) -> list[str]:
        """Return the options for a component's files; directories of WIT text are read from the source directory, not
        from a variant."""
        return [
            f"{option}{node.srcnode() if isinstance(node, SCons.Node.FS.Dir) else node.rfile()}"
            for option, node in self.component_files
        ]


def files_of(node: Any) -> list[Any]:
    """Return a file, or the files of WIT text below a directory."""
    if not isinstance(node, SCons.Node.FS.Dir):
        return [node]
    found = []
    for place, directories, names in os.walk(node.srcnode().abspath):
        directories.sort()
        texts = sorted(name for name in names if name.endswith(".wit"))
        found += [node.fs.File(os.path.join(os.path.abspath(place), name)) for name in texts]
    return found


def declare(target: Any, env: Any, kind: Kind) -> None:
    """Record the location of the call and the kind of the link on a module's node."""
    target.attributes.wasm_kind = kind
    # SCons keeps this as the node's cwd, but drops it once the node is built, while signatures still need it.
    target.attributes.wasm_directory = env.fs.getcwd()
    target.attributes.wasm_place = _callers_place()


def _callers_place() -> str:
    """Return file and line of the innermost call that is in neither SCons nor this tool: an SConscript's, or a site
    tool's."""
    own = (f"{os.sep}SCons{os.sep}", os.path.dirname(__file__) + os.sep)
    frame = sys._getframe(1)
    while frame.f_back is not None and any(place in frame.f_code.co_filename for place in own):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}"


@contextmanager
def placed(target: Any) -> Iterator[None]:
    """Make errors that are found after the call name the location of the call."""
    try:
        yield
    except SCons.Errors.UserError as error:
        place = getattr(target.attributes, "wasm_place", "")
        if not place or place in str(error):
            raise
        raise SCons.Errors.UserError(f"{error}\n  for {target}, declared in {place}") from None


def directory_of(target: Any) -> Any:
    """Return the directory that relative names are relative to: that of the SConscript which declared the target."""
    return getattr(target.attributes, "wasm_directory", None) or target.fs.getcwd()


def library_path(target: Any, env: Any) -> tuple[Any, ...]:
    """Return the directories of ``WASMLIBPATH``, with their repositories and variant directories."""
    return tuple(directory_of(target).Rfindalldirs(tuple(_directories(env))))


def _directories(env: Any) -> Iterator[Any]:
    for place in items(env, "WASMLIBPATH"):
        # SCons's rule for paths: a string may hold several.
        yield from filter(None, place.split(os.pathsep)) if isinstance(place, str) else (place,)


def has_cxx(nodes: Iterable[Any], env: Any) -> bool:
    """Return whether any of these was made from C++, looking through modules, objects and libraries to their
    sources."""
    made = tuple({env.subst(f"$WASM{kind}SUFFIX") for kind in ("OBJ", "SHOBJ", "LIB", "PROG", "SHLIB")} | {".o", ".a"})
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
    """Find the libraries of ``WASMLIBS`` and of the toolchain. Raises ``UserError`` without a toolchain."""
    kind = kind_of(target)
    if not kind.libraries:
        return LinkInputs()
    wanted = items(env, "WASMLIBS")
    libc = boolean(env, "WASMLIBC", True)
    prefixes = [env.subst("$WASMLIBPREFIX"), "lib"]
    suffixes = [env.subst("$WASMLIBSUFFIX"), ".a"]
    names = [(prefix, suffix) for suffix in suffixes for prefix in prefixes]
    if kind.dynamic or _is_dynamic(Settings(env, [target])):
        shared = [(env.subst("$WASMSHLIBPREFIX"), env.subst("$WASMSHLIBSUFFIX")), ("lib", ".so")]
        names = [*shared, *names]
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
    runtime = runtime_of(env, cxx=cxx) if kind.runtime else Runtime()
    if libc:
        # A library that is not on the search path may be the toolchain's: a part of its libc, or one beside it.
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
    described = component_files(env, directory_of(target)) if kind.component and not env.get(CHECKING) else []
    lists = symbol_lists(env, directory_of(target))
    return LinkInputs(list(runtime.start_files), libraries, list(runtime.libraries), lists, described)


def _is_dynamic(settings: Settings) -> bool:
    """Return whether a program is linked with the shared libraries that the search finds."""
    if settings.env.get(CHECKING):
        return False
    if settings.boolean("WASMPIE", False):
        return True
    return any(word.lstrip("-") in ("pie", "Bdynamic") for word in settings.words("WASMLINKFLAGS"))


def _optimizes(env: Any, target: list[Any], source: list[Any]) -> bool:
    """Return whether the compilers leave code generation to the link, which the toolchain's own compiler then does."""
    settings = Settings(env, target, source)
    names = ("WASMCCFLAGS", "WASMCFLAGS", "WASMCXXFLAGS")
    words = [word for name in names for word in settings.words(name) if word.startswith(("-flto", "-fno-lto"))]
    return bool(words) and words[-1].startswith("-flto")


def _wasm_opt_version() -> str:
    """Return the version of the wasm-opt that rewrites the module, which depends on it."""
    from ..toolchain.binaryen import find_wasm_opt, wasm_opt_version

    program = find_wasm_opt()
    return wasm_opt_version(program) if program is not None else ""


def options(target: list[Any], source: list[Any], env: Any, inputs: LinkInputs) -> list[str]:
    """Return the options of a link, without inputs."""
    with placed(target[0]):
        words = link_flags(env, target, source)
        if _optimizes(env, target, source):
            words.append(f"--lto-compiler={shlex.join(toolchain_of(env).cc)}")
    words += [f"--allow-undefined-file={file.rfile()}" for file in inputs.symbol_lists]
    words += inputs.component_options()
    return words + [f"{option}{side_file}" for side_file, option in side_files(target)]


def libraries(target: list[Any], env: Any, inputs: LinkInputs) -> list[str]:
    """Return the arguments after the sources: the libraries, and the toolchain's."""
    words: list[str] = []
    if any(isinstance(library, str) for library in inputs.libraries):
        words += [f"-L{directory}" for directory in library_path(target[0], env)]
    for library in inputs.libraries:
        words.append(f"-l{library}" if isinstance(library, str) else input_word(library))
    return words + inputs.runtime


def arguments(target: list[Any], source: list[Any], env: Any) -> list[str]:
    """Return the link as a command line, without the program."""
    with placed(target[0]):
        inputs = link_inputs(target[0], env)
    words = ["-o", str(target[0]), *options(target, source, env, inputs), *inputs.start_files]
    words += [input_word(node) for node in source]
    return words + libraries(target, env, inputs)


def input_word(node: Any) -> str:
    """Return a file's name as an argument: a name that would read as an option or a response file gets a directory."""
    name = str(node.rfile())
    return os.path.join(os.curdir, name) if name.startswith(("-", "@")) else name


def side_files(target: list[Any]) -> list[tuple[Any, str]]:
    """Return the additional targets of a link, each with the option that makes the linker write it."""
    marked = [(node, getattr(node.attributes, "wasm_option", "")) for node in target[1:]]
    return [(node, option) for node, option in marked if option]


def signature(target: list[Any], source: list[Any], env: Any) -> list[str]:
    """Return the options that a link's result depends on. Its inputs and the linker count as dependencies."""
    from .flags import significant

    with placed(target[0]):
        words = significant(link_flags(env, target, source))
        words += [option for _, option in side_files(target)]
        if _optimizes(env, target, source):
            words.append(toolchain_of(env).identity())
        if any(word.startswith("wasm-opt=") for word in words):
            words.append(_wasm_opt_version())
        inputs = link_inputs(target[0], env)
    libraries = inputs.libraries
    words += [f"-l{library}" for library in libraries if isinstance(library, str)]
    words += inputs.component_options()
    if len(target) > 1:
        # Maps and the like name the inputs; the module does not.
        words += [str(node) for node in (*source, *libraries)]
    return words


def run_link(target: list[Any], source: list[Any], env: Any) -> int:
    """Link as the command would; return its exit status, after printing the diagnostics."""
    # A build in which nothing is linked does not need it.
    from .run_link import run
    from .scan_cache import parse_cache, size_note

    kept = [*parse_cache(env), *size_note(target[0], env)]
    return run(PROGRAM, [*kept, *arguments(target, source, env)], str(target[0]), env)


class LinkAction(SCons.Action.FunctionAction):
    """The action that links without a command.

    Its signature is the options, and not the bytecode of a function, which differs from one Python version to the next.
    The inputs and the linker count as dependencies.
    """

    def __init__(self) -> None:
        super().__init__(run_link, {})

    def get_presig(self, target: Any, source: Any, env: Any, executor: Any = None) -> bytes:
        # Configure checks pass a single node, for which no emitter ran.
        targets = SCons.Util.flatten(target)
        return "\0".join(signature(targets, source, env)).encode("utf-8", "surrogateescape")

    def genstring(self, target: Any, source: Any, env: Any, executor: Any = None) -> str:
        """Return the text that ``--debug=explain`` shows when the options changed."""
        with placed(target[0]):
            return f"{PROGRAM} {shlex.join(link_flags(env, target, source))}"

    def strfunction(self, target: Any, source: Any, env: Any, executor: Any = None) -> str:
        if env.get("WASMLINKCOMSTR"):
            return str(env.subst("$WASMLINKCOMSTR", target=target, source=source))
        return f"{PROGRAM} {shlex.join(arguments(target, source, env))}"
