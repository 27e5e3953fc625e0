"""Types and kinds in wasm-ld's wording, for diagnostics."""

from __future__ import annotations

from ..binary.constants import VALUE_TYPE_NAMES, SymbolKind
from ..binary.signature import parameters_and_results
from ..inputs.object_file import GlobalType, TableType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_VALUE_TYPES: Final = {bytes((code,)): name.lower() for code, name in VALUE_TYPE_NAMES.items()}

KIND_NAMES: Final[dict[int, str]] = {
    SymbolKind.FUNCTION: "WASM_SYMBOL_TYPE_FUNCTION",
    SymbolKind.DATA: "WASM_SYMBOL_TYPE_DATA",
    SymbolKind.GLOBAL: "WASM_SYMBOL_TYPE_GLOBAL",
    SymbolKind.SECTION: "WASM_SYMBOL_TYPE_SECTION",
    SymbolKind.TAG: "WASM_SYMBOL_TYPE_TAG",
    SymbolKind.TABLE: "WASM_SYMBOL_TYPE_TABLE",
}


def value_type(encoded: bytes) -> str:
    return _VALUE_TYPES.get(encoded, "reference")


def signature(encoded: bytes) -> str:
    parameters, results = [", ".join(map(value_type, types)) for types in parameters_and_results(encoded)]
    return f"({parameters}) -> {results or 'void'}"


def global_type(type_: GlobalType) -> str:
    return ("var " if type_.mutable else "const ") + value_type(type_.value_type)


def table_type(type_: TableType) -> str:
    maximum = f"; max={type_.maximum}" if type_.maximum is not None else ""
    limits = f"flags=0x{type_.flags:x}; min={type_.minimum}{maximum}"
    return f"type={value_type(type_.element_type)}; limits=[{limits}]"
