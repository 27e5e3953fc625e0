"""What the first thread of a static module does, beside what it does by the reference.

The reference leaves entries of the global offset table that point to thread-local data at their distance from the
thread's block until ``__wasm_init_tls`` is called, which no one does in the first thread of a static module: its code
would read other data. Ours relocates them, by one call in ``__wasm_init_memory``.
"""

from __future__ import annotations

import re

from tests.support.module import Reader, read_module
from tests.support.objects import leb, section

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
    code = leb(len(bodies)) + b"".join(leb(len(one)) + one for one in bodies)
    reader = Reader(content, 8)
    parts = [content[:8]]
    while not reader.at_end:
        start = reader.position
        identity = reader.take(1)[0]
        reader.take(reader.unsigned())
        parts.append(section(10, code) if identity == 10 else content[start : reader.position])
    return b"".join(parts)
