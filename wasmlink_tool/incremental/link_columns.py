"""The decisions of a finished link in columns: what a later link needs to make them again.

Whatever can be live is a *node*. The nodes of a file are adjacent: its functions, segments, globals, tags and tables,
in this order; the linker's own file comes first, then the objects in link order. A symbol without a place in a file is
a node behind those, numbered by its row (:mod:`.save_state`).

The references of a node are *edges*: the nodes that :mod:`..linking.mark_live` marks with it. Those of dead nodes are
there as well, since an edit may bring one to life.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from ..records import record
from ..stored import (
    StoredError,
    pack_array,
    pack_groups,
    pack_record,
    pack_strings,
    unpack_array,
    unpack_groups,
    unpack_record,
    unpack_strings,
)
from .number_fields import FIELD_TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    Buffer = bytes | memoryview

KINDS: Final = 5
"""Kinds of nodes in a file."""
NO_NODE: Final = 0xFFFFFFFF
"""The target of an edge that marks nothing: of a type, or of an address that is null."""
NO_ROW: Final = 0xFFFFFFFF


@record()
class LinkColumns:
    """See the module's description. All columns but ``live`` hold numbers of 32 bits."""

    counts: array[int]
    """For each file, its number of functions, segments, globals, tags, tables."""
    live: bytes
    """For each node, whether it is live."""
    edge_ends: array[int]
    """For each node in a file, where its edges end; they begin where those of the node before end."""
    edges: array[int]
    """Those of a node name each other node once."""
    roots: array[int]
    """The nodes that are live without a reference; those that depend on a file's liveness are in ``implicit``."""
    eager: bytes
    """For each object, whether it is part of the program even if nothing in it is live."""
    at_turn: bytes
    """For each object, whether it is a member that was extracted at its archive's turn."""
    implicit: list[list[int]]
    """For each object with constructors or retained segments, its number and those nodes; constructors come first."""
    started: array[int]
    """For each object, its rank in the order in which resolution began with the objects."""
    groups: list[bytes]
    """The names of COMDAT groups, each once."""
    providers: array[int]
    """For each group, the object that provides it."""
    carriers: array[int]
    """For each group, how many objects have it."""
    field_counts: list[array[int]]
    """For each class of fields, their number in each object."""
    field_positions: list[array[int]]
    """For each class, the positions in the module, in link order."""
    field_values: list[array[int]]
    """For each class, what stands in the fields: the numbers of functions, types and table slots."""
    slot_uses: list[list[int]]
    """For each object with addresses of functions, its number and the slots that it names, in the order of the scan."""
    type_uses: list[list[int]]
    """For each object with code that names types, its number and the types' numbers, in the order of the scan."""
    slots: array[int]
    """For each slot in order, the node of its function."""
    slot_numbers: array[int]
    """For each slot in order, the number of its function."""
    name_positions: array[int]
    """The position of each function's name in the module's name section, imports included; one more element is the end
    of the last. Empty if there is no such section."""
    name_rows: array[int]
    """For each name in the symbol table, the row of its symbol, or :data:`NO_ROW`."""
    imported: int
    """The number of imported functions; they have the first numbers."""
    wrappers: int
    """The number of functions after those of the objects."""
    import_types: array[int]
    """The types of imported functions and tags, in order."""
    tag_types: array[int]
    """Those of the other tags."""
    call_ctors: int
    """The node of the function that calls the constructors."""
    stack_pointer: int
    """The node of the stack pointer, which is live without a reference."""
    interfaces: Buffer
    """The packed :class:`.interfaces.Interfaces` of the objects."""

    def add_objects(self, eager: Sequence[bool]) -> None:
        """Add objects without anything in them at the end of the link.

        :param eager: for each, whether it is part of the program even if nothing in it is live.
        """
        count = len(eager)
        self.counts.extend([0] * (KINDS * count))
        self.eager += bytes(eager)
        self.at_turn += bytes(count)
        self.started.extend(range(len(self.started), len(self.started) + count))
        for column in self.field_counts:
            column.extend([0] * count)

    def packed(self) -> bytes:
        return pack_record(
            [
                pack_array("I", self.counts),
                self.live,
                pack_array("I", self.edge_ends),
                pack_array("I", self.edges),
                pack_array("I", self.roots),
                self.eager,
                self.at_turn,
                pack_groups(self.implicit),
                pack_array("I", self.started),
                pack_strings(self.groups),
                pack_array("I", self.providers),
                pack_array("I", self.carriers),
                *(pack_array("I", column) for column in self.field_counts),
                *(pack_array("I", column) for column in self.field_positions),
                *(pack_array("I", column) for column in self.field_values),
                pack_groups(self.slot_uses),
                pack_groups(self.type_uses),
                pack_array("I", self.slots),
                pack_array("I", self.slot_numbers),
                pack_array("I", self.name_positions),
                pack_array("I", self.name_rows),
                pack_array("I", self.import_types),
                pack_array("I", self.tag_types),
                self.interfaces,
                pack_array("I", [self.imported, self.wrappers, self.call_ctors, self.stack_pointer]),
            ]
        )


def unpack_link(packed: Buffer) -> LinkColumns:
    """:raises StoredError: the columns do not fit together."""
    classes = len(FIELD_TYPES)
    parts = unpack_record(packed, 22 + 3 * classes)
    imported, wrappers, call_ctors, stack_pointer = unpack_array("I", parts[-1])
    numbers = [unpack_array("I", part) for part in parts[12 : 12 + 3 * classes]]
    found = LinkColumns(
        counts=unpack_array("I", parts[0]),
        live=bytes(parts[1]),
        edge_ends=unpack_array("I", parts[2]),
        edges=unpack_array("I", parts[3]),
        roots=unpack_array("I", parts[4]),
        eager=bytes(parts[5]),
        at_turn=bytes(parts[6]),
        implicit=unpack_groups(parts[7]),
        started=unpack_array("I", parts[8]),
        groups=unpack_strings(parts[9]),
        providers=unpack_array("I", parts[10]),
        carriers=unpack_array("I", parts[11]),
        field_counts=numbers[:classes],
        field_positions=numbers[classes : 2 * classes],
        field_values=numbers[2 * classes :],
        slot_uses=unpack_groups(parts[-10]),
        type_uses=unpack_groups(parts[-9]),
        slots=unpack_array("I", parts[-8]),
        slot_numbers=unpack_array("I", parts[-7]),
        name_positions=unpack_array("I", parts[-6]),
        name_rows=unpack_array("I", parts[-5]),
        import_types=unpack_array("I", parts[-4]),
        tag_types=unpack_array("I", parts[-3]),
        imported=imported,
        wrappers=wrappers,
        call_ctors=call_ctors,
        stack_pointer=stack_pointer,
        interfaces=parts[-2],
    )
    objects = len(found.eager)
    nodes = len(found.edge_ends)
    if (
        len(found.counts) != KINDS * (objects + 1)
        or sum(found.counts) != nodes
        or nodes > len(found.live)
        or not len(found.started) == len(found.at_turn) == objects
        or not len(found.groups) == len(found.providers) == len(found.carriers)
        or (found.edge_ends[-1] if nodes else 0) != len(found.edges)
        or any(len(column) != objects for column in found.field_counts)
        or any(
            not sum(counts) == len(positions) == len(values)
            for counts, positions, values in zip(found.field_counts, found.field_positions, found.field_values)
        )
        or any(not 0 <= of[0] < objects for of in (*found.implicit, *found.slot_uses, *found.type_uses))
        or len(found.slots) != len(found.slot_numbers)
    ):
        raise StoredError("columns that do not fit together")
    return found
