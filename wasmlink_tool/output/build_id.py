"""The build id (BuildId.md): a hash of the module, or a value that the user gives."""

from __future__ import annotations

from ..diagnostics import FatalError
from .encoding import Chunk, OutputSection, custom_section, name

_MIB = 1 << 20
SIZES = {"fast": 16, "uuid": 16, "sha1": 20, "tree": 20, "md5": 16, "sha3": 32}
"""Sizes of build ids in bytes, by style."""


def placeholder(style: str) -> OutputSection:
    """Return the build id section with blanks for the id; it is the module's last section."""
    if style.startswith(("0x", "0X")):
        size = len(_given(style))
    elif style in SIZES:
        size = SIZES[style]
    else:
        raise FatalError(f"unknown --build-id style: {style}")
    return custom_section(b"build_id", name(b" " * size))


def _given(style: str) -> bytes:
    digits = style[2:].replace("-", "").replace(":", "")
    try:
        # A single last digit is a byte of its own, as in wasm-ld.
        return bytes(int(digits[i : i + 2], 16) for i in range(0, len(digits), 2))
    except ValueError:
        raise FatalError(f"not a valid build id: {style}") from None


def compute(style: str, chunks: list[Chunk]) -> bytes:
    """Return the id of a module; ``chunks`` are its bytes, with blanks in place of the id."""
    if style.startswith(("0x", "0X")):
        return _given(style)
    if style == "uuid":
        import uuid

        return uuid.uuid4().bytes
    import hashlib

    if style in ("sha1", "tree"):
        # As in wasm-ld: the digest of the digests of every MiB.
        module = memoryview(b"".join(chunks))
        parts = [
            hashlib.sha1(module[start : start + _MIB], usedforsecurity=False).digest()
            for start in range(0, len(module), _MIB)
        ]
        return hashlib.sha1(b"".join(parts), usedforsecurity=False).digest()
    if style == "md5":
        digest = hashlib.md5(usedforsecurity=False)
    elif style == "sha3":
        digest = hashlib.sha3_256()
    else:
        blake = hashlib.blake2b(digest_size=16)
        for chunk in chunks:
            blake.update(chunk)
        return blake.digest()
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()
