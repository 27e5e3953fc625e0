"""The linker's advice for an SConstruct: its messages name options, which users of SCons set as variables."""

from __future__ import annotations

import re

PHRASES = (
    ("pass --no-entry to suppress", "set WASMENTRY=None to suppress"),
    ("is linked with -mexec-model=reactor (crt1-reactor.o, --no-entry)", "has WASMREACTOR=True"),
    ("use --error-limit=0 to see", 'set WASMLINKFLAGS="--error-limit=0" to see'),
    ("must specify -mwasm64", 'set WASMTARGET="wasm64-unknown-unknown"'),
    ("link with clang++, or add -lc++abi (and -lc++ before it)", "set WASMLIBCXX=True"),
    ("link with clang++, or add -lc++ -lc++abi", "set WASMLIBCXX=True"),
    ("compile it with -fno-exceptions, or", "compile it with WASMEXCEPTIONS=False, or"),
    ("compile it with -mllvm -wasm-enable-sjlj, and", "set WASMSETJMP=True, or"),
    ("name one with -L", "name one in LIBPATH"),
    ("Use --no-check-features", 'Use WASMLINKFLAGS="--no-check-features"'),
    ("with --lto-compiler=", "with WASMLINKFLAGS=--lto-compiler="),
    ("name it with --start=", "name it with WASMLINKFLAGS=--start="),
    ("or trust them with --shared-cache", "or trust them with WASMLINKFLAGS=--shared-cache"),
)
"""Phrases of the linker's messages, with their replacements in a build."""

_LIBRARY = re.compile(r": add -l(\S+)$", re.MULTILINE)


def in_variables(text: str) -> str:
    """Replace options by variables in the advice that the linker printed on standard error."""
    for phrase, ours in PHRASES:
        text = text.replace(phrase, ours)
    return _LIBRARY.sub(r': add "\1" to LIBS', text)
