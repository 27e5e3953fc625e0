"""Errors about one name with two meanings, in wasm-ld's wording."""

from __future__ import annotations

from ..inputs.object_file import GlobalType, TableType
from . import describe
from .symbols import Symbol


def kinds(existing: Symbol, kind: int, where: str) -> str:
    """Return the error for a symbol that ``where`` has with another kind."""
    return (
        f"symbol type mismatch: {existing}\n"
        f">>> defined as {describe.KIND_NAMES[existing.kind]} in {existing.file_name}\n"
        f">>> defined as {describe.KIND_NAMES[kind]} in {where}"
    )


def signatures(existing: Symbol, signature: bytes | None, where: str) -> str:
    """Return the error for a function that ``where`` has with another signature."""
    assert existing.signature is not None and signature is not None
    old, new = describe.signature(existing.signature), describe.signature(signature)
    return _text("function signature mismatch", existing, old, new, where)


def tags(existing: Symbol, signature: bytes, where: str) -> str:
    """Return the error for a tag that ``where`` has with another signature."""
    assert existing.signature is not None
    old, new = describe.signature(existing.signature), describe.signature(signature)
    return _text("Tag signature mismatch", existing, old, new, where)


def types(existing: Symbol, other: Symbol) -> str:
    """Return the error for tags, globals or tables of one name with different types; empty if they agree."""
    where = other.file_name
    if existing.signature and other.signature and existing.signature != other.signature:
        return tags(existing, other.signature, where)
    before, now = existing.element_type, other.element_type
    if isinstance(before, GlobalType) and isinstance(now, GlobalType):
        if before != now:
            return _text(
                "Global type mismatch", existing, describe.global_type(before), describe.global_type(now), where
            )
    elif isinstance(before, TableType) and isinstance(now, TableType) and before.element_type != now.element_type:
        return _text("Table type mismatch", existing, describe.table_type(before), describe.table_type(now), where)
    return ""


def _text(what: str, existing: Symbol, old: str, new: str, where: str) -> str:
    return f"{what}: {existing.raw_text}\n>>> defined as {old} in {existing.file_name}\n>>> defined as {new} in {where}"
