"""A link that begins with the module of the last one, where a few objects changed and no decision with them.

An object may change its code, the contents of its data and its custom sections. What it defines and asks for must be
the same, and whatever it newly refers to must be in the output already; then every index and every address stays. What
moves is where functions and custom sections stand, which debug information alone tells: the fields that do are
corrected in place, by what their target moved.
"""

from __future__ import annotations

from struct import error

from ..binary.reader import FormatError
from ..diagnostics import Diagnostics, FatalError, LinkError
from ..inputs.parse_cache import cache_at
from ..options import LinkOptions, needs_full_link
from ..output.encoding import Chunk
from ..output.writer import check_writable
from ..records import record
from . import state as states
from .find_changes import changed_objects
from .match_objects import Unusable
from .patch_module import Rewriter
from .previous_link import LastLink
from .replacements import Replacements


@record(frozen=True)
class Relinked:
    """The chunks of the module, and what was read."""

    chunks: list[Chunk]
    files_read: tuple[str, ...]
    reused: int
    """Objects whose bytes were taken from the last module."""
    changed: int
    """Objects that were linked anew."""


def relink(options: LinkOptions) -> Relinked | str:
    """The module of a link with checked options, or why the ordinary link has to find it."""
    if options.cache_directory is None:
        return "no cache directory"
    unsafe = needs_full_link(options)
    if unsafe is not None:
        return f"--{unsafe.options[0]} takes a full link"
    diagnostics = Diagnostics()
    if options.output is not None:
        check_writable(options.output, "output", diagnostics)
    if diagnostics.entries:
        return "the output cannot be written"
    state = states.load(options.cache_directory, states.state_key(options))
    if state is None:
        return "no state"
    try:
        cache = cache_at(options.cache_directory, options.cache_limit)
        changed = changed_objects(options, state, cache)
        chunks = state.module
        if changed:
            last = LastLink(state)
            chunks = Rewriter(last, Replacements(options, last, changed, cache)).chunks()
    except (Unusable, FatalError, FormatError, LinkError) as why:
        # Whatever is wrong, the ordinary link finds it again and says so.
        return str(why)
    except (AssertionError, LookupError, OverflowError, TypeError, ValueError, error) as why:
        # Nothing but a checksum stands between a state and a file that something else wrote.
        return f"the state does not fit: {why!r}"
    return Relinked(chunks, tuple(path for path, _, _ in state.read), len(state.files) - len(changed), len(changed))
