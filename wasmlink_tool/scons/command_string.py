"""The link as a command string, for builds that need one: variables for ``WASMLINKCOM``.

SCons calls these functions when it expands the string. For the signature they return what :func:`.link.signature`
returns, so that the locations of linker and toolchain do not count, and a changed linker does.
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
"""A value for ``WASMLINKCOM``: the same link as the action's, by the ``wasmlink`` command."""


@functools.cache
def _installed_command() -> tuple[str, ...]:
    """Return the command installed with this Python; if there is none, a command that runs this package."""
    name = "wasmlink.exe" if os.name == "nt" else "wasmlink"
    beside = shutil.which(name, path=os.path.dirname(sys.executable))
    # An installed command may be another checkout's: it is used only if Python finds this package without help.
    if beside and os.path.basename(_root()) in ("site-packages", "dist-packages"):
        return (beside,)
    return _python("wasmlink_tool.cli")


def _root() -> str:
    """Return the directory that contains this package."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _python(module: str) -> tuple[str, ...]:
    """Return a command that calls ``main`` of a module of this package."""
    code = f"import sys; sys.path.insert(0, {_root()!r}); from {module} import main; sys.exit(main())"
    return (sys.executable, "-c", code)


def program(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """Return ``$WASMLINK``, or its default."""
    return [link.PROGRAM] if for_signature else list(_installed_command())


def bindings_program(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """Return ``$WASMBINDINGS``, or its default."""
    return ["bindings"] if for_signature else [*_python("wasmlink_tool.component.__main__"), "bindings"]


def link_options(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """Return ``$_WASMLINKFLAGS``: all options."""
    targets, sources = _nodes(target), _nodes(source)
    if not targets:
        return []
    if for_signature:
        return link.signature(targets, sources, env)
    return link.options(targets, sources, env, link.link_inputs(targets[0], env))


def start_files(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """Return ``$_WASMSTARTFILES``: the toolchain's inputs before the sources."""
    targets = _nodes(target)
    return link.link_inputs(targets[0], env).start_files if targets and not for_signature else []


def sources(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """Return ``$_WASMSOURCES``: the sources, written so that none is read as an option."""
    # A file's location, which may be in a repository, does not count.
    return [str(node.for_signature() if for_signature else link.input_word(node)) for node in _nodes(source)]


def definitions(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """Return ``$_WASMDEFINITIONS``: the components that the first one is composed with."""
    return [f"--definitions={node}" for node in _nodes(source)[1:]]


def libraries(target: Any, source: Any, env: Any, for_signature: bool) -> list[str]:
    """Return ``$_WASMLIBFLAGS``: the libraries."""
    targets = _nodes(target)
    if not targets or for_signature:
        return []
    return link.libraries(targets, env, link.link_inputs(targets[0], env))


def _nodes(given: Any) -> list[Any]:
    """Return nodes, also where SCons passes proxies of them."""
    return [node.get() if isinstance(node, SCons.Util.Proxy) else node for node in given or ()]
