"""64-bit memory and tables."""

from tests.differential.asm import START, data, extern, func, string, target_features
from tests.differential.cases.liveness import constructor
from tests.differential.harness import Archive, Case

FLAGS = "# flags: -target wasm64-freestanding\n"
C_FLAGS = "// flags: -target wasm64-freestanding\n"
THREAD_FLAGS = "# flags: -target wasm64-freestanding -mcpu=mvp+atomics+bulk_memory+mutable_globals\n"
THREAD_FEATURES = target_features("+atomics", "+bulk-memory", "+mutable-globals")
FEATURE = target_features("+memory64")
HOME = FLAGS + START


def use(*names: str) -> str:
    return func("use", "() -> ()", *(line for name in names for line in (f"i64.const {name}", "drop")))


X = data("x", ".int32 1", ".int32 2", ".int32 3", size=12)
P = data("p", ".int64 x+4", ".int64 x", ".int64 p", size=24, align=3)
F = func("f", "() -> (i32)", "i32.const 11")
G = func("g", "() -> (i32)", "i32.const 22")
TABLE = (
    "# flags: -target wasm64-freestanding -mcpu=mvp+reference_types -Wa,--no-type-check\n"
    + START
    + func("run", "(i64) -> (i32)", "local.get 0", "call_indirect () -> (i32)")
    + func("addresses", "() -> (i64)", "i64.const g", "i64.const f", "i64.sub")
    + F
    + G
)
SYMBOLS = ("__heap_base", "__heap_end", "__data_end", "__global_base", "__stack_low", "__stack_high", "__dso_handle")
LOAD = HOME + func("run", "() -> (i32)", "i64.const x+4", "i32.load 0", "i64.const 0", "i32.load x+8", "i32.add") + X
WASM64 = "a.o -m wasm64"
LOCAL = data("t", ".int32 5", section=".tdata.t", segment="T")
TLS = (
    THREAD_FLAGS
    + START
    + ".globaltype __tls_base, i64\n"
    + func("get", "() -> (i32)", "global.get __tls_base", "i64.const t@TLSREL", "i64.add", "i32.load 0")
    + LOCAL
    + THREAD_FEATURES
)
THREADS = (
    THREAD_FLAGS + START + use("x", "z") + X + data("z", ".skip 100", section=".bss.z", size=100) + THREAD_FEATURES
)
C = (
    C_FLAGS + "int g(int); static int h(int x) { return x * 3; }\n"
    "int (*table[])(int) = {g, h};\n"
    "int zero[1000]; long *where; long there = 5;\n"
    "int run(int i) { volatile int big[100]; big[i] = 7; for (int k = 0; k < 100; k++) big[k] = g(k);\n"
    "  where = &there; zero[i] = 2; return table[i & 1](big[i]) + zero[i] + (int)*where; }\n"
    "void _start(void) {}\n"
)
C2 = C_FLAGS + 'static const char *names[] = {"zero", "one"};\nint g(int x) { return x + names[x & 1][0]; }\n'

CASES = [
    Case("empty", {"a.s": HOME}, WASM64, has=["^memory .*flags 4"]),
    Case("option-joined", {"a.s": HOME}, "a.o -mwasm64"),
    Case("no-inputs", {}, "-m wasm64 --no-entry", exit=1, says=["error: no input files"]),
    Case("last-wins", {"a.s": HOME}, "-m wasm32 a.o -m wasm64"),
    Case("last-wins-32", {"a.s": START}, "-m wasm64 a.o -m wasm32"),
    # Relocations
    Case("memory-address-leb-and-sleb", {"a.s": LOAD}, f"{WASM64} --export=run", calls={"run()": 5}),
    Case("memory-address-data", {"a.s": HOME + P + X}, f"{WASM64} --export=p"),
    Case("memory-address-data-32", {"a.s": HOME + data("p", ".int32 x+4") + X}, f"{WASM64} --export=p"),
    Case(
        "memory-address-below-zero",
        {"a.s": HOME + func("run", "() -> (i64)", "i64.const x-4") + data("q", ".int64 x-8") + X},
        f"{WASM64} --export=run --export=q --no-stack-first --global-base=1",
    ),
    Case(
        "memory-address-far",
        {"a.s": LOAD + P + use("p")},
        f"{WASM64} --export=use --export=run --global-base=6442450944 --initial-memory=8589934592",
    ),
    Case(
        "table-index", {"a.s": TABLE}, f"{WASM64} --export=run --export=addresses", calls={"run(1)": 22, "run(2)": 11}
    ),
    Case(
        "table-index-in-data",
        {"a.s": TABLE + data("q", ".int64 g", ".int64 f", size=16)},
        f"{WASM64} --export=q --export=run",
    ),
    Case("table-index-in-data-32", {"a.s": TABLE + data("q", ".int32 g")}, f"{WASM64} --export=q --export=run"),
    Case(
        "function-type-tag-global",
        {
            "a.s": "# flags: -target wasm64-freestanding -mcpu=mvp+exception_handling\n"
            ".tagtype e i64\n.globaltype gl, i64\n"
            + func("_start", "() -> ()", "call f", "drop", "i64.const 1", "throw e")
            + func("h", "() -> (i64)", "global.get gl")
            + F
            + ".globl e\ne:\n.globl gl\ngl:\n"
        },
        f"{WASM64} --export=h",
    ),
    Case(
        "stack-pointer",
        {
            "a.s": FLAGS
            + ".globaltype __stack_pointer, i64\n"
            + func("_start", "() -> ()", "global.get __stack_pointer", "global.set __stack_pointer")
        },
        WASM64,
    ),
    Case(
        "weak-undefined",
        {
            "a.s": HOME
            + func("run", "() -> (i64)", "i64.const w", "i64.const v", "i64.or")
            + ".weak w\n.size w, 4\n"
            + extern("v", "() -> ()", "weak")
        },
        f"{WASM64} --export=run",
        calls={"run()": 0},
    ),
    Case(
        "undefined",
        {"a.s": HOME + use("w")},
        f"{WASM64} --export=use",
        exit=1,
        says=["error: a.o: undefined symbol: w"],
    ),
    Case(
        "undefined-allowed",
        {"a.s": HOME + use("w") + func("h", "() -> ()", "i64.const 1", "call v") + extern("v", "(i64) -> ()")},
        f"{WASM64} --export=use --export=h --allow-undefined",
        validate=False,
    ),
    Case(
        "debug-info",
        {
            "a.c": C.replace(C_FLAGS, C_FLAGS[:-1] + " -g\n") + "int unused(int z) { return z; }\n",
            "b.c": C2.replace(C_FLAGS, C_FLAGS[:-1] + " -g\n"),
        },
        f"{WASM64} b.o --export=run",
    ),
    Case(
        "strings",
        {
            "a.s": HOME
            + use("s", "t", "q")
            + string("s", "hello")
            + string("t", "llo")
            + data("q", ".int64 t+1", size=8)
        },
        f"{WASM64} --export=use",
    ),
    Case("compiled-c", {"a.c": C, "b.c": C2}, f"{WASM64} b.o --export=run", calls={"run(1)": (1 + ord("o")) * 3 + 7}),
    Case(
        "compiled-c-mvp",
        {"a.c": C.replace(C_FLAGS, C_FLAGS[:-1] + " -mcpu=mvp\n"), "b.c": C2},
        f"{WASM64} b.o --export=run",
    ),
    Case(
        "compiled-c-O0",
        {"a.c": C.replace(C_FLAGS, C_FLAGS[:-1] + " -O0\n"), "b.c": C2},
        f"{WASM64} b.o --export=run",
        calls={"run(1)": (1 + ord("o")) * 3 + 7},
    ),
    Case(
        "compiled-cpp",
        {
            "a.cpp": C_FLAGS
            + "struct A { virtual long f() { return 1; } }; struct B : A { long f() override { return 2; } };\n"
            'B b; A *a = &b; extern "C" long run() { return a->f(); }\nextern "C" void _start() {}\n'
        },
        f"{WASM64} --export=run",
        calls={"run()": 2},
    ),
    Case(
        "archive",
        {
            "a.s": FLAGS + func("_start", "() -> ()", "call g", "drop") + extern("g", "() -> (i32)"),
            "lib.a": Archive({"b.s": FLAGS + G}),
        },
        f"{WASM64} lib.a",
    ),
    Case(
        "constructors",
        {
            "a.s": HOME
            + X
            + constructor("init", "i64.const x", "i32.const 7", "i32.store 0")
            + func("get", "() -> (i32)", "i64.const x", "i32.load 0")
        },
        f"{WASM64} --export=get",
        calls={"get()": 7},
    ),
    Case(
        "main-with-arguments",
        {
            "a.c": C_FLAGS + "int main(int c, char **v) { return c; }\n",
            "b.c": C_FLAGS + "int main(int, char **); int run(void) { return main(3, 0); }\nvoid _start(void) {}\n",
        },
        f"{WASM64} b.o --export=run",
    ),
    # Layout and its options
    Case("layout-symbols", {"a.s": HOME + use(*SYMBOLS) + X}, f"{WASM64} --export=use"),
    Case("layout-symbols-exported", {"a.s": HOME + X}, f"{WASM64} {' '.join(f'--export={name}' for name in SYMBOLS)}"),
    Case("export-all", {"a.s": TABLE + X + P}, f"{WASM64} --export-all"),
    Case("export-all-no-gc", {"a.s": TABLE + X + P}, f"{WASM64} --export-all --no-gc-sections"),
    Case("no-stack-first", {"a.s": LOAD}, f"{WASM64} --export=run --no-stack-first", calls={"run()": 5}),
    Case("stack-size", {"a.s": LOAD}, f"{WASM64} --export=run -z stack-size=1048576"),
    Case("stack-size-far", {"a.s": LOAD}, f"{WASM64} --export=run -z stack-size=8589934592"),
    Case(
        "initial-memory",
        {"a.s": LOAD},
        f"{WASM64} --export=run --initial-memory=1048576",
        has=[r"^memory \[16, -\] flags 4"],
    ),
    Case(
        "initial-memory-far",
        {"a.s": LOAD},
        f"{WASM64} --export=run --initial-memory=8589934592",
        has=[r"^memory \[131072, -\] flags 4"],
    ),
    Case(
        "initial-memory-too-large",
        {"a.s": LOAD},
        f"{WASM64} --export=run --initial-memory=18446744073709486080",
        exit=1,
        says=["error: --initial-memory=18446744073709486080: number expected, but got '18446744073709486080'"],
    ),
    Case("initial-memory-largest", {"a.s": LOAD}, f"{WASM64} --export=run --initial-memory=17179869184"),
    Case(
        "initial-memory-above-largest",
        {"a.s": LOAD},
        f"{WASM64} --export=run --initial-memory=17179934720",
        exit=1,
        says=["error: initial memory too large, cannot be greater than 17179869184"],
    ),
    Case("initial-heap-far", {"a.s": LOAD}, f"{WASM64} --export=run --initial-heap=8589934592"),
    Case(
        "initial-heap-too-large",
        {"a.s": LOAD},
        f"{WASM64} --export=run --initial-heap=17179869184",
        exit=1,
        says=["error: initial heap too large, cannot be greater than 17179803636"],
    ),
    Case(
        "maximum",
        {"a.s": LOAD},
        f"{WASM64} --export=run --max-memory=8589934592",
        has=[r"^memory \[2, 131072\] flags 5"],
    ),
    Case("maximum-largest", {"a.s": LOAD}, f"{WASM64} --export=run --max-memory=17179869184"),
    Case(
        "maximum-too-large",
        {"a.s": LOAD},
        f"{WASM64} --export=run --max-memory=17179934720",
        exit=1,
        says=["error: maximum memory too large, cannot be greater than 17179869184"],
    ),
    Case(
        "maximum-too-small",
        {"a.s": LOAD},
        f"{WASM64} --export=run --max-memory=65536",
        exit=1,
        says=["error: maximum memory too small, 131072 bytes needed"],
    ),
    Case("no-growable", {"a.s": LOAD}, f"{WASM64} --export=run --no-growable-memory"),
    Case(
        "imported",
        {"a.s": LOAD + data("z", ".skip 8", section=".bss.z", size=8)},
        f"{WASM64} --export=run --export=z --import-memory",
    ),
    Case(
        "imported-zero-bulk",
        {"a.s": LOAD + data("z", ".skip 8", section=".bss.z", size=8) + target_features("+bulk-memory")},
        f"{WASM64} --export=run --export=z --import-memory",
        has=["__wasm_init_memory"],
    ),
    Case("global-base-below-stack", {"a.s": LOAD}, f"{WASM64} --export=run --global-base=8 --no-stack-first"),
    Case(
        "data-alignment",
        {"a.s": HOME + use("x", "y") + X + data("y", ".int64 2", size=8, align=6)},
        f"{WASM64} --export=use",
    ),
    Case(
        "large-bss",
        {"a.s": HOME + use("z") + data("z", f".skip {1 << 16}", section=".bss.z", size=1 << 16)},
        f"{WASM64} --export=use",
    ),
    Case("map", {"a.s": LOAD + P + use("p")}, f"{WASM64} --export=use --export=run --print-map"),
    # Tables
    Case("table-exported", {"a.s": TABLE}, f"{WASM64} --export=run --export=addresses --export-table"),
    Case("table-imported", {"a.s": TABLE}, f"{WASM64} --export=run --export=addresses --import-table"),
    Case("table-growable", {"a.s": TABLE}, f"{WASM64} --export=run --export=addresses --growable-table"),
    Case("table-base", {"a.s": TABLE}, f"{WASM64} --export=run --export=addresses --table-base=100"),
    Case("table-not-called", {"a.s": HOME + use("f") + F}, f"{WASM64} --export=use"),
    Case(
        "table-other",
        {
            "a.s": "# flags: -target wasm64-freestanding -mcpu=mvp+reference_types\n.tabletype t, externref\n"
            + func("_start", "() -> ()", "table.size t", "drop")
            + ".globl t\nt:\n"
        },
        WASM64,
    ),
    # Objects that do not fit
    Case(
        "object-32",
        {"a.s": START + data("x", ".int32 1")},
        f"{WASM64} --export=x",
        exit=1,
        says=["error: a.o: wasm32 object file can't be linked in wasm64 mode"],
    ),
    Case(
        "object-32-and-64",
        {"a.s": HOME, "b.s": func("g")},
        f"{WASM64} b.o --export=g",
        exit=1,
        says=["error: b.o: wasm32 object file can't be linked in wasm64 mode"],
    ),
    Case(
        "object-64-without-option",
        {"a.s": HOME},
        "a.o",
        exit=1,
        says=["error: a.o: must specify -mwasm64 to process wasm64 object files"],
    ),
    Case(
        "object-64-and-32-without-option",
        {"a.s": START, "b.s": FLAGS + F},
        "a.o b.o",
        exit=1,
        says=["error: b.o: must specify -mwasm64 to process wasm64 object files"],
    ),
    Case(
        "object-64-first-without-option",
        {"a.s": START, "b.s": FLAGS + F},
        "b.o a.o",
        exit=1,
        says=["error: b.o: must specify -mwasm64 to process wasm64 object files"],
    ),
    Case(
        "object-64-wasm32",
        {"a.s": HOME},
        "a.o -m wasm32",
        exit=1,
        says=["error: a.o: wasm32 object file can't be linked in wasm64 mode"],
    ),
    Case(
        "archive-member-32",
        {
            "a.s": FLAGS + func("_start", "() -> ()", "call g", "drop") + extern("g", "() -> (i32)"),
            "lib.a": Archive({"b.s": G}),
        },
        f"{WASM64} lib.a",
        exit=1,
        says=["error: lib.a(b.o): wasm32 object file can't be linked in wasm64 mode"],
    ),
    Case(
        "archive-first-member-64",
        {"lib.a": Archive({"b.s": FLAGS + START}), "a.s": START},
        "lib.a",
        exit=1,
        says=["error: lib.a(b.o): must specify -mwasm64 to process wasm64 object files"],
    ),
    Case(
        "archive-first-member-64-other-first",
        {"lib.a": Archive({"b.s": FLAGS + START}), "a.s": F},
        "a.o lib.a",
        exit=1,
        says=["error: lib.a(b.o): must specify -mwasm64 to process wasm64 object files"],
    ),
    Case(
        "whole-archive-64",
        {"lib.a": Archive({"b.s": FLAGS + START})},
        "--whole-archive lib.a",
        exit=1,
        says=["error: lib.a(b.o): must specify -mwasm64 to process wasm64 object files"],
    ),
    Case(
        "lazy-64",
        {"a.s": HOME},
        "--start-lib a.o --end-lib",
        exit=1,
        says=["error: a.o: must specify -mwasm64 to process wasm64 object files"],
    ),
    Case("feature-in-target-features", {"a.s": HOME + FEATURE}, WASM64),
    Case(
        "features-disallowed",
        {"a.s": HOME + FEATURE},
        f"{WASM64} --features=mutable-globals",
        exit=1,
        says=["error: Target feature 'memory64' used by a.o is not allowed."],
    ),
    # With other features
    Case("shared", {"a.s": THREADS}, f"{WASM64} --shared-memory --export=use", has=["^memory .*flags 7"]),
    Case(
        "shared-imported",
        {"a.s": THREADS},
        f"{WASM64} --shared-memory --import-memory --max-memory=1048576 --export=use",
    ),
    Case(
        "shared-far",
        {"a.s": THREADS},
        f"{WASM64} --shared-memory --global-base=6442450944 --export=use",
    ),
    Case("tls", {"a.s": TLS}, f"{WASM64} --shared-memory --export=get --export=__wasm_init_tls --export=__tls_size"),
    Case("tls-export-all", {"a.s": TLS}, f"{WASM64} --shared-memory --export-all"),
    Case("tls-lowered", {"a.s": TLS}, f"{WASM64} --export=get", calls={"get()": 5}),
    Case(
        "tls-got",
        {
            "a.c": "// flags: -target wasm64-freestanding -fPIC -mcpu=mvp+atomics+bulk_memory+mutable_globals\n"
            "extern _Thread_local int t; int *at_t(void) { return &t; }\n",
            "b.s": THREAD_FLAGS + START + LOCAL + THREAD_FEATURES,
        },
        f"{WASM64} b.o --shared-memory --export=at_t",
    ),
    Case(
        "pic-objects",
        {"a.c": C.replace(C_FLAGS, C_FLAGS[:-1] + " -fPIC\n"), "b.c": C2.replace(C_FLAGS, C_FLAGS[:-1] + " -fPIC\n")},
        f"{WASM64} b.o --export=run",
        calls={"run(1)": (1 + ord("o")) * 3 + 7},
    ),
    Case(
        "compressed",
        {"a.c": C, "b.c": C2},
        f"{WASM64} b.o --export=run --compress-relocations -s",
        calls={"run(1)": (1 + ord("o")) * 3 + 7},
    ),
    Case("emit-relocs", {"a.s": LOAD + P}, f"{WASM64} --export=run --export=p --emit-relocs"),
    Case(
        "relocatable",
        {"a.s": LOAD + P + func("at", "() -> (i64)", "i64.const f") + F, "b.s": FLAGS + data("y", ".int64 x", size=8)},
        f"{WASM64} b.o -r",
        validate=False,
    ),
    Case(
        "wrap",
        {
            "a.s": FLAGS + func("_start", "() -> ()", "call f") + func("f"),
            "b.s": FLAGS + func("__wrap_f", "() -> ()", "call __real_f") + extern("__real_f"),
        },
        f"{WASM64} b.o --wrap=f",
    ),
    Case(
        "start-stop",
        {
            "a.s": HOME
            + data("i", ".int64 1", section="items", segment="R", size=8)
            + func("run", "() -> (i64)", "i64.const __stop_items", "i64.const __start_items", "i64.sub")
        },
        f"{WASM64} --export=run",
        calls={"run()": 8},
    ),
]
