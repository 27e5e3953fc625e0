"""States that somebody made up behind a right checksum, or put where the state of other options is looked for."""

from __future__ import annotations

import random
from pathlib import Path

from wasmlink_tool.files import frame
from wasmlink_tool.incremental import state as states
from wasmlink_tool.stored import StoredError, record_chunks, unpack_columns

HEAD = 12
"""Bytes of a frame behind its magic."""


def damaged_columns(data: bytes, pick: random.Random) -> bytes:
    """A state with some of its columns changed, which knows nothing of that."""
    columns = [bytearray(column) for column in unpack_columns(data)]
    for _ in range(pick.choice((1, 1, 1, 2, 5))):
        # The module is by far the largest, and the least interesting.
        number = pick.randrange(1, len(columns) - 1)
        column = columns[number]
        if pick.random() < 0.7:
            try:
                columns[number] = bytearray(damaged_columns(bytes(column), pick))
            except (StoredError, ValueError):
                # It has no columns of its own, or not enough.
                pass
            else:
                continue
        if not column:
            continue
        at = pick.randrange(len(column))
        how = pick.random()
        if how < 0.4:
            column[at] = pick.choice((0, 1, 0x7F, 0x80, 0xFF, pick.randrange(256)))
        elif how < 0.6:
            column[at : at + 4] = pick.choice((b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\0\0"))
        elif how < 0.8:
            del column[at : at + pick.randrange(1, 9)]
        else:
            column[at:at] = column[at : at + pick.randrange(1, 9)]
    return b"".join(record_chunks(columns))


def contents_of(state: bytes) -> bytes:
    """Return the columns of a state's file."""
    magic = states.state_magic()
    assert state.startswith(magic)
    return state[len(magic) + HEAD :]


def craft_states(pick: random.Random, cache: Path) -> None:
    """Damage the columns of each state in a cache directory, and make their checksums right again."""
    for path in sorted((cache / "links").glob("*")):
        contents = path.read_bytes()
        if contents.startswith(states.state_magic()):
            try:
                payload = damaged_columns(contents_of(contents), pick)
            except (StoredError, ValueError):
                continue
            path.write_bytes(b"".join(frame(states.state_magic(), [payload])))


def exchange_states(pick: random.Random, cache: Path) -> None:
    """Let each state have the name of another."""
    paths = [path for path in sorted((cache / "links").glob("*")) if path.is_file()]
    contents = [path.read_bytes() for path in paths]
    pick.shuffle(contents)
    for path, new in zip(paths, contents, strict=True):
        path.write_bytes(new)
