"""The operators of C++ by their codes in names mangled by the Itanium ABI."""

from __future__ import annotations

from typing import Final

_OPERATOR_SYMBOLS: Final = (
    "aN&= aS= aa&& ad& an& cl() cm, co~ cp() dV/= de* dv/ eO^= eo^ eq== ge>= gt> ix[] lS<<= le<= ls<< lt< mI-= mL*= "
    "mi- ml* mm-- ne!= ng- nt! oR|= oo|| or| pL+= pl+ pm->* pp++ ps+ pt-> qu? rM%= rS>>= rm% rs>> ss<=>"
)
_ALLOCATION_OPERATORS: Final = {"nw": "new", "na": "new[]", "dl": "delete", "da": "delete[]", "aw": "co_await"}

OPERATOR_NAMES: Final = {entry[:2]: "operator" + entry[2:] for entry in _OPERATOR_SYMBOLS.split()} | {
    code: "operator " + word for code, word in _ALLOCATION_OPERATORS.items()
}
"""Operators that can be declared, by their codes."""
