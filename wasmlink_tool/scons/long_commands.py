"""Commands that are longer than a command line may be: their arguments are passed in a response file.

SCons's ``TEMPFILE`` does this for commands whose program is one word, in strings that ask for it. Here it is done where
commands are started, so that it works for any string that a user sets, and the whole command is printed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any

Spawn = Callable[[Any, Any, Any, "list[str]", Any], int]

_PROGRAMS = {"WASMARCOM": "$WASMAR", "WASMLINKCOM": "$WASMLINK"}


def overrides(command: str) -> dict[str, str]:
    """Return the overrides of a builder whose action is this command variable."""
    return {"SPAWN": "$_WASMSPAWN", "_WASMSPAWNED": _PROGRAMS[command]}


def spawn(target: Any, source: Any, env: Any, for_signature: bool) -> Spawn:
    """Return ``$_WASMSPAWN``: the function that starts a command of this environment."""
    start = _spawn_of_user(env)
    words = [str(word) for word in env.subst_list("$_WASMSPAWNED")[0]]
    most = int(env.subst("$MAXLINELENGTH"))

    def start_any(shell: Any, escape: Any, program: Any, words_of_command: list[str], variables: Any) -> int:
        # One blank between each.
        if sum(map(len, words_of_command)) + len(words_of_command) <= most:
            return start(shell, escape, program, words_of_command, variables)
        leading = len(words) if [word.strip('"') for word in words_of_command[: len(words)]] == words else 1
        # Shell quoting is valid in a response file.
        descriptor, path = tempfile.mkstemp(prefix="wasmlink-", suffix=".rsp", text=True)
        try:
            with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.writelines(f"{word}\n" for word in words_of_command[leading:])
            return start(shell, escape, program, [*words_of_command[:leading], f"@{path}"], variables)
        finally:
            os.unlink(path)

    return start_any


def _spawn_of_user(env: Any) -> Spawn:
    """Return the value of ``SPAWN`` without a builder's override: SCons's, a user's, or that of a configure check."""
    while (found := env.get("SPAWN")) == "$_WASMSPAWN":
        env = vars(env)["__subject"]
    if isinstance(found, str):
        found = env.subst(found, raw=1, conv=lambda value: value)
    return found  # type: ignore[no-any-return]
