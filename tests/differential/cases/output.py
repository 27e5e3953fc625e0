"""Writing: where the module goes, and what a failure leaves behind."""

from tests.differential.asm import START, extern, func
from tests.differential.harness import Case, Files

CALLS_MISSING = func("_start", "() -> ()", "call f") + extern("f")
FAILING: Files = {"a.s": CALLS_MISSING, "out.wasm": b"previous"}

CASES = [
    Case("default-name", {"a.s": START}, "a.o", output=False, exit=1, says=["no output file specified"]),
    Case("output-twice", {"a.s": START}, "a.o -o other.wasm", says=(), has=[]),
    Case("standard-output", {"a.s": START}, "a.o -o -", output=False, has=["func _start"]),
    Case("joined-name", {"a.s": START}, "a.o -oout.wasm", output=False, has=["func _start"]),
    Case("dev-null", {"a.s": START}, "a.o -o /dev/null", output=False),
    Case("replaces", {"a.s": START, "out.wasm": b"previous"}, "a.o", has=["func _start"]),
    Case("in-directory", {"a.s": START, "sub": None}, "a.o -o sub/out.wasm", output=False),
    Case(
        "missing-directory",
        {"a.s": START},
        "a.o -o no/such/out.wasm",
        output=False,
        exit=1,
        says=["cannot open output file no/such/out.wasm: No such file or directory"],
    ),
    Case(
        "is-directory",
        {"a.s": START, "sub": None},
        "a.o -o sub",
        output=False,
        exit=1,
        says=["cannot open output file sub"],
    ),
    Case("unwritable-before-inputs", {"a.s": START}, "a.o missing.o -o no/out.wasm", output=False, exit=1),
    Case(
        "map-missing-directory",
        {"a.s": START},
        "a.o -Map=no/out.map",
        exit=1,
        says=["cannot open map file no/out.map: No such file or directory"],
    ),
    Case("map-and-output-missing", {"a.s": START}, "a.o -o no/out.wasm -Map=no/out.map", output=False, exit=1),
    Case("failure-keeps-previous", FAILING, "a.o", exit=1),
    Case("failure-leaves-nothing", {"a.s": CALLS_MISSING}, "a.o -Map=out.map", exit=1),
    Case(
        "missing-input",
        {"a.s": START},
        "a.o nothing.o",
        exit=1,
        says=["cannot open nothing.o: No such file or directory"],
    ),
    Case("missing-inputs", {}, "one.o two.o", exit=1, says=["cannot open two.o"]),
    Case("directory-input", {"a.s": START, "sub": None}, "a.o sub", exit=1),
    Case("empty-input", {"a.s": START, "empty.o": b""}, "a.o empty.o", exit=1),
    Case(
        "text-input",
        {"a.s": START, "notes.txt": "hello\n"},
        "a.o notes.txt",
        exit=1,
        says=["unknown file type: notes.txt"],
    ),
    Case("same-input-twice", {"a.s": START}, "a.o a.o", exit=1, says=["duplicate symbol: _start"]),
    Case("linked-module-as-input", {"a.s": START, "m.wasm": b"\0asm\1\0\0\0"}, "a.o m.wasm", exit=1),
    Case("version-2-input", {"a.s": START, "m.o": b"\0asm\2\0\0\0"}, "a.o m.o", exit=1),
]
