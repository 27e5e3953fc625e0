"""The sections, their order, the types, and the relocations."""

from tests.differential.asm import START, data, extern, func, string
from tests.differential.harness import Case

EVERYTHING = (
    "# flags: -mcpu=mvp+reference_types+exception_handling+bulk_memory+mutable_globals\n"
    ".tagtype e i32\n"
    ".globaltype g, i32\n"
    ".tabletype t, externref\n"
    + func(
        "_start",
        "() -> ()",
        "call host",
        "i32.const 1",
        "global.set g",
        "table.size t",
        "drop",
        "i32.const _start",
        "drop",
        "i32.const x",
        "drop",
        "i32.const 3",
        "throw e",
    )
    + extern("host", "() -> ()")
    + data("x", ".int32 1")
    + ".globl e\ne:\n.globl g\ng:\n.globl t\nt:\n"
)
MORE = (
    func("types", "(f32, f64, i64) -> ()")
    + func("no_types", "() -> ()")
    + func("with_locals", "(i32) -> (i32)", ".local i32, i64, f32", "local.get 0")
)

CASES = [
    Case(
        "order",
        {"a.s": EVERYTHING},
        "a.o --allow-undefined",
        has=["sections type, import, function, table, memory, tag, global, export, element, code, data"],
    ),
    Case(
        "order-start-and-data-count",
        {"a.s": START + data("z", ".skip 4", section=".bss.z") + data("x", ".int32 1")},
        "a.o --export=z --export=x --import-memory --features=bulk-memory",
        has=["start"],
    ),
    Case("empty-module", {"a.s": ""}, "a.o --no-entry"),
    Case("no-inputs", {}, "--no-entry", exit=1, says=["no input files"]),
    Case(
        "types-shared", {"a.s": START + MORE, "b.s": func("again", "(f32, f64, i64) -> ()")}, "a.o b.o --no-gc-sections"
    ),
    Case("types-only-live", {"a.s": START + MORE}, "a.o", lacks=["f64"]),
    Case(
        "types-of-call-indirect",
        {"a.s": func("_start", "() -> ()", "f32.const 1.0", "i32.const 0", "call_indirect (f32) -> (f64)", "drop")},
        "a.o",
        has=[r"type \d \(f32\) -> \(f64\)"],
    ),
    Case(
        "types-of-imports-first",
        {"a.s": func("_start", "() -> ()", "i64.const 1", "call host") + extern("host", "(i64) -> ()")},
        "a.o --allow-undefined",
    ),
    Case(
        "types-of-tags",
        {
            "a.s": "# flags: -mcpu=mvp+exception_handling\n.tagtype e i64, f32\n"
            + func("_start", "() -> ()", "i64.const 1", "f32.const 1.0", "throw e")
            + ".globl e\ne:\n"
        },
        "a.o",
    ),
    Case(
        "types-multivalue",
        {
            "a.s": "# flags: -mcpu=mvp+multivalue\n"
            + func("_start")
            + func("pair", "(i32) -> (i32, i64)", "local.get 0", "i64.const 4")
        },
        "a.o --export=pair",
        calls={"pair(3)": [3, 4]},
    ),
    Case(
        "memory-address-leb-and-sleb",
        {
            "a.s": START
            + func("run", "() -> (i32)", "i32.const x+4", "i32.load 0", "i32.const 0", "i32.load x+8", "i32.add")
            + data("x", ".int32 1", ".int32 2", ".int32 3", size=12)
        },
        "a.o --export=run",
        calls={"run()": 5},
    ),
    Case(
        "memory-address-negative-addend",
        {
            "a.s": START
            + func("run", "() -> (i32)", "i32.const x-4")
            + func("load", "() -> (i32)", "i32.const 8", "i32.load y-8")
            + data("x", ".int32 1")
            + data("y", ".int32 6")
        },
        "a.o --export=run --export=load",
        calls={"load()": 6},
    ),
    Case(
        "memory-address-below-zero",
        {"a.s": START + func("run", "() -> (i32)", "i32.const x-2000") + data("x", ".int32 1")},
        "a.o --export=run --no-stack-first --global-base=1024",
        calls={"run()": -976},
    ),
    Case(
        "memory-address-below-zero-leb",
        {"a.s": START + func("run", "() -> (i32)", "i32.const 2000", "i32.load x-2000") + data("x", ".int32 1")},
        "a.o --export=run --no-stack-first --global-base=1024",
    ),
    Case(
        "memory-address-below-zero-data",
        {"a.s": START + data("p", ".int32 x-2000") + data("x", ".int32 1")},
        "a.o --export=p --no-stack-first --global-base=1024",
    ),
    Case(
        "memory-address-data",
        {"a.s": START + data("p", ".int32 x+4", ".int32 x", ".int32 p", size=12) + data("x", ".int64 1", size=8)},
        "a.o --export=p",
    ),
    Case(
        "memory-address-high",
        {"a.s": START + func("run", "() -> (i32)", "i32.const x", "i32.load x") + data("x", ".int32 1")},
        "a.o --export=run --global-base=2147483632",
    ),
    Case(
        "memory-address-of-dead",
        {
            "a.s": START
            + func("dead", "() -> (i32)", "i32.const x")
            + data("x", ".int32 1")
            + func("run", "() -> (i32)", "i32.const y")
            + data("y", ".int32 2")
        },
        "a.o --export=run",
    ),
    Case(
        "locrel",
        {
            "a.s": START
            + data("p", ".int32 x-.", ".int32 x-.", size=8, section=".data.p")
            + data("x", ".int32 1", section=".data.x")
        },
        "a.o --export=p",
    ),
    Case(
        "function-index",
        {"a.s": func("_start", "() -> ()", "call f", "call g") + func("f") + extern("g"), "b.s": func("g")},
        "a.o b.o",
    ),
    Case(
        "table-index-sleb-and-data",
        {
            "a.s": func("_start", "() -> ()", "i32.const f", "drop", "i32.const g", "drop")
            + data("p", ".int32 g", ".int32 h", size=8)
            + func("f")
            + func("g")
            + func("h")
        },
        "a.o --export=p",
    ),
    Case(
        "global-index",
        {
            "a.s": ".globaltype g, i32\n.globaltype h, i32\n.globaltype __stack_pointer, i32\n"
            + func("_start", "() -> ()", "global.get h", "global.set g", "global.get __stack_pointer", "drop")
            + ".globl g\ng:\n.globl h\nh:\n"
        },
        "a.o",
    ),
    Case(
        "global-types",
        {
            "a.s": "".join(f".globaltype g{t}, {t}\n" for t in ("i32", "i64", "f32", "f64"))
            + func(
                "_start",
                "() -> ()",
                *(line for t in ("i32", "i64", "f32", "f64") for line in (f"global.get g{t}", "drop")),
            )
            + "".join(f".globl g{t}\ng{t}:\n" for t in ("i32", "i64", "f32", "f64"))
        },
        "a.o",
    ),
    Case(
        "type-index",
        {
            "a.s": func(
                "_start",
                "() -> ()",
                "i32.const 0",
                "call_indirect () -> ()",
                "i32.const 1",
                "i32.const 0",
                "call_indirect (i32) -> ()",
            ),
            "b.s": func("other", "() -> ()", "i32.const 1", "i32.const 0", "call_indirect (i32) -> ()"),
        },
        "b.o a.o --export=other",
    ),
    Case(
        "type-index-block",
        {
            "a.s": "# flags: -mcpu=mvp+multivalue\n"
            + func(
                "_start",
                "() -> ()",
                "i32.const 1",
                "block (i32) -> (i32, i32)",
                "i32.const 2",
                "end_block",
                "drop",
                "drop",
            )
        },
        "a.o",
    ),
    Case(
        "tag-index",
        {
            "a.s": "# flags: -mcpu=mvp+exception_handling\n.tagtype e i32\n.tagtype d i64\n"
            + func("_start", "() -> ()", "i64.const 1", "throw d")
            + func("f", "() -> ()", "i32.const 1", "throw e")
            + ".globl e\ne:\n.globl d\nd:\n"
        },
        "a.o --export=f",
    ),
    Case(
        "table-number",
        {
            "a.s": "# flags: -mcpu=mvp+reference_types\n.tabletype t, funcref\n.tabletype u, externref\n"
            + func("_start", "() -> ()", "table.size u", "drop", "table.size t", "drop", "i32.const _start", "drop")
            + ".globl t\nt:\n.globl u\nu:\n"
        },
        "a.o",
    ),
    Case(
        "functions-by-object-order",
        {
            "a.s": func("_start", "() -> ()", "call a2", "call b1") + func("a2") + extern("b1"),
            "b.s": func("b2") + func("b1", "() -> ()", "call b2"),
        },
        "b.o a.o",
    ),
    Case(
        "bodies-large",
        {"a.s": func("_start", "() -> ()", *["call f"] * 3000) + func("f", "() -> ()", *["nop"] * 200)},
        "a.o",
    ),
    Case(
        "many-functions",
        {
            "a.s": func("_start", "() -> ()", *(f"call f{i}" for i in range(300)))
            + "".join(func(f"f{i}") for i in range(300))
        },
        "a.o",
    ),
    Case(
        "compiled-c",
        {
            "a.c": "int g(int); static int h(int x) { return x * 3; }\n"
            "int (*table[])(int) = {g, h};\n"
            "int run(int i) { int big[100]; big[i] = 7; "
            "for (int k = 0; k < 100; k++) big[k] = g(k); "
            "return table[i & 1](big[i]); "
            "}\n"
            "void _start(void) {}\n",
            "b.c": 'static const char *names[] = {"zero", "one"};\nint g(int x) { return x + names[x & 1][0]; }\n',
        },
        "a.o b.o --export=run",
        calls={"run(1)": (1 + ord("o")) * 3},
    ),
    Case(
        "compiled-c-debug",
        {
            "a.c": "// flags: -g -O0\n"
            "int g(int); static int h(int x) { return x * 3; }\n"
            "int (*table[])(int) = {g, h};\n"
            "int run(int i) { return table[i & 1](i); }\n"
            "void _start(void) {}\n"
            "int unused(int z) { return z + 1; }\n",
            "b.c": "// flags: -g\n"
            'static const char *names[] = {"zero", "one"};\n'
            "int g(int x) { return x + names[x & 1][0]; }\n"
            "int unused_too(void) { return 7; }\n",
        },
        "a.o b.o --export=run",
        calls={"run(1)": 3},
    ),
    Case(
        "compiled-cpp-exceptions-types",
        {
            "a.cpp": "struct A { virtual int f() { return 1; } "
            "virtual ~A() {} }; struct B : A { int f() "
            "override { return 2; } };\n"
            'extern "C" void operator_delete() {}\n'
            "void operator delete(void *, unsigned long) noexcept {}\n"
            "A *make(B *b) { return b; }\n"
            'extern "C" int run() { static B b; return make(&b)->f(); }\n'
            'extern "C" void _start() {}\n'
            'extern "C" int __cxa_atexit(void (*)(void *), void *, void *) { return 0; }\n'
        },
        "a.o --export=run --allow-undefined",
        calls={"run()": 2},
    ),
    Case(
        "reference-types-objects",
        {
            "a.c": "// flags: -mcpu=generic+reference_types\n"
            "int f(void) { return 5; }\n"
            "int (*p)(void) = f;\n"
            "int run(void) { return p(); }\n"
            "void _start(void) {}\n"
        },
        "a.o --export=run",
        calls={"run()": 5},
    ),
    Case(
        "mvp-and-reference-types",
        {
            "a.c": "// flags: -mcpu=mvp\n"
            "int f(void) { return 5; }\n"
            "int (*p)(void) = f;\n"
            "int run(void) { return p(); }\n"
            "void _start(void) {}\n",
            "b.c": "// flags: -mcpu=mvp+reference_types\nextern int (*p)(void); int run2(void) { return p() + 1; }",
        },
        "a.o b.o --export=run --export=run2",
        calls={"run2()": 6},
    ),
    Case(
        "string-and-code",
        {"a.s": START + func("run", "() -> (i32)", "i32.const 0", "i32.load8_u s+1") + string("s", "xyz")},
        "a.o --export=run",
        calls={"run()": ord("y")},
    ),
]
