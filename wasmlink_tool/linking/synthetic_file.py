"""The file of what the linker defines itself: functions, globals and tables that are in no input."""

from __future__ import annotations

from array import array

from ..binary.leb128 import uleb
from ..inputs.object_file import Global, GlobalType, TableType
from .chunks import NO_NUMBER, LinkedFile


class SyntheticFile(LinkedFile):
    """A file of functions, globals and tables that the linker defines."""

    __slots__ = ("bodies",)

    def __init__(self, name: str, *, gc_sections: bool) -> None:
        super().__init__(name, gc_sections=gc_sections)
        self.function_names = []
        self.function_debug_names = {}
        self.function_signatures = []
        self.function_live = bytearray()
        self.function_discarded = bytearray()
        self.function_numbers = array("i")
        self.export_names = {}
        self.globals = []
        self.global_names = []
        self.global_live = bytearray()
        self.global_numbers = array("i")
        self.tables = []
        self.table_names = []
        self.table_live = bytearray()
        self.table_numbers = array("i")
        self.segments = []
        self.bodies: list[bytes] = []
        """The contents of each function's entry: locals, code and ``end``, without the size; empty until then."""

    def function_entry(self, index: int) -> bytes:
        """Return a function's entry in the code section."""
        body = self.bodies[index]
        return uleb(len(body)) + body

    def function_size(self, index: int) -> int:
        return len(self.function_entry(index))

    def add_function(self, name: bytes, signature: bytes, debug_name: bytes = b"") -> int:
        index = len(self.function_names)
        self.function_names.append(name)
        if debug_name:
            self.function_debug_names[index] = debug_name
        self.function_signatures.append(signature)
        self.bodies.append(b"")
        self.function_live.append(not self.gc_sections)
        self.function_discarded.append(0)
        self.function_numbers.append(NO_NUMBER)
        return index

    def add_global(self, name: bytes, type_: GlobalType, initializer: bytes) -> int:
        self.globals.append(Global(type_, initializer))
        self.global_names.append(name)
        self.global_live.append(not self.gc_sections)
        self.global_numbers.append(NO_NUMBER)
        return len(self.globals) - 1

    def add_table(self, name: bytes, type_: TableType) -> int:
        self.tables.append(type_)
        self.table_names.append(name)
        self.table_live.append(not self.gc_sections)
        self.table_numbers.append(NO_NUMBER)
        return len(self.tables) - 1
