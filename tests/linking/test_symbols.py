"""Transitions of a symbol: nothing of what it was is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wasmlink_tool.binary.constants import SymbolFlag, SymbolKind
from wasmlink_tool.binary.relocations import COMPILED
from wasmlink_tool.empty_collections import NO_ENTRIES, NO_ITEMS
from wasmlink_tool.linking.chunks import NO_NUMBER, InputSegment
from wasmlink_tool.linking.symbol_details import DetailedSymbol
from wasmlink_tool.linking.symbols import DEFINED, LAZY, NEW, SHARED, UNDEFINED, Symbol
from wasmlink_tool.linking.synthetic_file import SyntheticFile

pytestmark = pytest.mark.skipif(COMPILED, reason="compiled classes check the types of stand-ins and have no slots")

FUNCTION, DATA = SymbolKind.FUNCTION, SymbolKind.DATA
FILE = SyntheticFile("file", gc_sections=True)
OTHER: Any = SyntheticFile("other", gc_sections=True)
SIGNATURE = b"\0\0"
KEPT = {"source"}
"""The fields that a symbol keeps from its earlier states: the member in which its name was first seen."""

TRANSITIONS: dict[str, tuple[int, Callable[[Symbol], None]]] = {
    "undefined": (UNDEFINED, lambda s: s.become_undefined(FUNCTION, 0, FILE, signature=SIGNATURE)),
    "undefined data": (UNDEFINED, lambda s: s.become_undefined(DATA, SymbolFlag.BINDING_WEAK, FILE)),
    "shared": (SHARED, lambda s: s.become_shared(OTHER, FUNCTION, SIGNATURE)),
    "absolute": (DEFINED, lambda s: s.become_absolute(0)),
}


def fields(symbol: Symbol) -> dict[str, object]:
    details = {name for name, value in vars(DetailedSymbol).items() if isinstance(value, property)}
    names = {*Symbol.__slots__, "got_number", *details} - KEPT
    return {name: getattr(symbol, name) for name in names}


def used() -> Symbol:
    """A symbol that was defined as data, imported, referred to, and shared before."""
    symbol = Symbol(b"f", DATA, DEFINED, SymbolFlag.EXPORTED, OTHER)
    symbol.value, symbol.size, symbol.index = 5, 6, 7
    symbol.segment = InputSegment.__new__(InputSegment)
    symbol.library = OTHER
    symbol.import_module = symbol.import_name = b"x"
    symbol.add_referrer(OTHER, 1)
    return symbol


@pytest.mark.parametrize("name", TRANSITIONS)
def test_a_transition_sets_all_that_depends_on_the_state(name: str) -> None:
    state, change = TRANSITIONS[name]
    fresh, old = Symbol(b"f", DATA, NEW, 0, None), used()
    change(fresh)
    change(old)
    assert fresh.state == state
    differing = {field for field, value in fields(fresh).items() if fields(old)[field] != value}
    # Who the symbol's file was means nothing for what a library defines.
    assert differing <= ({"file", "_referrers"} if state == SHARED else set())


def test_a_weak_reference_stays_one_where_a_member_would_define_it() -> None:
    symbol = Symbol(b"f", DATA, NEW, 0, None)
    symbol.become_undefined(FUNCTION, SymbolFlag.BINDING_WEAK, FILE, signature=SIGNATURE, referrer=(FILE, 0))
    symbol.become_lazy(OTHER, SymbolFlag.BINDING_WEAK)
    assert (symbol.state, symbol.is_undefined, symbol.signature) == (LAZY, False, SIGNATURE)
    symbol.become_unlinked()
    assert symbol.is_undefined_weak
    assert symbol.referrers == [(FILE, 0)]


def test_a_trap_is_a_local_function_of_the_linker() -> None:
    symbol = Symbol(b"f", DATA, NEW, 0, None)
    symbol.become_undefined(FUNCTION, 0, OTHER, signature=SIGNATURE, import_name=b"host")
    symbol.become_trap(FILE, 3)
    assert (symbol.is_stub, symbol.is_local, symbol.file, symbol.index) == (True, True, FILE, 3)
    assert symbol.signature == SIGNATURE


def test_a_definition_in_bitcode_keeps_what_callers_expect() -> None:
    symbol = Symbol(b"f", DATA, NEW, 0, None)
    symbol.become_undefined(FUNCTION, 0, OTHER, signature=SIGNATURE)
    symbol.become_defined_in_bitcode(FUNCTION, 0, FILE)
    assert (symbol.state, symbol.signature, symbol.referrers) == (DEFINED, SIGNATURE, [(FILE, 0)])
    symbol.become_undefined_again()
    assert symbol.is_undefined
    assert symbol.referrers == [(FILE, 0)]


def test_a_field_that_few_symbols_have_is_that_of_one_symbol() -> None:
    one, other = (Symbol(b"f", FUNCTION, NEW, 0, None) for _ in range(2))
    for symbol in (one, other):
        symbol.become_undefined(FUNCTION, 0, FILE, signature=SIGNATURE, import_module=b"m")
    one.slot, one.import_name = 5, b"n"
    assert (one.import_module, one.import_name, one.slot) == (b"m", b"n", 5)
    assert (other.import_module, other.import_name, other.slot) == (b"m", None, NO_NUMBER)
    one.become_undefined(FUNCTION, 0, FILE)
    names = [one.import_module, one.import_name, Symbol(b"g", FUNCTION, NEW, 0, None).import_module]
    assert names == [None, None, None]


CONDITIONS = ("force_export", "force_import", "keeps_address", "traced", "is_stub", "got_is_imported")


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("has_own", [False, True])
def test_a_condition_is_that_of_one_symbol(name: str, has_own: bool) -> None:
    one, other = (Symbol(b"f", FUNCTION, NEW, 0, None) for _ in range(2))
    for symbol in (one, other):
        symbol.become_undefined(FUNCTION, 0, FILE, signature=SIGNATURE, import_module=b"m")
        if has_own:
            symbol.slot = 5
    setattr(one, name, True)
    assert [getattr(one, each) for each in CONDITIONS] == [each == name for each in CONDITIONS]
    assert not any(getattr(other, each) for each in CONDITIONS)
    assert not any(getattr(Symbol(b"g", FUNCTION, NEW, 0, None), each) for each in CONDITIONS)
    one.become_undefined(FUNCTION, 0, FILE)
    assert (getattr(one, name), one.import_module, other.import_module) == (True, None, b"m")
    setattr(one, name, False)
    assert not any(getattr(one, each) for each in CONDITIONS)


def test_shared_empty_collections_refuse_elements() -> None:
    """Files without elements of a kind share an empty collection; what it held would be in all of them."""
    refused = pytest.raises(TypeError, match="assign one of the file's own")
    with refused:
        NO_ITEMS.append(1)
    with refused:
        NO_ITEMS.extend([1])
    with refused:
        NO_ENTRIES["a"] = 1
    with refused:
        NO_ENTRIES.setdefault("a", 1)
    with refused:
        NO_ENTRIES.update(a=1)
    assert NO_ITEMS == []
    assert NO_ENTRIES == {}
