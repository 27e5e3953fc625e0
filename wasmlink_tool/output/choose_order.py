"""Write the module with each order of functions, types and table entries, and keep the smallest one (``--renumber``).

``--optimize-for=gzip`` chooses the module that is smallest after compression; ``raw`` the smallest one of those that
are no larger after compression than with the order of the inputs. Orders that shorten numbers often compress worse,
since the functions of an object have more in common than those that are used most.
"""

from __future__ import annotations

import zlib

from ..diagnostics import Diagnostics
from ..linking.plan import Plan
from ..linking.renumber import Numbering, numberings
from ..options import LinkOptions, OptimizeFor
from .module import Module, write_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .encoding import Chunk


def write_smallest_module(plan: Plan, options: LinkOptions, diagnostics: Diagnostics) -> Module:
    """Number everything in the order that gives the smallest module, and write it."""
    best: tuple[tuple[int, int], Numbering, Module] | None = None
    most = last = None
    for numbering in numberings(plan, options):
        numbering.apply(plan, options)
        # Every module has the same warnings.
        module = write_module(plan, options, diagnostics if best is None else Diagnostics())
        last = numbering
        raw, compressed = sum(map(len, module.chunks)), compressed_size(module.chunks)
        if most is None:
            most = compressed
        if options.optimize_for is OptimizeFor.GZIP:
            sizes = compressed, raw
        elif compressed > most:
            continue
        else:
            sizes = raw, compressed
        if best is None or sizes < best[0]:
            best = sizes, numbering, module
    assert best is not None
    if best[1] is last:
        return best[2]
    # What is reported about the module depends on the last one written.
    best[1].apply(plan, options)
    return write_module(plan, options, Diagnostics())


def compressed_size(chunks: Sequence[Chunk]) -> int:
    """Return the size after ``gzip -9``, without its header."""
    compressor = zlib.compressobj(9)
    return sum(len(compressor.compress(chunk)) for chunk in chunks) + len(compressor.flush())
