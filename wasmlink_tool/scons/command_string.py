"""The link as a command string, for builds that need one: variables to put into ``WASMLINKCOM``.

SCons calls these functions when it expands the string. For the signature they give what :func:`.link.signature` gives,
so that neither the place of the linker nor that of the toolchain counts, and a changed linker does.
"""

from __future__ import annotations

import functools
import os
import shutil
import sys
from typing import Any

import SCons.Util

from . import link

COMMAND = "$WASMLINK -o $TARGET $_WASMLINKFLAGS $_WASMSTARTFILES $_WASMSOURCES $_WASMLIBFLAGS"
"""What to set ``WASMLINKCOM`` to: the same link as the action's, by the ``wasmlink`` command."""


@functools.cache
def _installed_command() -> tuple[str, ...]:
    """The installed command of this Python; else this package, run by it."""
    name = "wasmlink.exe" if os.name == "nt" else "wasmlink"
    beside = shutil.which(name, path=os.path.dirname(sys.executable))
    # A command there may be another checkout's: it counts if this package is one that Python finds by itself.
    if beside and os.path.basename(_root()) in ("site-packages", "dist-packages"):
        return (beside,)
    return _python("wasmlink_tool.cli")


def _root() -> str:
    """The directory that this package is in."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _python(module: str) -> tuple[str, ...]:
    """A command that calls ``main`` of a module of this package."""
    code = f"import sys; sys.path.insert(0, {_root()!r}); from {module} import main; sys.exit(main())"
    return (sys.executable, "-c", code)


def program(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$WASMLINK`` unless it is set."""
    return [link.PROGRAM] if for_signature else list(_installed_command())


def bindings_program(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$WASMBINDINGS`` unless it is set."""
    return ["bindings"] if for_signature else [*_python("wasmlink_tool.component.__main__"), "bindings"]


def link_options(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$_WASMLINKFLAGS``: all options."""
    targets, sources = _nodes(target), _nodes(source)
    if not targets:
        return []
    if for_signature:
        return link.signature(targets, sources, env)
    return link.options(targets, sources, env, link.link_inputs(targets[0], env))


def start_files(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$_WASMSTARTFILES``: what the toolchain puts before the sources."""
    targets = _nodes(target)
    return link.link_inputs(targets[0], env).start_files if targets and not for_signature else []


def sources(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$_WASMSOURCES``: the sources, none of which is taken for an option."""
    # Where a file lies does not count, which may be in a repository.
    return [str(node.for_signature() if for_signature else link.input_word(node)) for node in _nodes(source)]


def definitions(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$_WASMDEFINITIONS``: the components that the first one is composed with."""
    return [f"--definitions={node}" for node in _nodes(source)[1:]]


def libraries(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """``$_WASMLIBFLAGS``: the libraries."""
    targets = _nodes(target)
    if not targets or for_signature:
        return []
    return link.libraries(targets, env, link.link_inputs(targets[0], env))


def _nodes(given: Any) -> list[Any]:
    """Nodes, where SCons hands over proxies of them."""
    return [node.get() if isinstance(node, SCons.Util.Proxy) else node for node in given or ()]
