"""``WasmBindings``: write the C bindings of a world of WIT text during the build."""

from __future__ import annotations

from typing import Any

import SCons.Action
import SCons.Builder
import SCons.Errors
import SCons.Node.FS

from . import dependency_nodes, variable_spelling
from .link import files_of
from .user_errors import reported_at_the_call

_BUILDER = SCons.Builder.Builder(
    action=SCons.Action.Action("$WASMBINDINGSCOM", "$WASMBINDINGSCOMSTR"), emitter=[variable_spelling.check]
)


@reported_at_the_call
def WasmBindings(env: Any, wit: Any, world: str | None = None, *, out_dir: Any = ".") -> Any:  # noqa: N802
    """Write the C source and the header for a world, named ``<world>_bindings``; return both.

    ``wit`` is a file, or the directory of a package: the bindings are written again when one of its files changes.
    """
    # Other builds do not need this module.
    from ..component.c_bindings import file_name
    from ..component.errors import ComponentError
    from ..component.wit_packages import WitPackages

    node = env.Entry(wit).disambiguate() if isinstance(wit, str) else wit
    path = str(node.srcnode() if isinstance(node, SCons.Node.FS.Dir) else node.rfile())
    if world is None:
        try:
            name = WitPackages(path).world().name
        except ComponentError as error:
            raise SCons.Errors.UserError(f"WasmBindings({str(wit)!r}): {error}") from None
    else:
        name = str(world)
    flags = [path] if world is None else [path, "--world", name]
    directory = env.Dir(out_dir)
    targets = [directory.File(file_name(name) + suffix) for suffix in (".c", ".h")]
    made = _BUILDER(env, targets, files_of(node), _WASMBINDINGSFLAGS=flags)
    env.Depends(made, dependency_nodes.linker())
    return made
