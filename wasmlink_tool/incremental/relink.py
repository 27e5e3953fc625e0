"""Start a link from the saved state of the last one.

The fast way repeats no decision. An object may change its code, the contents of its data and its custom sections. Its
definitions and references must be the same, and the targets of new references must be in the output already; then every
index and every address stays. Only the offsets of functions and custom sections change, to which only debug information
refers: these fields are corrected in place, by the distance that their target moved.

Where a decision differs, those that depend on it are made again, from columns of the state (:mod:`.update`), and the
fields of unchanged objects that name something with another number or address are corrected as well.

Otherwise the passes decide everything again, and :mod:`.reuse` copies unaffected bytes from the last module.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..binary.reader import FormatError
from ..diagnostics import Diagnostics, FatalError, LinkError
from ..inputs.input_files import ObjectSource
from ..inputs.parse_cache import ParseCache, cache_at
from ..options import LinkOptions, needs_full_link
from ..output.encoding import Chunk
from ..output.writer import check_writable
from ..records import record
from . import state as states
from .find_changes import FEW_CHANGED, Files, changed_objects
from .match_objects import Unusable
from .patch_module import Rewriter
from .previous_link import LastLink
from .replacements import ChangedObjects, Replacements
from .state import UNFIT, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reuse import Reuse
    from .update import Update


@record(frozen=True)
class Relinked:
    """The chunks of the module, and the files that were read."""

    chunks: list[Chunk]
    files_read: tuple[str, ...]
    reused: int
    """Objects whose bytes were copied from the last module."""
    changed: dict[str, str]
    """The objects that were linked again, with the reason for each."""
    updated: str = ""
    """Why decisions had to be updated; empty if none differs."""


@record(frozen=True)
class Passes:
    """The passes must run."""

    why: str
    """Why the decisions of the last link are not enough."""
    reuse: Reuse | None
    """The parts of the last link that can be reused; ``None`` for a full link."""


def relink(options: LinkOptions) -> Relinked | Passes:
    """Return the module of a link with checked options that have a cache directory, or the input for its passes."""
    assert options.cache_directory is not None
    option = states.whole_link_option(options) or ("--reproduce" if options.on_read is not None else "")
    if option:
        return Passes(f"{option} needs a whole link", None)
    diagnostics = Diagnostics()
    if options.output is not None:
        check_writable(options.output, "output", diagnostics)
    if diagnostics.entries:
        return Passes("the output cannot be written", None)
    key = states.state_key(options)
    state = states.load(options.cache_directory, key)
    if state is None:
        return Passes("no state", None)
    try:
        files = Files(state)
        found = _patched(options, key, state, files)
        if isinstance(found, Relinked):
            return found
        if found.endswith("\n"):
            # The module was modified before the problem was found.
            state = states.load(options.cache_directory, key)
        if state is None:
            return Passes(found.strip(), None)
        from .reuse import Reuse

        return Passes(found.strip(), Reuse(state, files.known))
    except UNFIT as why:
        return Passes(f"the state does not fit: {why!r}", None)


def _patched(options: LinkOptions, key: str, state: State, files: Files) -> Relinked | str:
    """Patch the last module; or return the reason why not, with a newline if the module in memory was modified."""
    assert options.cache_directory is not None
    unsafe = needs_full_link(options)
    if unsafe is not None:
        return f"--{unsafe.options[0]} needs all passes"
    if not state.is_exact:
        return "the last link has something that only the passes support"
    spoilt = ""
    read = tuple(path for path, _, _, _ in state.read)
    try:
        cache: ParseCache = cache_at(options.cache_directory, options.cache_limit)
        differs = ""
        changed: dict[int, ObjectSource] = {}
        try:
            changed = changed_objects(options, state, files, cache)
        except Unusable as why:
            differs = str(why)
        anew = {source.name: "it changed" for source in changed.values()}
        if _leaves_many(options, key, state, changed):
            return _MANY
        chunks = state.module
        updated = ""
        if changed or differs:
            last = LastLink(state)
            versions = ChangedObjects(last, changed, cache)
            try:
                if differs:
                    raise Unusable(differs)
                rewriter = Rewriter(last, Replacements(options, last, versions))
            except (Unusable, FatalError, FormatError, LinkError) as why:
                # Some decision differs, or that is not certain.
                from .update_module import UpdatingRewriter

                updated = str(why)
                update = _updated(options, last, files, versions, resolve_all=bool(differs))
                anew.update(update.touched)
                if update.resolved is not None:
                    read = tuple(update.resolved.names.files.read)
                    others = {ordinal: update.resolved.sources.get(ordinal) for ordinal in update.changed}
                    if _leaves_many(options, key, state, others):
                        return _MANY
                rewriter = UpdatingRewriter(last, update)
            spoilt = "\n"
            chunks = rewriter.chunks()
    except (Unusable, FatalError, FormatError, LinkError) as why:
        # The passes find the same error and report it.
        return f"{why}{spoilt}"
    except UNFIT as why:
        return f"the state does not fit: {why!r}\n"
    return Relinked(chunks, read, max(len(state.files) - len(anew), 0), anew, updated)


_MANY = "many objects changed since the state was saved, and others since then"


def _leaves_many(options: LinkOptions, key: str, state: State, changed: Mapping[int, ObjectSource | None]) -> bool:
    """Return whether each next link would have to link again what this one does, and more."""
    assert options.cache_directory is not None
    return len(changed) > FEW_CHANGED and not states.is_first_patch(options.cache_directory, key, state, changed)


def _updated(
    options: LinkOptions, last: LastLink, files: Files, versions: ChangedObjects, *, resolve_all: bool
) -> Update:
    """Update the decisions of the last link; resolve the names of all objects again if that is not avoided easily."""
    from .update import Update

    last.forget()
    if not resolve_all:
        try:
            return Update(options, last, files, versions)
        except (Unusable, FatalError, FormatError, LinkError):
            last.forget()
    return Update(options, last, files, versions, resolve_all=True)
