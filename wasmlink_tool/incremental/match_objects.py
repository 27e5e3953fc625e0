"""Match two versions of an object: their symbols, functions, segments and sections."""

from __future__ import annotations

from collections.abc import Container, Hashable, Sequence

from ..binary.constants import ComdatKind, SegmentFlag, SymbolFlag, SymbolKind
from ..inputs.object_file import ObjectFile
from ..inputs.symbol_columns import SymbolInfo
from .accepted import has_accepted_relocations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

ADDED: Final = -1
"""In a list of matches: there is no counterpart in the old version."""

_FUNCTION: Final = SymbolKind.FUNCTION
_DATA: Final = SymbolKind.DATA
_SECTION: Final = SymbolKind.SECTION
_UNDEFINED: Final = SymbolFlag.UNDEFINED
KEPT: Final = SymbolFlag.EXPORTED | SymbolFlag.NO_STRIP
"""The flags of symbols that are live by themselves."""


class Unusable(Exception):  # noqa: N818  (no error: the ordinary link runs)
    """The saved state cannot be reused; ``str(error)`` says why."""


class Match:
    """The correspondence between a new version of an object and the old one.

    The new version has all definitions and references of the old one, except local ones that were not in the output. It
    may add only definitions, with new names, that nothing retains implicitly. Each list has the old index, or
    :data:`ADDED`, by new index; functions count from the first defined one.
    """

    def __init__(self, before: ObjectFile, after: ObjectFile, live_functions: bytes, live_segments: bytes) -> None:
        """:param live_functions: which functions of the old version are in the output, and ``live_segments`` which
        data.
        :raises Unusable: the new version lacks something, or adds something else."""
        self.before = before
        self.after = after
        self._live_functions = live_functions
        self._live_segments = live_segments
        if not has_accepted_relocations(after):
            raise Unusable("an object has relocations that only the passes understand")
        check_other_parts(before, after)
        self.symbols = self._match_symbols()
        self.functions = self._functions()
        self.segments = _in_order(
            [(s.name, s.alignment, s.flags, s.size) for s in before.segments],
            [(s.name, s.alignment, s.flags, s.size) for s in after.segments],
            "segment",
            live_segments.translate(_NOT),
        )
        if any(old == ADDED and s.flags & SegmentFlag.RETAIN for s, old in zip(after.segments, self.segments)):
            raise Unusable("an object has new data that is kept by itself")
        self.sections = match_sections(before, after)
        self._check_places()
        self._check_groups()

    @property
    def added(self) -> list[SymbolInfo]:
        """Return the symbols that the old version does not have."""
        return [info for info, old in zip(self.after.symbols, self.symbols) if old == ADDED]

    def _may_go(self, info: SymbolInfo) -> bool:
        """Return whether nothing depends on a symbol of the old version: it is local, and its definition is not in the
        output."""
        kind, flags, _, index, _, _ = info
        if flags & (_UNDEFINED | SymbolFlag.ABSOLUTE) or not flags & SymbolFlag.BINDING_LOCAL:
            return False
        if kind == _FUNCTION:
            return not self._live_functions[index - len(self.before.imported_functions)]
        return kind == _DATA and not self._live_segments[index]

    def _match_symbols(self) -> list[int]:
        before, after = self.before, self.after
        old, new = list(before.symbols), list(after.symbols)
        if old == new and _named_by_symbols(before) == _named_by_symbols(after):
            return list(range(len(old)))
        return _in_order(
            [symbol_key(before, info) for info in old],
            [symbol_key(after, info) for info in new],
            "symbol",
            bytes(map(self._may_go, old)),
        )

    def _functions(self) -> list[int]:
        before, after = self.before, self.after
        old_first, first = len(before.imported_functions), len(after.imported_functions)
        found: list[int | None] = [None] * len(after.functions)
        for (kind, flags, _, index, _, _), old in zip(after.symbols, self.symbols):
            if kind == _FUNCTION and not flags & _UNDEFINED:
                was = ADDED if old == ADDED else before.symbols[old][3] - old_first
                if found[index - first] not in (None, was):
                    raise Unusable("a function has other names")
                found[index - first] = was
        if None in found:
            raise Unusable("a function has no name")
        matched = [old for old in found if old is not None]
        kept = [old for old in matched if old != ADDED]
        gone = set(range(len(before.functions))).difference(kept)
        if kept != sorted(kept) or any(self._live_functions[index] for index in gone):
            raise Unusable("the functions of an object have another order")
        return matched

    def _check_places(self) -> None:
        before, after = self.before, self.after
        for (kind, flags, _, index, _, _), old in zip(after.symbols, self.symbols):
            if old == ADDED:
                if flags & (_UNDEFINED | KEPT) or kind not in (_FUNCTION, _DATA):
                    raise Unusable("an object has a new reference")
            elif (
                kind == _DATA
                and not flags & (_UNDEFINED | SymbolFlag.ABSOLUTE)
                and (self.segments[index] != before.symbols[old][3])
            ):
                raise Unusable("data moved to another segment")
        for names in ("export_names", "debug_names"):
            old_names = getattr(before, names)
            for index, name in getattr(after, names).items():
                if self.functions[index] == ADDED or old_names.get(self.functions[index]) != name:
                    raise Unusable("a function is exported, or has another name")
            if len(old_names) != len(getattr(after, names)):
                raise Unusable("a function is no longer exported, or lost its name")

    def _check_groups(self) -> None:
        before, after = self.before, self.after
        if len(before.comdats) != len(after.comdats):
            raise Unusable("an object has other groups")
        for old, new in zip(before.comdats, after.comdats):
            members = sorted((kind, self._member(kind, index)) for kind, index in new.members)
            if old.name != new.name or members != sorted(old.members):
                raise Unusable("an object has other groups")
        if [(i.priority, i.symbol) for i in before.init_functions] != [
            (i.priority, self.symbols[i.symbol]) for i in after.init_functions
        ]:
            raise Unusable("an object has other constructors")

    def _member(self, kind: int, index: int) -> int:
        if kind == ComdatKind.FUNCTION:
            index -= len(self.after.imported_functions)
            old = self.functions[index] if index >= 0 else ADDED
            return ADDED if old == ADDED else old + len(self.before.imported_functions)
        if kind == ComdatKind.DATA:
            return self.segments[index]
        if kind == ComdatKind.SECTION:
            return self.sections[index]
        return index


def check_other_parts(before: ObjectFile, after: ObjectFile, known: Container[bytes] = ()) -> None:
    """Check that two versions of an object differ in functions and data only.

    :param known: names that either version may import as tables and globals.
    :raises Unusable: they do not.
    """
    if any(getattr(before, name) != getattr(after, name) for name in _EQUAL):
        raise Unusable("an object has other features or producers")
    check_contents(before, after, known)


def check_contents(before: ObjectFile, after: ObjectFile, known: Container[bytes] = ()) -> None:
    """Check that two versions of an object have the same globals, tables and tags, as far as they import or define
    any.

    :param known: names that either version may import as tables and globals.
    :raises Unusable: they do not.
    """
    if before.tables != after.tables or _types_used(before, known) != _types_used(after, known):
        raise Unusable("an object has other globals, tables or tags")


def match_sections(before: ObjectFile, after: ObjectFile) -> list[int]:
    """Match the custom sections that a link may copy, relocation sections excluded; others match nothing.

    :raises Unusable: one was added or removed.
    """
    copied = [
        # Whether one is empty decides whether it is copied.
        [
            (i, (s.name, s.start == s.end))
            for i, s in enumerate(obj.sections)
            if not s.id and not s.name.startswith(b"reloc.")
        ]
        for obj in (before, after)
    ]
    old, new = ([key for _, key in sections] for sections in copied)
    matches = _in_order(old, new, "section")
    if ADDED in matches:
        raise Unusable("an object has a new section")
    found = [ADDED] * len(after.sections)
    for (index, _), match in zip(copied[1], matches):
        found[index] = copied[0][match][0]
    return found


_NOT: Final = b"\1" + bytes(255)
"""A translation table."""
_EQUAL: Final = ("is_64", "features", "producers")


def _types_used(obj: ObjectFile, known: Container[bytes]) -> list[object]:
    """Return the imports and definitions of an object, functions and data excluded."""
    imports = [*obj.imported_tables, *obj.imported_globals, *obj.imported_tags]
    return [
        [
            (i.module, i.field, obj.types[i.type] if isinstance(i.type, int) else i.type)
            for i in imports
            if i.field not in known
        ],
        [(g.type, g.initializer) for g in obj.globals],
        [obj.types[tag] for tag in obj.tags],
    ]


def _named_by_symbols(obj: ObjectFile) -> list[object]:
    """Return what the numbers in a symbol table stand for, as far as :func:`symbol_key` asks."""
    imports = [(i.module, i.field, i.type) for i in obj.imported_functions]
    return [obj.types, obj.functions, imports, obj.sections.names]


def symbol_key(obj: ObjectFile, info: SymbolInfo) -> Hashable:
    """Return a key that is equal for corresponding symbols."""
    kind, flags, name, index, offset, size = info
    if kind == _FUNCTION:
        imported = len(obj.imported_functions)
        import_ = obj.imported_functions[index] if index < imported else None
        origin = None if import_ is None else (import_.module, import_.field)
        return kind, flags, name, obj.function_signature(index), origin
    if kind == _DATA:
        return kind, flags, name, None if flags & _UNDEFINED else (offset, size)
    if kind == _SECTION:
        name = obj.sections.names[index]
        return kind, flags, name, obj.sections.names[:index].count(name)
    return kind, flags, name, index


def _in_order(before: Sequence[Hashable], after: Sequence[Hashable], what: str, may_go: bytes = b"") -> list[int]:
    """Return for each new element the first old one of the same kind that is not matched yet.

    :param may_go: which of the old ones may be left over; empty: none.
    :raises Unusable: another old one is left over.
    """
    if before == after:
        return list(range(len(before)))
    free: dict[Hashable, list[int]] = {}
    for index in reversed(range(len(before))):
        free.setdefault(before[index], []).append(index)
    found = []
    for key in after:
        indices = free.get(key)
        found.append(indices.pop() if indices else ADDED)
    left = [index for indices in free.values() for index in indices]
    if left and not (may_go and all(may_go[index] for index in left)):
        raise Unusable(f"a {what} of an object was removed or changed")
    kept = [index for index in found if index != ADDED]
    if kept != sorted(kept):
        # Numbers are assigned in this order.
        raise Unusable(f"the {what}s of an object have another order")
    return found
