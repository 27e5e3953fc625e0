"""A comparison of modules without the step that only ours takes in a static program's first thread.

The reference leaves entries of the global offset table that point to thread-local data at their distance from the
thread's block until ``__wasm_init_tls`` is called, which no one does in the first thread of a static module: its code
would read other data. Ours relocates them, by one call in ``__wasm_init_memory``.
"""

from __future__ import annotations

import re

from tests.fuzz.mutate import join, split
from tests.support.module import read_module
from tests.support.objects import blob, leb

NAME, CALLED = "__wasm_init_memory", "__wasm_apply_global_tls_relocs"


def without_relocation(content: bytes) -> bytes:
    """Return a module without that call; the module itself if there is none."""
    module = read_module(content)
    names = {name: index for index, name in module.names.get("function", {}).items()}
    first = len(module.imported("func"))
    if NAME not in names or CALLED not in names:
        return content
    index = names[NAME] - first
    # Between the copy of the last segment and the flag that says that memory is initialised.
    call = b"\x10" + leb(names[CALLED])
    body = re.sub(re.escape(call) + rb"(?=\x41[\x80-\xff]*[\x00-\x7f]\x41\x02\xfe\x17)", b"", module.code[index])
    bodies = [*module.code[:index], body, *module.code[index + 1 :]]
    code = leb(len(bodies)) + b"".join(map(blob, bodies))
    sections, _ = split(content)
    return join([(identity, code if identity == 10 else part) for identity, part in sections])
