"""Position-independent output: shared libraries, executables, and links against shared libraries."""

from tests.differential.harness import Case
from tests.support import objects as o

LIBRARY = """
static int counter = 7;
int shown[4] = {1, 2, 3, 4};
int zeros[30];
extern int far_data;
extern int far(int);
extern int weak_far(int) __attribute__((weak));
extern int weak_data __attribute__((weak));
int *pointer = &shown[2];
static int inner(int x) { return x + counter; }
int (*to_inner)(int) = inner;
int (*to_far)(int) = far;
int *to_far_data = &far_data;
__attribute__((visibility("hidden"))) int hidden(int x) { return x; }
__attribute__((weak)) int replaced(int x) { return hidden(x) + 1; }
int work(int x) { zeros[2] = x; return inner(x) + far(x) + far_data + *pointer + to_inner(x) + replaced(x); }
int maybe(void) { return weak_far ? weak_far(3) : &weak_data != 0; }
const char *text(void) { return "position independent"; }
"""
PROGRAM = """
extern int work(int);
extern int shown[];
int far_data = 5;
int far(int x) { return x * 2; }
int *to_shown = shown;
int (*to_work)(int) = work;
int run(void) { return work(3) + shown[1] + to_work(2) + *to_shown; }
void _start(void) { run(); }
"""
PIC = "// flags: -fPIC -fvisibility=default\n"
EXTENDED = "// flags: -fPIC -fvisibility=default -mcpu=generic+extended_const\n"
LIB = {"lib.c": PIC + LIBRARY}
BOTH = {"main.c": PIC + PROGRAM, **LIB}
BOTH_EXTENDED = {"main.c": EXTENDED + PROGRAM, "lib.c": EXTENDED + LIBRARY}
SHARED = "-shared --experimental-pic --unresolved-symbols=import-dynamic"
PIE = "-pie --experimental-pic"


def _library(signature: bytes) -> bytes:
    """A shared library with a function ``work`` and data ``shown``."""
    body = b"\0" + bytes([0x00, 0x0B])
    return b"".join(
        (
            o.MAGIC,
            o.custom("dylink.0", bytes([1, 4, 4, 2, 0, 0])),
            o.section(1, o.vector(signature)),
            o.section(2, o.vector(o.name("env") + o.name("memory") + b"\2\0\1")),
            o.section(3, o.vector(b"\0")),
            o.section(6, o.vector(b"\x7f\0\x41\0\x0b")),
            o.section(7, o.vector(o.name("work") + b"\0\0", o.name("shown") + b"\3\0")),
            o.section(10, o.vector(o.blob(body))),
        )
    )


INT_TO_INT = b"\x60\1\x7f\1\x7f"
LINKED: dict[str, str | bytes] = {"main.c": PIC + PROGRAM, "libwork.so": _library(INT_TO_INT)}
DISAGREEING: dict[str, str | bytes] = {"main.c": PIC + PROGRAM, "libwork.so": _library(b"\x60\0\0")}

CASES = [
    Case("shared", LIB, f"lib.o {SHARED}", validate=False, has=["import GOT.mem.far_data", "import env.replaced func"]),
    Case(
        "shared-unstable",
        LIB,
        "lib.o -shared --unresolved-symbols=import-dynamic",
        validate=False,
        says=["creating shared libraries, with -shared, is not yet stable"],
    ),
    Case("shared-undefined", LIB, "lib.o -shared --experimental-pic", exit=1, says=["undefined symbol: far"]),
    Case("shared-allow-undefined", LIB, "lib.o -shared --experimental-pic --allow-undefined", validate=False),
    Case("shared-symbolic", BOTH, "main.o lib.o -shared --experimental-pic -Bsymbolic", validate=False),
    Case("shared-entry", BOTH, "main.o lib.o -shared --experimental-pic --entry=_start", validate=False),
    Case("shared-entry-missing", BOTH, "main.o lib.o -shared --experimental-pic --entry=none", exit=1),
    Case("shared-complete", BOTH, "main.o lib.o -shared --experimental-pic", validate=False),
    Case("shared-no-export-dynamic", LIB, f"lib.o {SHARED} --no-export-dynamic --export=work", validate=False),
    Case("shared-no-gc", LIB, f"lib.o {SHARED} --no-gc-sections", validate=False),
    Case("shared-export-all", LIB, f"lib.o {SHARED} --export-all", validate=False),
    Case("shared-names", LIB, f"lib.o {SHARED} --soname=libx.so --rpath=/a --rpath=/b", validate=False),
    Case("shared-map", LIB, f"lib.o {SHARED} -M", validate=False),
    Case("shared-entry", LIB, f"lib.o {SHARED} --entry=work", validate=False),
    Case("shared-extended", {"lib.c": EXTENDED + LIBRARY}, f"lib.o {SHARED}", validate=False),
    Case(
        "shared-no-pic-objects",
        {"lib.c": "// flags: -fvisibility=default\n" + LIBRARY},
        f"lib.o {SHARED}",
        exit=1,
        says=["recompile with -fPIC"],
    ),
    Case("shared-imported-memory", LIB, f"lib.o {SHARED} --import-memory=a,b", validate=False),
    Case("shared-stripped", LIB, f"lib.o {SHARED} -s", validate=False),
    Case("pie", BOTH, f"main.o lib.o {PIE}", validate=False),
    Case("pie-unstable", BOTH, "main.o lib.o -pie", validate=False, says=["creating PIEs, with -pie"]),
    Case("pie-extended", BOTH_EXTENDED, f"main.o lib.o {PIE}", validate=False),
    Case("pie-export-all-no-gc", BOTH, f"main.o lib.o {PIE} --export-all --no-gc-sections", validate=False),
    Case("pie-imported-memory", BOTH, f"main.o lib.o {PIE} --import-memory", validate=False),
    Case("pie-no-merge", BOTH, f"main.o lib.o {PIE} --no-merge-data-segments", validate=False),
    Case(
        "pie-import-dynamic",
        {"main.c": PIC + PROGRAM},
        f"main.o {PIE} --unresolved-symbols=import-dynamic",
        validate=False,
    ),
    Case("pie-against-shared", LINKED, f"main.o libwork.so {PIE}", validate=False, has=["import GOT.func.work"]),
    Case("pie-search", LINKED, f"main.o -L. -lwork {PIE}", validate=False),
    Case("shared-against-shared", LINKED, f"main.o libwork.so {SHARED}", validate=False),
    Case(
        "static-against-shared",
        LINKED,
        "main.o libwork.so",
        exit=1,
        says=["attempted static link of dynamic object libwork.so"],
    ),
    Case("dynamic-against-shared", LINKED, "-Bdynamic main.o libwork.so", validate=False),
    Case("dynamic-search", LINKED, "-Bdynamic main.o -L. -lwork", validate=False),
    Case(
        "static-search", LINKED, "-Bdynamic -Bstatic main.o -L. -lwork", exit=1, says=["unable to find library -lwork"]
    ),
    Case(
        "shared-disagrees", DISAGREEING, f"main.o libwork.so {PIE}", exit=1, says=["function signature mismatch: work"]
    ),
    Case("shared-disagrees-unchecked", DISAGREEING, f"main.o libwork.so {PIE} --no-shlib-sigcheck", validate=False),
    Case(
        "import-dynamic",
        {"main.c": PROGRAM},
        "main.o --unresolved-symbols=import-dynamic",
        validate=False,
        says=["dynamic imports are not yet stable"],
    ),
    Case(
        "import-dynamic-pic",
        {"main.c": PIC + PROGRAM},
        "main.o --unresolved-symbols=import-dynamic --experimental-pic",
        validate=False,
    ),
    Case("static-pic", BOTH, "main.o lib.o --export=run --export=maybe", calls={"maybe()": 0}),
    Case("static-mixed", {"main.c": PROGRAM, **LIB}, "main.o lib.o --export=maybe", calls={"maybe()": 0}),
    Case(
        "refused-export-table",
        LIB,
        f"lib.o {SHARED} --export-table",
        exit=1,
        says=["-shared/-pie is incompatible with --export-table"],
    ),
    Case(
        "refused-export-memory",
        LIB,
        f"lib.o {SHARED} --export-memory",
        exit=1,
        says=["--export-memory is incompatible with --shared"],
    ),
    Case("refused-global-base", LIB, f"lib.o {SHARED} --global-base=1024", exit=1, says=["--global-base may not"]),
    Case("refused-table-base", LIB, f"lib.o {SHARED} --table-base=2", exit=1, says=["--table-base may not"]),
]
