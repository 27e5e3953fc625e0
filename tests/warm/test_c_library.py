"""Links after edits that extract members of a C library, or no longer need them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.archives import archive_of
from tests.support.toolchain import compile_object
from wasmlink_tool.diagnostics import LinkError
from wasmlink_tool.inputs import parse_cache
from wasmlink_tool.linker import link
from wasmlink_tool.options import LinkOptions

LIBRARY = {
    "write": 'extern int host_write(int) __attribute__((import_module("host"), import_name("write")));\n'
    'extern int host_read(int) __attribute__((import_module("host"), import_name("read")));\n'
    "int write_it(int x) { return host_write(x); } int read_it(int x) { return host_read(x); }\n",
    "print": "int write_it(int); static int calls; int print(int x) { calls++; return write_it(x) + calls; }\n",
    # The weak reference is to a member that nothing extracts.
    "open": "int read_it(int); extern int hook(int) __attribute__((weak)); int table_size = 3;\n"
    "int open_it(int x) { return read_it(x) + (hook ? hook(x) : 1) + table_size; }\n",
    "hook": "int hook(int x) { return x + 1; }\n",
    "start": "int started; __attribute__((constructor)) static void begin(void) { started = 7; }\n"
    "int read_it(int); int start_up(int x) { return started + read_it(x); }\n",
    "heap": "extern char __heap_base; static char *top; "
    "void *take(int size) { if (!top) top = &__heap_base; top += size; return top - size; }\n",
}
BODIES = {
    "plain": ("int print(int);", "print(1)"),
    "opens": ("int print(int); int open_it(int);", "print(1) + open_it(2)"),
    "hooked": ("int print(int); int open_it(int); int hook(int);", "print(1) + open_it(2) + hook(3)"),
    "starts": ("int print(int); int start_up(int);", "start_up(2) + print(1)"),
    "takes": ("int print(int); void *take(int);", "print(1) + (int)take(8)"),
    "all": ("int print(int); int open_it(int); int start_up(int); void *take(int);",
            "open_it(1) + start_up(2) + (int)take(3) + print(4)"),
    "imports": ('extern int other(int) __attribute__((import_module("host"), import_name("other"))); int print(int);',
                "other(4) + print(4)"),
}  # fmt: skip
"""The declarations and the expression of a program."""
USED = (
    "static int one(int x) { return x; } int (*volatile pointer)(int) = one;\nint used(int x) { return pointer(x); }\n"
)


@pytest.mark.parametrize("flags", ["-g0", "-g"])
@pytest.mark.parametrize("before", BODIES)
def test_members_come_and_go(before: str, flags: str, tmp_path: Path, objects: Path) -> None:
    def compiled(text: str) -> bytes:
        return compile_object(f"// flags: {flags}\n{text}", ".c", objects)

    (tmp_path / "lib.a").write_bytes(archive_of([(f"{name}.o", compiled(text)) for name, text in LIBRARY.items()]))
    (tmp_path / "used.o").write_bytes(compiled(USED))
    inputs = [str(tmp_path / name) for name in ("main.o", "used.o", "lib.a")]

    def run(body: str, *, cached: bool) -> tuple[bytes, str]:
        declarations, expression = BODIES[body]
        text = f"{declarations} int used(int); int _start(void) {{ return used({expression}); }}\n"
        (tmp_path / "main.o").write_bytes(compiled(text))
        options = LinkOptions(inputs=inputs, output=str(tmp_path / "out.wasm"))
        if cached:
            options.cache_directory, options.time_report = str(tmp_path / "cache"), str(tmp_path / "report.json")
        module = link(options).module
        return module, json.loads((tmp_path / "report.json").read_text())["last_link"] if cached else ""

    run(before, cached=True)
    for after in BODIES:
        if after == before:
            continue
        parse_cache.forget()
        module, how = run(after, cached=True)
        assert module == run(after, cached=False)[0], f"{after}: {how}"
        assert how.startswith("decisions updated"), f"{after}: {how}"


def test_undefined_data_is_an_error_once_it_is_live(tmp_path: Path, objects: Path) -> None:
    (tmp_path / "dead.o").write_bytes(
        compile_object("// flags: -g0\nextern int missing; int dead(void) { return missing; }\n" + USED, ".c", objects)
    )
    inputs = [str(tmp_path / name) for name in ("main.o", "dead.o")]
    text = "// flags: -g0\nint used(int); int dead(void); int _start(void) {{ return used(1){}; }}\n"
    options = LinkOptions(inputs=inputs, output=str(tmp_path / "out.wasm"), cache_directory=str(tmp_path / "cache"))
    (tmp_path / "main.o").write_bytes(compile_object(text.format(""), ".c", objects))
    link(options)
    (tmp_path / "main.o").write_bytes(compile_object(text.format(" + dead()"), ".c", objects))
    with pytest.raises(LinkError, match="undefined symbol: missing"):
        link(options)
