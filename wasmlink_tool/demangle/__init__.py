"""Demangle symbol names.

``demangle`` returns what LLVM's demangler prints for the schemes in WebAssembly objects: the Itanium C++ ABI's (``_Z``,
which Rust's legacy scheme shares), Rust's v0 (``_R``) and D's (``_D``). A name that is not mangled, is not understood,
nests too deeply or would become too long is returned unchanged.

The grammars are imported when a name with their prefix appears: a link of C imports none of them.
"""

from __future__ import annotations

__all__ = ["demangle", "demangle_text"]


def demangle(name: bytes) -> bytes:
    """Return the readable form of a symbol's name; the name itself if there is none. Never raises."""
    # Before a mangled name there may be a dot, which some targets have before entry points, or an underscore, which
    # some have before every name of C's.
    if name[:1] == b"_":
        readable = _by_scheme(name) or (_by_scheme(name[1:]) if name[1:2] == b"_" else None)
        return readable or name
    if name[:2] == b"._":
        readable = _by_scheme(name[1:])
        return b"." + readable if readable else name
    return name


def demangle_text(name: str) -> str:
    """Return :func:`demangle` for a string; bytes that are not UTF-8 pass through as the surrogates of
    ``surrogateescape``."""
    if name[:1] not in ("_", "."):
        return name
    return demangle(name.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _by_scheme(name: bytes) -> bytes | None:
    """Return ``name`` demangled by the scheme of its prefix."""
    kind = name[1:2]
    if kind == b"Z" or (kind == b"_" and name.startswith((b"__Z", b"___Z", b"____Z"))):
        from . import itanium

        return itanium.demangle(name)
    if kind == b"R":
        from . import rust

        return rust.demangle(name)
    if kind == b"D":
        from . import dlang

        return dlang.demangle(name)
    return None
