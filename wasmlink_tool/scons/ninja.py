"""Wasm commands in the build file of SCons's tool ``ninja``.

That tool maps command variables to ninja's rules: compilations to rules with a dependency file, so that a changed
header causes a recompilation, and archives to a rule that first removes the old archive. It knows the variables of
SCons's own builders. This module adds the Wasm ones when a builder is called, since the tool may be loaded after this
one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

COMPILE_C = ("WASMCCCOM", "WASMSHCCCOM", "WASMASPPCOM")
COMPILE_CXX = ("WASMCXXCOM", "WASMSHCXXCOM")
ARCHIVE = ("WASMARCOM",)
LINK = ("WASMLINKCOM",)

_LONGEST = 30_000
"""Length of a command line in characters; a longer one is passed in a file. (Windows has the lowest limit.)"""


def add_rules(target: list[Any], source: list[Any], env: Any) -> tuple[list[Any], list[Any]]:
    """Make ninja's tool treat the commands of the Wasm builders like the native ones; an emitter."""
    if env.get("GENERATING_NINJA"):
        for names, provider in (
            (COMPILE_C, _compilation(env, "CC")),
            (COMPILE_CXX, _compilation(env, "CXX")),
            (ARCHIVE, _through_a_file(env, "AR", "$WASMAR")),
            (LINK, _through_a_file(env, "LINK", "$WASMLINK")),
        ):
            for name in names:
                env.NinjaRuleMapping(f"${{{name}}}", provider)
                # Some builders have expanded the command once by then.
                if isinstance(command := env.get(name), str):
                    env.NinjaRuleMapping(command, provider)
    return target, source


Provider = Callable[..., "tuple[str, dict[str, Any], list[Any]]"]


def _compilation(owner: Any, rule: str) -> Provider:
    def provide(env: Any, node: Any, action: Any, targets: Any, sources: Any, executor: Any = None) -> Any:
        words = _words(env, action, targets, sources, executor)
        # The rule reads the dependency file of this name.
        place = words.index("-c") if "-c" in words else len(words)
        words[place:place] = ["-MMD", "-MF", f"{targets[0]}.d"]
        variables = {rule: "", "rspc": _line(words), "env": _environment(owner, node, action, targets, sources)}
        return rule, variables, []

    return provide


def _through_a_file(owner: Any, rule: str, program: str) -> Provider:
    def provide(env: Any, node: Any, action: Any, targets: Any, sources: Any, executor: Any = None) -> Any:
        words = _words(env, action, targets, sources, executor)
        leading = len(env.subst_list(program)[0])
        first, rest = _line(words[:leading]), _line(words[leading:])
        variables = {rule: first, "rspc": rest, "env": _environment(owner, node, action, targets, sources)}
        return f"{rule}_RSP" if len(first) + len(rest) > _LONGEST else rule, variables, []

    return provide


def _words(env: Any, action: Any, targets: Any, sources: Any, executor: Any) -> list[str]:
    # Show a command that would be passed in a temporary file in full.
    lines, _, _ = action.process(targets, sources, env.Override({"MAXLINELENGTH": 1 << 30}), executor=executor)
    return [str(word) for word in lines[0]]


def _environment(owner: Any, node: Any, action: Any, targets: Any, sources: Any) -> Any:
    _, variables, _ = owner.NinjaGetGenericShellCommand(node, action, targets, sources)
    return variables["env"]


def _line(words: list[str]) -> str:
    """Quote words for a build file of ninja's as SCons quotes them for a shell."""
    return " ".join(f'"{word}"' if " " in word or "\t" in word else word for word in words).replace("$", "$$")
