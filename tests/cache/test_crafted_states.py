"""States that somebody made up behind a right checksum: a link may write what they say, and does nothing worse."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.cache.again import compiled
from tests.fuzz.crafted import contents_of, damaged_columns
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.files import frame
from wasmlink_tool.incremental import state as states
from wasmlink_tool.inputs import parse_cache
from wasmlink_tool.linker import link
from wasmlink_tool.options import LinkOptions

MAIN = "extern int a(int); extern int b(int); void _start(void) { a(b(1)); }"
A = (
    'int b(int); const char *text = "%s"; int more(int x) { %s return x; } '
    "int a(int x) { return b(x) + more(x) + *text; }"
)
B = "static int (*volatile p)(int); int b(int x) { p = b; return x; }"
EDITS = {
    "fast": A % ("text", "x *= 7;"),
    "updated": "static int own(int x) { return x ^ 3; } static int (*volatile q)(int) = own; "
    "typedef float (*wide)(float); static volatile wide w; "
    + A
    % ("a text", "x *= b(q(4)) + own(5) + (w ? (int)w(3) : 0);"),
    "passes": A % ("a longer text", "x *= b(4); static int y; y += x;"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_crafted_states(edit: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    options = LinkOptions(inputs=[], output=str(tmp_path / "a.wasm"), cache_directory=str(cache))
    # An update is tried where the sections of debug information stay; here are none.
    options.strip_debug = edit == "updated"
    options.inputs = compiled(tmp_path, {"main.c": MAIN, "a.c": A % ("text", ""), "b.c": B})
    link(options)
    parse_cache.forget()
    (path,) = (cache / "links").iterdir()
    magic = states.state_magic()
    contents = path.read_bytes()
    payload = contents_of(contents)
    compiled(tmp_path, {"a.c": EDITS[edit]})
    clean = link(LinkOptions(inputs=options.inputs, output=options.output, strip_debug=options.strip_debug)).module
    found = Counter[str]()
    pick = random.Random(edit)
    for _ in range(300):
        path.write_bytes(b"".join(frame(magic, [damaged_columns(payload, pick)])))
        try:
            found["same" if link(options).module == clean else "other"] += 1
        except LinkError:
            found["error"] += 1
    assert sum(found.values()) == 300
    assert found["same"] > 100
