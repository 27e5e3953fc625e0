"""Shared memory, thread-local storage, and the functions that initialise both."""

from tests.differential.asm import START, data, extern, func, string, target_features
from tests.differential.cases.liveness import constructor
from tests.differential.harness import Archive, Case

FLAGS = "# flags: -mcpu=mvp+atomics+bulk_memory+mutable_globals\n"
FEATURES = target_features("+atomics", "+bulk-memory", "+mutable-globals")
TLS_BASE = ".globaltype __tls_base, i32\n"
RELATIVE = ("global.get __tls_base", "i32.const {}@TLSREL", "i32.add")


def local(name: str, *body: str, section: str = "", flags: str = "globl", size: int = 4, align: int = 2) -> str:
    """A thread-local variable in a segment of its own."""
    return data(name, *body, section=section or f".tdata.{name}", flags=flags, size=size, align=align, segment="T")


def address(name: str, function: str = "") -> str:
    """A function that returns the address of the calling thread's copy of a variable."""
    return TLS_BASE + func(function or f"at_{name}", "() -> (i32)", *(line.format(name) for line in RELATIVE))


def get(name: str, function: str = "get") -> str:
    return TLS_BASE + func(function, "() -> (i32)", *(line.format(name) for line in RELATIVE), "i32.load 0")


def use(*names: str) -> str:
    return func("use", "() -> ()", *(line for name in names for line in (f"i32.const {name}", "drop")))


X = data("x", ".int32 1")
Y = data("y", ".int32 2", section=".rodata.y")
ZERO = data("z", ".skip 100", section=".bss.z", size=100)
PLAIN = FLAGS + START + use("x", "y", "z") + X + Y + ZERO + FEATURES
T = local("t", ".int32 5")
U = local("u", ".skip 4", section=".tbss.u")
THREAD = FLAGS + START + get("t") + T + FEATURES
INIT_TLS = extern("__wasm_init_tls", "(i32) -> ()")
INIT = func("init_thread", "(i32) -> ()", "local.get 0", "call __wasm_init_tls") + INIT_TLS
GOT_ADDRESS = (
    "// flags: -fPIC -mcpu=mvp+atomics+bulk_memory+mutable_globals\n"
    "extern _Thread_local int t; int *at_t(void) { return &t; }\n"
)
GOT = {"a.c": GOT_ADDRESS, "b.s": FLAGS + START + T + FEATURES}
C_FLAGS = "// flags: -mcpu=mvp+atomics+bulk_memory+mutable_globals -ftls-model=local-exec\n"
SHARED = "a.o --shared-memory"
IMPORTED = "a.o --shared-memory --import-memory --max-memory=1048576"
DECLARED = ".type t,@object\n.size t, 4\n"
ENTRY = (
    FLAGS
    + START
    + T
    + local("v", ".int32 6")
    + func("entry", "() -> (i32)", "global.get v@GOT@TLS")
    + get("t")
    + FEATURES
)
POINTERS = (
    local("w", ".int32 g", ".int32 x+4", ".int32 h", ".int32 v", size=16)
    + data("p", ".int32 x", ".int32 g", size=8)
    + X
    + extern("g")
    + extern("h")
)
CODE = TLS_BASE + func(
    "read",
    "() -> ()",
    *(
        line
        for name in ("g@GOT", "h@GOT", "x@GOT", "w@GOT@TLS", "t@GOT@TLS")
        for line in (f"global.get {name}", "drop")
    ),
)

CASES = [
    # Memory
    Case("default-maximum", {"a.s": PLAIN}, f"{SHARED} --export=use", has=["^memory .*flags 3"]),
    Case("maximum-given", {"a.s": PLAIN}, f"{SHARED} --export=use --max-memory=1048576", has=[r"^memory \[\d, 16\]"]),
    Case(
        "maximum-too-small",
        {"a.s": PLAIN},
        f"{SHARED} --export=use --max-memory=65536",
        exit=1,
        says=["error: maximum memory too small, 131072 bytes needed"],
    ),
    Case(
        "maximum-unaligned",
        {"a.s": PLAIN},
        f"{SHARED} --export=use --max-memory=1048577",
        exit=1,
        says=["error: maximum memory must be aligned to the page size (65536 bytes)"],
    ),
    Case("no-growable", {"a.s": PLAIN}, f"{SHARED} --export=use --no-growable-memory"),
    Case("initial-memory", {"a.s": PLAIN}, f"{SHARED} --export=use --initial-memory=1048576"),
    Case("initial-heap", {"a.s": PLAIN}, f"{SHARED} --export=use --initial-heap=1048576"),
    Case("initial-and-maximum", {"a.s": PLAIN}, f"{SHARED} --initial-memory=1048576 --max-memory=2097152"),
    Case("imported", {"a.s": PLAIN}, f"{IMPORTED} --export=use", has=[r"^import env.memory memory .*flags 3"]),
    Case("imported-no-maximum", {"a.s": PLAIN}, f"{SHARED} --import-memory --export=use"),
    Case("imported-and-exported", {"a.s": PLAIN}, f"{IMPORTED} --export-memory --export=use"),
    Case("imported-named", {"a.s": PLAIN}, f"{SHARED} --import-memory=host,mem --export=use"),
    Case("exported-named", {"a.s": PLAIN}, f"{SHARED} --export-memory=mem --export=use"),
    Case("no-stack-first", {"a.s": PLAIN}, f"{SHARED} --no-stack-first --export=use"),
    Case("global-base", {"a.s": PLAIN}, f"{SHARED} --global-base=131072 --export=use"),
    Case("export-all", {"a.s": PLAIN}, f"{SHARED} --export-all"),
    Case("no-gc", {"a.s": PLAIN}, f"{SHARED} --no-gc-sections"),
    Case("map", {"a.s": THREAD + X + Y + ZERO + use("x", "y", "z")}, f"{SHARED} --print-map --export=use --export=get"),
    Case(
        "strip-all",
        {"a.s": THREAD + PLAIN.replace(FLAGS, "").replace(START, "").replace(FEATURES, "")},
        f"{SHARED} -s --export=use",
    ),
    Case(
        "layout-symbols",
        {
            "a.s": FLAGS
            + START
            + X
            + FEATURES
            + use(
                "x",
                "__data_end",
                "__heap_base",
                "__heap_end",
                "__global_base",
                "__stack_low",
                "__stack_high",
                "__dso_handle",
                "__wasm_first_page_end",
            )
        },
        f"{SHARED} --export=use",
    ),
    # Features
    Case("no-features", {"a.s": START}, SHARED, exit=1, says=["must be used in order to use shared memory"]),
    Case(
        "atomics-only",
        {"a.s": START + target_features("+atomics")},
        SHARED,
        exit=1,
        says=["error: 'bulk-memory' feature must be used in order to use shared memory"],
    ),
    Case(
        "bulk-only",
        {"a.s": START + target_features("+bulk-memory")},
        SHARED,
        exit=1,
        says=["error: 'atomics' feature must be used in order to use shared memory"],
    ),
    Case("second-object-lacks", {"a.s": PLAIN, "b.s": func("g")}, f"{SHARED} b.o --export=g"),
    Case(
        "second-object-disallows",
        {"a.s": PLAIN, "b.s": func("g") + target_features("-shared-mem")},
        f"{SHARED} b.o --export=g",
        exit=1,
        says=[
            "error: --shared-memory is disallowed by b.o because it "
            "was not compiled with 'atomics' or 'bulk-memory' features."
        ],
    ),
    Case("two-objects-lack", {"a.s": START, "b.s": func("g"), "c.s": func("h") + FEATURES}, f"{SHARED} b.o c.o"),
    Case(
        "atomics-disallowed",
        {"a.s": START + target_features("-atomics")},
        SHARED,
        exit=1,
        says=["error: 'atomics' feature must be used in order to use shared memory"],
    ),
    Case(
        "archive-member-lacks",
        {
            "a.s": FLAGS + func("_start", "() -> ()", "call g") + extern("g") + FEATURES,
            "lib.a": Archive({"b.s": func("g")}),
        },
        f"{SHARED} lib.a",
        exit=0,
    ),
    Case("archive-member-lacks-not-taken", {"a.s": PLAIN, "lib.a": Archive({"b.s": func("g")})}, f"{SHARED} lib.a"),
    Case("unchecked", {"a.s": START + use("x", "z") + X + ZERO}, f"{SHARED} --no-check-features --export=use"),
    Case("features-given", {"a.s": START + use("x") + X}, f"{SHARED} --features=atomics,bulk-memory --export=use"),
    Case(
        "features-given-lack",
        {"a.s": PLAIN},
        f"{SHARED} --features=bulk-memory,mutable-globals",
        exit=1,
        says=["error: 'atomics' feature must be used in order to use shared memory"],
    ),
    Case(
        "extra-features",
        {"a.s": START + use("x") + X},
        f"{SHARED} --extra-features=atomics,bulk-memory --export=use",
        exit=0,
    ),
    Case(
        "tls-without-features",
        {"a.s": FLAGS + START + get("t") + T},
        f"{SHARED} --export=get",
        exit=1,
        says=["error: 'atomics' feature must be used in order to use shared memory"],
    ),
    Case(
        "tls-without-bulk",
        {"a.s": FLAGS + START + get("t") + T + target_features("+atomics")},
        f"{SHARED} --export=get",
        exit=1,
        says=["error: 'bulk-memory' feature must be used in order to use shared memory"],
    ),
    Case("tls-unchecked", {"a.s": FLAGS + START + get("t") + T}, f"{SHARED} --export=get --no-check-features"),
    Case(
        "mutable-global-import-unchecked",
        {"a.s": FLAGS + START + get("t") + T + target_features("+atomics", "+bulk-memory")},
        f"{SHARED} --export=get --export=__tls_base",
        exit=1,
        says=[
            "error: mutable global exported but 'mutable-globals' feature not "
            "present in inputs: `__tls_base`. Use --no-check-features to suppress."
        ],
    ),
    # Initialisation
    Case("nothing-to-initialise", {"a.s": FLAGS + START + FEATURES}, SHARED, lacks=["^start", "__wasm_init_memory"]),
    Case(
        "only-data",
        {"a.s": FLAGS + START + use("x") + X + FEATURES},
        f"{SHARED} --export=use",
        has=["^start __wasm_init_memory"],
    ),
    Case("only-zero", {"a.s": FLAGS + START + use("z") + ZERO + FEATURES}, f"{SHARED} --export=use"),
    Case("only-zero-imported", {"a.s": FLAGS + START + use("z") + ZERO + FEATURES}, f"{IMPORTED} --export=use"),
    Case(
        "no-merge",
        {"a.s": PLAIN + data("x2", ".int32 3") + string("s", "text") + use("x2", "s").replace("use", "use2")},
        f"{SHARED} --export=use --export=use2 --no-merge-data-segments",
    ),
    Case(
        "no-merge-zeros",
        {"a.s": PLAIN + data("z2", ".skip 8", section=".bss.z2", size=8)},
        f"{SHARED} --export=use --export=z2 --no-merge-data-segments",
    ),
    Case(
        "strings",
        {"a.s": FLAGS + START + use("s", "q") + string("s", "text") + string("q", "ext") + FEATURES},
        f"{SHARED} --export=use",
    ),
    Case(
        "segment-names",
        {
            "a.s": FLAGS
            + START
            + use("a", "b", "c")
            + data("a", ".int32 1", section=".tm_clone_table.a")
            + data("b", ".int32 1", section="items")
            + data("c", ".int32 1", section=".custom.c")
            + FEATURES
        },
        f"{SHARED} --export=use",
    ),
    Case("retained", {"a.s": FLAGS + START + data("r", ".int32 1", section="items", segment="R") + FEATURES}, SHARED),
    Case(
        "data-of-functions",
        {"a.s": FLAGS + START + data("p", ".int32 _start", ".int32 x", size=8) + X + FEATURES},
        f"{SHARED} --export=p",
    ),
    Case(
        "wide-addresses", {"a.s": PLAIN}, f"{SHARED} --export=use --global-base=2147483648 --initial-memory=2147614720"
    ),
    Case(
        "constructors",
        {
            "a.s": FLAGS
            + START
            + X
            + FEATURES
            + constructor("init", "i32.const x", "i32.const 7", "i32.store 0")
            + func("get", "() -> (i32)", "i32.const x", "i32.load 0")
        },
        f"{SHARED} --export=get",
    ),
    Case(
        "constructors-called",
        {
            "a.s": FLAGS
            + func("_start", "() -> ()", "call __wasm_call_ctors")
            + extern("__wasm_call_ctors")
            + X
            + FEATURES
            + constructor("init", "i32.const x", "i32.const 7", "i32.store 0")
        },
        SHARED,
    ),
    Case("user-defined-init-memory", {"a.s": PLAIN + func("__wasm_init_memory")}, f"{SHARED} --export=use"),
    Case(
        "init-memory-referenced",
        {"a.s": PLAIN + func("f", "() -> ()", "call __wasm_init_memory") + extern("__wasm_init_memory")},
        f"{SHARED} --export=f",
        exit=1,
        says=["error: a.o: undefined symbol: __wasm_init_memory"],
    ),
    Case(
        "init-memory-exported",
        {"a.s": PLAIN},
        f"{SHARED} --export=__wasm_init_memory --export=use",
        exit=1,
        says=["error: symbol exported via --export not found: __wasm_init_memory"],
    ),
    # Thread-local storage
    Case(
        "tls", {"a.s": THREAD}, f"{SHARED} --export=get", has=["global __tls_base.* mut i32", r"data \.tdata flags 1"]
    ),
    Case("tls-imported-memory", {"a.s": THREAD}, f"{IMPORTED} --export=get"),
    Case("tls-unused", {"a.s": FLAGS + START + T + FEATURES}, SHARED),
    Case("tls-unused-no-gc", {"a.s": FLAGS + START + T + FEATURES}, f"{SHARED} --no-gc-sections"),
    Case("tls-unused-export-all", {"a.s": FLAGS + START + T + FEATURES}, f"{SHARED} --export-all"),
    Case("tls-export-all", {"a.s": THREAD}, f"{SHARED} --export-all"),
    Case("tls-export-dynamic", {"a.s": THREAD}, f"{SHARED} --export-dynamic"),
    Case("tls-no-gc", {"a.s": THREAD}, f"{SHARED} --no-gc-sections"),
    Case("tls-with-data-and-zero", {"a.s": THREAD + X + ZERO + use("x", "z")}, f"{SHARED} --export=get --export=use"),
    Case(
        "tls-with-data-and-zero-imported",
        {"a.s": THREAD + X + ZERO + use("x", "z")},
        f"{IMPORTED} --export=get --export=use",
    ),
    Case(
        "tls-linker-symbols",
        {"a.s": THREAD},
        f"{SHARED} --export=get --export=__tls_base --export=__tls_size --export=__tls_align --export=__wasm_init_tls",
    ),
    Case(
        "tls-linker-symbols-no-tls",
        {"a.s": PLAIN},
        f"{SHARED} --export=__tls_base --export=__tls_size --export=__tls_align --export=__wasm_init_tls",
    ),
    Case(
        "tls-linker-symbols-unshared",
        {"a.s": PLAIN},
        "a.o --export=__tls_base --export=__tls_size --export=__tls_align --export=__wasm_init_tls",
        exit=1,
        says=["error: symbol exported via --export not found: __tls_base"],
    ),
    Case(
        "tls-linker-symbols-if-defined",
        {"a.s": PLAIN},
        "a.o --export-if-defined=__tls_base --export-if-defined=__tls_size --export-if-defined=__wasm_init_tls",
    ),
    Case(
        "tls-size-and-align-used",
        {
            "a.s": FLAGS
            + ".globaltype __tls_size, i32, immutable\n.globaltype __tls_align, i32, immutable\n"
            + START
            + get("t")
            + T
            + FEATURES
            + local("w", ".int64 5", size=8, align=5)
            + address("w")
            + func("sizes", "() -> (i32)", "global.get __tls_size", "global.get __tls_align", "i32.add")
        },
        f"{SHARED} --export=get --export=at_w --export=sizes",
    ),
    Case(
        "tls-size-used-unshared",
        {
            "a.s": FLAGS
            + ".globaltype __tls_size, i32, immutable\n.globaltype __tls_align, i32, immutable\n"
            + START
            + get("t")
            + T
            + FEATURES
            + func("sizes", "() -> (i32)", "global.get __tls_size", "global.get __tls_align", "i32.add")
        },
        "a.o --export=get --export=sizes",
        exit=1,
        says=["error: a.o: undefined symbol: __tls_size"],
    ),
    Case(
        "tls-size-used-no-tls",
        {
            "a.s": FLAGS
            + ".globaltype __tls_size, i32, immutable\n.globaltype __tls_align, i32, immutable\n"
            + START
            + X
            + FEATURES
            + func("sizes", "() -> (i32)", "global.get __tls_size", "global.get __tls_align", "i32.add")
        },
        f"{SHARED} --export=sizes --export=x",
    ),
    Case(
        "tls-builtins",
        {
            "a.c": C_FLAGS + "_Thread_local int t = 4; void _start(void) {}\n"
            "void *base(void) { return __builtin_wasm_tls_base(); }\n"
            "unsigned long size(void) { return __builtin_wasm_tls_size() + __builtin_wasm_tls_align() * 100; }\n"
            "int get(void) { return t; }\n"
        },
        f"{SHARED} --export=base --export=size --export=get",
    ),
    Case("tls-init-called", {"a.s": THREAD + INIT}, f"{SHARED} --export=get --export=init_thread"),
    Case("tls-init-called-no-tls", {"a.s": PLAIN + INIT}, f"{SHARED} --export=init_thread"),
    Case("tls-init-called-dead", {"a.s": THREAD + INIT}, f"{SHARED} --export=get"),
    Case(
        "tls-init-called-unshared",
        {"a.s": THREAD + INIT},
        "a.o --export=get --export=init_thread",
        exit=1,
        says=["error: a.o: undefined symbol: __wasm_init_tls"],
    ),
    Case(
        "tls-init-defined",
        {"a.s": THREAD + func("__wasm_init_tls", "(i32) -> ()")},
        f"{SHARED} --export=get",
        exit=1,
        says=["error: duplicate symbol: __wasm_init_tls"],
    ),
    Case(
        "tls-base-set",
        {"a.s": THREAD + func("set", "(i32) -> ()", "local.get 0", "global.set __tls_base")},
        f"{SHARED} --export=set",
    ),
    Case("tls-exported", {"a.s": THREAD}, f"{SHARED} --export=t --export=get"),
    Case("tls-exported-hidden", {"a.s": THREAD.replace(".globl t", ".globl t\n.hidden t")}, f"{SHARED} --export=t"),
    Case("tls-exported-name", {"a.s": THREAD + ".export_name get, other\n"}, SHARED),
    Case("tls-zero", {"a.s": FLAGS + START + get("u") + U + FEATURES}, f"{SHARED} --export=get"),
    Case("tls-zero-and-data", {"a.s": THREAD + U + get("u", "get_u")}, f"{SHARED} --export=get --export=get_u"),
    Case(
        "tls-zero-and-data-no-merge",
        {"a.s": THREAD + U + get("u", "get_u")},
        f"{SHARED} --export=get --export=get_u --no-merge-data-segments",
    ),
    Case(
        "tls-zero-first",
        {"a.s": FLAGS + START + U + get("u", "get_u") + T + get("t") + FEATURES},
        f"{SHARED} --export=get --export=get_u",
    ),
    Case("tls-zero-imported", {"a.s": THREAD + U + get("u", "get_u")}, f"{IMPORTED} --export=get --export=get_u"),
    Case(
        "tls-several-objects",
        {"a.s": THREAD, "b.s": FLAGS + local("v", ".int32 6") + get("v", "get_v") + FEATURES},
        f"{SHARED} b.o --export=get --export=get_v",
    ),
    Case(
        "tls-several-objects-reversed",
        {"a.s": THREAD, "b.s": FLAGS + local("v", ".int32 6") + get("v", "get_v") + FEATURES},
        "b.o a.o --shared-memory --export=get --export=get_v",
    ),
    Case(
        "tls-other-object",
        {"a.s": FLAGS + START + get("t") + FEATURES, "b.s": FLAGS + T + FEATURES},
        f"{SHARED} b.o --export=get",
    ),
    Case(
        "tls-alignment",
        {
            "a.s": THREAD
            + local("b1", ".int8 1", size=1, align=0)
            + local("w", ".int64 5", size=8, align=6)
            + address("b1")
            + address("w")
        },
        f"{SHARED} --export=get --export=at_b1 --export=at_w --export=__tls_align",
    ),
    Case(
        "tls-alignment-page",
        {"a.s": THREAD + local("w", ".int64 5", size=8, align=12) + address("w")},
        f"{SHARED} --export-all",
    ),
    Case(
        "tls-offset",
        {
            "a.s": FLAGS
            + START
            + TLS_BASE
            + local("t", ".int32 1", ".int32 2", size=8)
            + FEATURES
            + func("get", "() -> (i32)", "global.get __tls_base", "i32.const t@TLSREL+4", "i32.add", "i32.load 0")
        },
        f"{SHARED} --export=get",
    ),
    Case(
        "tls-initial-address",
        {"a.s": FLAGS + START + local("p", ".int32 x", ".int32 _start", size=8) + get("p") + X + FEATURES},
        f"{SHARED} --export=get",
    ),
    Case(
        "tls-section-custom-name",
        {"a.s": FLAGS + START + local("t", ".int32 5", section="mine") + get("t") + FEATURES},
        f"{SHARED} --export=get",
    ),
    Case(
        "tls-two-names",
        {
            "a.s": FLAGS
            + START
            + local("t", ".int32 5", section="mine")
            + get("t")
            + local("v", ".int32 5", section="other")
            + get("v", "get_v")
            + FEATURES
        },
        f"{SHARED} --export=get --export=get_v",
    ),
    Case(
        "tls-two-names-no-merge",
        {
            "a.s": FLAGS
            + START
            + local("t", ".int32 5", section="mine")
            + get("t")
            + local("v", ".int32 5", section="other")
            + get("v", "get_v")
            + FEATURES
        },
        f"{SHARED} --export=get --export=get_v --no-merge-data-segments",
    ),
    Case(
        "tls-by-name-only",
        {"a.s": FLAGS + START + data("t", ".int32 5", section=".tdata.t") + get("t") + FEATURES},
        f"{SHARED} --export=get",
    ),
    Case(
        "tls-by-name-only-zero",
        {"a.s": FLAGS + START + data("t", ".skip 4", section=".tbss.t") + get("t") + FEATURES},
        f"{SHARED} --export=get",
    ),
    Case(
        "tls-with-other-data-in-same-name",
        {
            "a.s": FLAGS
            + START
            + local("t", ".int32 5", section="mine")
            + get("t")
            + data("x", ".int32 3", section="mine.x")
            + use("x")
            + FEATURES,
            "b.s": FLAGS + data("v", ".int32 3", section="mine") + FEATURES,
        },
        f"{SHARED} b.o --export=get --export=use --export=v",
    ),
    Case("tls-partly-dead", {"a.s": THREAD + local("dead", ".int32 9")}, f"{SHARED} --export=get"),
    Case(
        "tls-comdat",
        {
            f"{name}.s": FLAGS
            + '.section .tdata.t,"GT",@,grp,comdat\n.weak t\n.type t,@object\n.p2align 2\nt:\n.int32 '
            f"{value}\n.size t, 4\n" + get("t", f"get_{name}") + FEATURES + (START if name == "a" else "")
            for name, value in (("a", 1), ("b", 2))
        },
        f"{SHARED} b.o --export=get_a --export=get_b",
    ),
    Case(
        "tls-weak",
        {"a.s": THREAD.replace(".globl t", ".weak t"), "b.s": FLAGS + local("t", ".int32 8") + FEATURES},
        f"{SHARED} b.o --export=get",
    ),
    Case(
        "tls-local-symbols",
        {
            "a.s": FLAGS + START + local("t", ".int32 5", flags="") + get("t") + FEATURES,
            "b.s": FLAGS + local("t", ".int32 6", flags="") + get("t", "get_b") + FEATURES,
        },
        f"{SHARED} b.o --export=get --export=get_b",
    ),
    Case("tls-map", {"a.s": THREAD + U + get("u", "get_u")}, f"{SHARED} --export=get --export=get_u --print-map"),
    Case(
        "tls-c",
        {
            "a.c": C_FLAGS
            + "_Thread_local int a = 1, b; _Thread_local char c[3] = {1, 2}; static _Thread_local long long d = 7;\n"
            "int get(void) { return a + b + c[1] + (int)d++; }\nint *pa(void) { return &a; }\nvoid _start(void) {}\n",
            "b.c": C_FLAGS + "extern _Thread_local int a; int get2(void) { return a++; }\n",
        },
        f"{SHARED} b.o --export=get --export=get2 --export=pa",
    ),
    Case(
        "tls-start-stop",
        {
            "a.s": FLAGS
            + START
            + local("t", ".int32 5", section="mine")
            + get("t")
            + FEATURES
            + use("__start_mine", "__stop_mine")
        },
        f"{SHARED} --export=get --export=use",
        exit=1,
        says=["error: a.o: undefined symbol: __start_mine"],
    ),
    Case("tls-strip-all", {"a.s": THREAD}, f"{SHARED} --export=get -s"),
    # Errors
    Case(
        "tls-relocation-undefined",
        {"a.s": FLAGS + START + get("t") + FEATURES},
        f"{SHARED} --export=get",
        exit=1,
        says=["error: a.o: relocation R_WASM_MEMORY_ADDR_TLS_SLEB cannot be used against an undefined symbol `t`"],
    ),
    Case(
        "tls-relocation-undefined-allowed",
        {"a.s": FLAGS + START + get("t") + FEATURES},
        f"{SHARED} --export=get --allow-undefined",
        exit=1,
        says=["error: a.o: relocation R_WASM_MEMORY_ADDR_TLS_SLEB cannot be used against an undefined symbol `t`"],
    ),
    Case(
        "tls-relocation-undefined-import",
        {"a.s": FLAGS + START + get("t") + FEATURES},
        f"{SHARED} --export=get --import-undefined",
        exit=1,
        says=["error: a.o: relocation R_WASM_MEMORY_ADDR_TLS_SLEB cannot be used against an undefined symbol `t`"],
    ),
    Case(
        "tls-relocation-undefined-warn",
        {"a.s": FLAGS + START + get("t") + FEATURES},
        f"{SHARED} --export=get --warn-unresolved-symbols",
        exit=1,
        says=["error: a.o: relocation R_WASM_MEMORY_ADDR_TLS_SLEB cannot be used against an undefined symbol `t`"],
    ),
    Case(
        "tls-relocation-undefined-weak",
        {"a.s": FLAGS + START + get("t") + ".weak t\n" + FEATURES},
        f"{SHARED} --export=get",
        exit=1,
        says=["error: a.o: relocation R_WASM_MEMORY_ADDR_TLS_SLEB cannot be used against an undefined symbol `t`"],
    ),
    Case(
        "tls-relocation-plain-data",
        {"a.s": FLAGS + START + get("x") + X + FEATURES},
        f"{SHARED} --export=get",
        exit=1,
        says=[
            "error: a.o: relocation R_WASM_MEMORY_ADDR_TLS_SLEB cannot be used against `x` in non-TLS section: .data"
        ],
    ),
    Case(
        "tls-relocation-plain-data-other-object",
        {"a.s": FLAGS + START + get("x") + FEATURES, "b.s": FLAGS + X + FEATURES},
        f"{SHARED} b.o --export=get",
        exit=1,
        says=["error: a.o: relocation R_WASM_MEMORY_ADDR_TLS_SLEB cannot be used against non-TLS symbol `x`"],
    ),
    # Without shared memory
    Case("lowered", {"a.s": THREAD}, "a.o --export=get", calls={"get()": 5}),
    Case(
        "lowered-zero", {"a.s": THREAD + U + get("u", "get_u")}, "a.o --export=get --export=get_u", calls={"get_u()": 0}
    ),
    Case("lowered-only-zero", {"a.s": FLAGS + START + get("u") + U + FEATURES}, "a.o --export=get", calls={"get()": 0}),
    Case(
        "lowered-imported",
        {"a.s": THREAD + U + get("u", "get_u")},
        "a.o --export=get --export=get_u --import-memory",
        calls={"get()": 5},
    ),
    Case(
        "lowered-alignment",
        {"a.s": THREAD + local("w", ".int64 6", size=8, align=6) + get("w", "get_w")},
        "a.o --export=get --export=get_w",
        calls={"get()": 5, "get_w()": 6},
    ),
    Case(
        "lowered-base",
        {"a.s": FLAGS + START + TLS_BASE + func("base", "() -> (i32)", "global.get __tls_base") + T + X + FEATURES},
        "a.o --export=base --export=x",
    ),
    Case(
        "lowered-base-set",
        {"a.s": THREAD + func("set", "(i32) -> ()", "local.get 0", "global.set __tls_base")},
        "a.o --export=set --export=get",
        validate=False,
    ),
    Case(
        "lowered-no-merge",
        {"a.s": THREAD + U + get("u", "get_u")},
        "a.o --export=get --export=get_u --no-merge-data-segments",
    ),
    Case("lowered-no-gc", {"a.s": THREAD + U}, "a.o --no-gc-sections"),
    Case(
        "lowered-two-names",
        {
            "a.s": FLAGS
            + START
            + local("t", ".int32 5", section="mine")
            + get("t")
            + local("v", ".int32 6", section="other")
            + get("v", "get_v")
            + FEATURES
        },
        "a.o --export=get --export=get_v",
        calls={"get()": 5, "get_v()": 6},
    ),
    Case("lowered-other-object-without-features", {"a.s": THREAD, "b.s": func("g")}, "a.o b.o --export=get --export=g"),
    Case(
        "lowered-c",
        {
            "a.c": C_FLAGS + "_Thread_local int a = 1, b; static _Thread_local long long d = 7;\n"
            "int get(void) { return a + b + (int)d++; }\nint *pa(void) { return &a; }\nvoid _start(void) {}\n"
        },
        "a.o --export=get --export=pa",
        calls={"get()": 8},
    ),
    # Thread-local variables in the GOT
    Case("got", GOT, "a.o b.o --shared-memory --export=at_t"),
    Case(
        "got-init",
        {**GOT, "c.s": FLAGS + INIT + FEATURES},
        "a.o b.o c.o --shared-memory --export=at_t --export=init_thread",
    ),
    Case("got-init-exported", GOT, "a.o b.o --shared-memory --export=at_t --export=__wasm_init_tls"),
    Case("got-unused", GOT, "a.o b.o --shared-memory"),
    Case("got-no-gc", GOT, "a.o b.o --shared-memory --no-gc-sections"),
    Case("got-unshared", GOT, "a.o b.o --export=at_t"),
    Case(
        "got-undefined",
        GOT,
        "a.o --no-entry --shared-memory --export=at_t",
        exit=1,
        says=["error: a.o: relocation R_WASM_MEMORY_ADDR_TLS_SLEB cannot be used against an undefined symbol `t`"],
    ),
    Case(
        "got-with-plain",
        {**GOT, "a.c": GOT_ADDRESS + "extern int x; int *at_x(void) { return &x; }\n", "c.s": FLAGS + X + FEATURES},
        "a.o b.o c.o --shared-memory --export=at_t --export=at_x",
    ),
    Case(
        "got-twice",
        {
            **GOT,
            "a.c": GOT_ADDRESS + "extern _Thread_local int u; int *at_u(void) { return &u; }\n",
            "c.s": FLAGS + local("u", ".int32 5") + FEATURES,
        },
        "a.o b.o c.o --shared-memory --export=at_t --export=at_u",
    ),
    Case(
        "got-local",
        {
            "a.c": GOT_ADDRESS + "_Thread_local int t = 3; static _Thread_local int s; int *at_s(void) { return &s; }\n"
            "void _start(void) {}\n"
        },
        f"{SHARED} --export=at_t --export=at_s",
    ),
    Case(
        "got-offset-unshared",
        {"a.s": ENTRY},
        "a.o --export=entry --export=get",
        has=["GOT.data.internal.v.* = i32.const 65540"],
    ),
    *(
        Case(
            f"got-everything-{how}",
            {"a.s": ENTRY + POINTERS + CODE, "b.s": FLAGS + func("g") + func("h", flags="globl hidden") + FEATURES},
            f"a.o b.o --shared-memory --export=entry --export=read --export=p {options}",
            has=has,
            validate=False,
        )
        for how, options, has in (
            ("pie", "-pie --experimental-pic", ["__wasm_apply_global_relocs", "__wasm_apply_data_relocs"]),
            ("shared", "-shared --experimental-pic", ["__wasm_apply_global_relocs", "import GOT.func.g"]),
            ("symbolic", "-shared --experimental-pic -Bsymbolic", ["GOT.func.internal.g"]),
            ("pie-extended", "-pie --experimental-pic --extra-features=extended-const", ["__wasm_apply_data_relocs"]),
            ("init-exported", "-pie --experimental-pic --export=__wasm_init_tls", ["export __wasm_init_tls"]),
            ("all-exported", "-shared --experimental-pic --export-all", ["export __tls_size"]),
            ("no-gc", "-shared --experimental-pic --no-gc-sections", ["__wasm_apply_tls_relocs"]),
            ("imported", "-pie --experimental-pic --import-memory --max-memory=1048576", ["import env.memory memory"]),
        )
    ),
    Case(
        "got-undefined-imported",
        {"a.s": FLAGS + START + func("entry", "() -> ()", "global.get t@GOT@TLS", "drop") + DECLARED + FEATURES},
        "a.o --shared-memory --export=entry --unresolved-symbols=ignore-all --no-check-features",
        has=["__wasm_apply_global_tls_relocs"],
    ),
]
