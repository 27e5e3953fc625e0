"""Wasm commands in what SCons's tool ``ninja`` writes.

That tool maps command variables to ninja's rules: compilations to ones with a dependency file, so that a changed
header compiles again, and archives to one that removes the old archive first. It knows the variables of SCons's own
builders. Here the Wasm ones are added, when a builder is called: the tool may be loaded later than this one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

COMPILE_C = ("WASMCCCOM", "WASMSHCCCOM", "WASMASPPCOM")
COMPILE_CXX = ("WASMCXXCOM", "WASMSHCXXCOM")
ARCHIVE = ("WASMARCOM",)
LINK = ("WASMLINKCOM",)

_LONGEST = 30_000
"""Characters of a command line; a longer one goes through a file. (Windows has the least room.)"""


def add_rules(target: list[Any], source: list[Any], env: Any) -> tuple[list[Any], list[Any]]:
    """An emitter: have ninja's tool treat the commands of the Wasm builders as it does those of the native ones."""
    if env.get("GENERATING_NINJA"):
        for names, provider in (
            (COMPILE_C, _compilation(env, "CC")),
            (COMPILE_CXX, _compilation(env, "CXX")),
            (ARCHIVE, _through_a_file(env, "AR", "$WASMAR")),
            (LINK, _through_a_file(env, "LINK", "$WASMLINK")),
        ):
            for name in names:
                env.NinjaRuleMapping(f"${{{name}}}", provider)
                # Some builders have the command expanded once by then.
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
    # A command that would go through a temporary file is to be seen whole.
    lines, _, _ = action.process(targets, sources, env.Override({"MAXLINELENGTH": 1 << 30}), executor=executor)
    return [str(word) for word in lines[0]]


def _environment(owner: Any, node: Any, action: Any, targets: Any, sources: Any) -> Any:
    _, variables, _ = owner.NinjaGetGenericShellCommand(node, action, targets, sources)
    return variables["env"]


def _line(words: list[str]) -> str:
    """Words as SCons hands them to a shell, for a file of ninja's."""
    return " ".join(f'"{word}"' if " " in word or "\t" in word else word for word in words).replace("$", "$$")
