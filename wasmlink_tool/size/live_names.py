"""The names of what is in a module, and of what could have been, to compare the patterns of questions with."""

from __future__ import annotations

from collections.abc import Iterator

from ..binary.constants import SymbolKind
from ..linking.chunks import ObjectInput
from ..linking.plan import Plan
from ..linking.symbol_names import symbol_text
from ..linking.symbols import DEFINED, Symbol
from .live_patterns import Named
from .reference_graph import ReferenceGraph
from .source_names import short_name


class LiveNames:
    """Finds what a pattern names. What has one kind of name is listed when a pattern first asks for it; from then on an
    exact name is looked up.

    A symbol stands for its node in the reference graph, because identical code folding may have given it another one.
    """

    def __init__(self, plan: Plan, graph: ReferenceGraph) -> None:
        self._plan = plan
        self._graph = graph
        self._imports: dict[bool, Named[int]] = {}
        self._symbols: Named[Symbol | int] | None = None
        self._demangled: Named[Symbol | int] | None = None
        self._segments: Named[Symbol | int] | None = None
        self._members: Named[ObjectInput] | None = None
        self._resolved: Named[bytes] | None = None

    def imports(self, pattern: str, *, qualified: bool) -> list[int]:
        """:param qualified: whether the pattern names the module, too, with a dot between them."""
        if qualified not in self._imports:
            self._imports[qualified] = Named(self._list_imports(qualified=qualified))
        return self._imports[qualified].find(pattern)

    def _list_imports(self, *, qualified: bool) -> Iterator[tuple[int, tuple[str]]]:
        counts: dict[int, int] = {}
        for entry in self._plan.spaces.imports.entries:
            number = counts.get(entry.kind, 0)
            counts[entry.kind] = number + 1
            module, name = name_text(entry.module), name_text(entry.name)
            yield self._graph.imported(entry.kind, number), (f"{module}.{name}" if qualified else name,)

    def symbols(self, pattern: str) -> list[Symbol | int]:
        """Live symbols, and functions and globals of the linker's own. If no symbol has such a name, those whose
        demangled name matches: to demangle all names takes time."""
        if self._symbols is None:
            self._symbols = Named(self._list_symbols())
        found = self._symbols.find(pattern)
        if found:
            return found
        if self._demangled is None:
            self._demangled = Named(self._list_demangled())
        return self._demangled.find(pattern)

    def _list_symbols(self) -> Iterator[tuple[Symbol | int, tuple[str]]]:
        for file in self._graph.files:
            for symbol in file.symbols:
                if symbol.state == DEFINED and symbol.is_live:
                    yield symbol, (symbol_text(symbol.name),)
            if not isinstance(file, ObjectInput):
                for i, name in enumerate(file.function_names):
                    if file.function_live[i]:
                        yield self._graph.function(file, i), (name_text(name),)
                for i, name in enumerate(file.global_names):
                    if file.global_live[i]:
                        yield self._graph.global_(file, i), (name_text(name),)

    def _list_demangled(self) -> Iterator[tuple[Symbol, tuple[str, str]]]:
        for file in self._graph.files:
            for symbol in file.symbols:
                if symbol.state == DEFINED and symbol.name[:1] in (b"_", b".") and symbol.is_live:
                    shown = _demangled(symbol.name)
                    # A function may be named with its parameters, or without.
                    yield symbol, (shown, shown.partition("(")[0])

    def segments(self, pattern: str) -> list[Symbol | int]:
        """Live segments by name, and symbols whose segment identical constants replaced."""
        if self._segments is None:
            self._segments = Named(self._list_segments())
        return self._segments.find(pattern)

    def _list_segments(self) -> Iterator[tuple[Symbol | int, tuple[str]]]:
        for file in self._graph.files:
            for segment in file.segments:
                if segment.live:
                    yield self._graph.segment(file, segment.index), (name_text(segment.name),)
            for symbol in file.symbols:
                if symbol.kind == SymbolKind.DATA and symbol.folded_from is not None:
                    origin, index = symbol.folded_from
                    if origin is file:
                        yield symbol, (name_text(file.segments[index].name),)

    def members(self, pattern: str) -> list[ObjectInput]:
        """Objects by path, by archive and member, or by the name of the file alone."""
        if self._members is None:
            files = self._graph.files
            self._members = Named((file, _file_names(file)) for file in files if isinstance(file, ObjectInput))
        return self._members.find(pattern)

    def resolved(self, pattern: str) -> list[bytes]:
        """The names of symbols, live or not, by that name or the demangled one."""
        if self._resolved is None:
            self._resolved = Named((name, _both_names(name)) for name in self._plan.resolution.symbols)
        return self._resolved.find(pattern)


def name_text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _both_names(name: bytes) -> tuple[str, ...]:
    return (name_text(name), _demangled(name)) if name[:1] == b"_" else (name_text(name),)


def _demangled(name: bytes) -> str:
    from ..demangle import demangle

    return name_text(demangle(name))


def _file_names(file: ObjectInput) -> tuple[str, ...]:
    return file.name, short_name(file), file.input.member, file.input.member.replace("\\", "/").rsplit("/", 1)[-1]
