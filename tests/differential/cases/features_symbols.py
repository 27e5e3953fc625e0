"""Wrapped symbols, stub libraries, compressed relocations, page sizes, tags, and tables."""

from tests.differential.asm import START, data, extern, func, string, target_features
from tests.differential.cases.liveness import constructor
from tests.differential.harness import TRAP, Archive, Case

I32 = "() -> (i32)"


def answer(name: str, value: int, flags: str = "globl") -> str:
    return func(name, I32, f"i32.const {value}", flags=flags)


RUN = START + func("run", I32, "call f") + extern("f", I32)
F = answer("f", 1)
WRAPPER = func("__wrap_f", I32, "call __real_f", "i32.const 10", "i32.add") + extern("__real_f", I32)
WRAP = "a.o b.o --wrap=f --export=run"

USES = START + func("use", "() -> ()", "call f") + extern("f")
G = func("g")
STUB = "a.o s.so --export=use"

ALL = (
    "# flags: -mcpu=mvp+reference_types+exception_handling+bulk_memory+multivalue\n"
    ".globaltype gl, i32\n.tagtype e i32\n.tabletype t, externref\n"
    + START
    + func("f", "(i32) -> (i32)", "local.get 0")
    + func(
        "run",
        I32,
        "i32.const 5",
        "call f",
        "global.set gl",
        "i32.const x+4",
        "i32.load 0",
        "i32.const 0",
        "i32.load x+8",
        "i32.add",
        "i32.const f",
        "drop",
        "table.size t",
        "drop",
        "i32.const 3",
        "i32.const f",
        "call_indirect (i32) -> (i32)",
        "i32.add",
        "global.get gl",
        "i32.add",
    )
    + func("throws", "() -> ()", "i32.const 3", "throw e")
    + func("blocks", "(i32) -> (i32)", "local.get 0", "block (i32) -> (i32)", "end_block")
    + func("many_locals", "() -> (i32)", ".local i32, i64, f32, i32", "i32.const x", "local.set 0", "local.get 0")
    + data("x", ".int32 1", ".int32 2", ".int32 3", size=12)
    + data("p", ".int32 f", ".int32 x", size=8)
    + ".globl e\ne:\n.globl gl\ngl:\n.globl t\nt:\n"
)
COMPRESS = "a.o --compress-relocations --export=run --export=throws --export=blocks --export=many_locals --export=p"
C = (
    "int g(int); static int h(int x) { return x * 3; }\n"
    "int (*table[])(int) = {g, h};\nint zero[1000]; int *where; int there = 5;\n"
    "int run(int i) { volatile int big[100]; big[i] = 7; for (int k = 0; k < 100; k++) big[k] = g(k);\n"
    "  where = &there; zero[i] = 2; return table[i & 1](big[i]) + zero[i] + *where; }\n"
    "void _start(void) {}\n"
)
C2 = 'static const char *names[] = {"zero", "one"};\nint g(int x) { return x + names[x & 1][0]; }\n'
C_RUN = {"run(1)": (1 + ord("o")) * 3 + 7}

EH = "# flags: -mcpu=mvp+exception_handling+multivalue\n"
TAG = ".tagtype e i32\n"
THROW = EH + TAG + func("_start", "() -> ()", "i32.const 1", "throw e")
DEFINED = ".globl e\ne:\n"
CATCH = func("run", I32, "try i32", "call thrower", "i32.const 0", "catch e", "end_try") + extern("thrower")
CPP_THROW = "// flags: -fexceptions -fwasm-exceptions -frtti -mllvm -wasm-use-legacy-eh={}\n"

RT = "# flags: -mcpu=mvp+reference_types+bulk_memory\n"
MUTABLE = target_features("+mutable-globals", "+reference-types")
TABLE = (
    RT
    + ".tabletype t, funcref\n"
    + START
    + func("run", I32, "i32.const 0", "i32.const 0", "table.get t", "table.set t", "table.size t")
)
PAGES = START + func("run", I32, "i32.const x", "i32.load 0") + data("x", ".int32 7")
BYTES = "a.o --page-size=1 --export=run"


def page(name: str, args: str, source: str = PAGES, exit: int = 0, says: tuple[str, ...] = ()) -> Case:
    """A memory with pages of one byte: not in every engine yet."""
    return Case(f"page-{name}", {"a.s": source}, args, exit=exit, says=says, validate=False)


CASES = [
    # --wrap
    Case("wrap", {"a.s": RUN, "b.s": F + WRAPPER}, WRAP, calls={"run()": 11}),
    Case("wrap-definition-in-other-object", {"a.s": RUN, "b.s": WRAPPER, "c.s": F}, f"{WRAP} c.o", calls={"run()": 11}),
    Case("wrap-definition-first", {"a.s": RUN, "b.s": WRAPPER, "c.s": F}, f"c.o {WRAP}", calls={"run()": 11}),
    Case("wrap-within-object", {"a.s": RUN.replace(extern("f", I32), "") + F, "b.s": WRAPPER}, WRAP),
    Case(
        "wrap-separate-value",
        {"a.s": RUN, "b.s": WRAPPER, "c.s": F},
        "a.o b.o c.o --wrap f --export=run",
        calls={"run()": 11},
    ),
    Case(
        "wrap-single-dash",
        {"a.s": RUN, "b.s": WRAPPER, "c.s": F},
        "a.o b.o c.o -wrap=f --export=run",
        calls={"run()": 11},
    ),
    Case("wrap-twice", {"a.s": RUN, "b.s": WRAPPER, "c.s": F}, f"{WRAP} c.o --wrap=f", calls={"run()": 11}),
    Case(
        "wrap-two",
        {"a.s": RUN + func("also", I32, "call g") + extern("g", I32), "b.s": WRAPPER + answer("__wrap_g", 5), "c.s": F},
        f"{WRAP} c.o --wrap=g --export=also",
        calls={"run()": 11, "also()": 5},
    ),
    Case(
        "wrap-no-wrapper",
        {"a.s": RUN, "c.s": F},
        "a.o c.o --wrap=f --export=run",
        exit=1,
        says=["error: a.o: undefined symbol: __wrap_f"],
    ),
    Case("wrap-no-wrapper-allowed", {"a.s": RUN, "c.s": F}, "a.o c.o --wrap=f --export=run --allow-undefined"),
    Case("wrap-no-original", {"a.s": RUN, "b.s": answer("__wrap_f", 3)}, WRAP, calls={"run()": 3}),
    Case(
        "wrap-no-original-but-real",
        {"a.s": RUN, "b.s": WRAPPER},
        WRAP,
        exit=1,
        says=["error: b.o: undefined symbol: f"],
    ),
    Case("wrap-unknown", {"a.s": RUN, "b.s": F}, "a.o b.o --wrap=nothing --export=run", calls={"run()": 1}),
    Case("wrap-unreferenced", {"a.s": START, "b.s": F + answer("__wrap_f", 3)}, "a.o b.o --wrap=f --no-gc-sections"),
    Case(
        "wrap-real-called-elsewhere",
        {
            "a.s": RUN,
            "b.s": answer("__wrap_f", 3),
            "c.s": F,
            "d.s": func("direct", I32, "call __real_f") + extern("__real_f", I32),
        },
        f"{WRAP} c.o d.o --export=direct",
        calls={"run()": 3, "direct()": 1},
    ),
    Case("wrap-real-defined", {"a.s": RUN, "b.s": WRAPPER, "c.s": F, "d.s": answer("__real_f", 50)}, f"{WRAP} c.o d.o"),
    Case(
        "wrap-real-without-option",
        {"a.s": START + func("run", I32, "call __real_f") + extern("__real_f", I32), "c.s": F},
        "a.o c.o --export=run",
        exit=1,
        says=["error: a.o: undefined symbol: __real_f"],
    ),
    Case(
        "wrap-wrap-called-directly",
        {"a.s": START + func("run", I32, "call __wrap_f") + extern("__wrap_f", I32), "b.s": WRAPPER, "c.s": F},
        f"{WRAP} c.o",
    ),
    Case("wrap-export-original", {"a.s": RUN, "b.s": WRAPPER, "c.s": F}, f"{WRAP} c.o --export=f"),
    Case("wrap-export-wrapper", {"a.s": RUN, "b.s": WRAPPER, "c.s": F}, f"{WRAP} c.o --export=__wrap_f"),
    Case("wrap-export-real", {"a.s": RUN, "b.s": WRAPPER, "c.s": F}, f"{WRAP} c.o --export=__real_f", exit=0),
    Case("wrap-export-all", {"a.s": RUN, "b.s": WRAPPER, "c.s": F}, f"{WRAP} c.o --export-all"),
    Case("wrap-export-dynamic", {"a.s": RUN, "b.s": WRAPPER, "c.s": F}, f"{WRAP} c.o --export-dynamic"),
    Case("wrap-export-name", {"a.s": RUN, "b.s": WRAPPER, "c.s": F + ".export_name f, other\n"}, f"{WRAP} c.o"),
    Case(
        "wrap-entry",
        {
            "a.s": func("_start"),
            "b.s": func("__wrap__start", "() -> ()", "call __real__start") + extern("__real__start"),
        },
        "a.o b.o --wrap=_start",
    ),
    Case("wrap-undefined-option", {"a.s": RUN, "b.s": WRAPPER, "lib.a": Archive({"c.s": F})}, f"{WRAP} lib.a -u f"),
    Case(
        "wrap-archive-original",
        {"a.s": RUN, "b.s": WRAPPER, "lib.a": Archive({"c.s": F})},
        f"{WRAP} lib.a",
        calls={"run()": 11},
    ),
    Case(
        "wrap-archive-wrapper",
        {"a.s": RUN, "lib.a": Archive({"b.s": WRAPPER}), "c.s": F},
        "a.o lib.a c.o --wrap=f --export=run",
    ),
    Case(
        "wrap-archive-both",
        {"a.s": RUN, "lib.a": Archive({"b.s": WRAPPER, "c.s": F})},
        "a.o lib.a --wrap=f --export=run",
    ),
    Case(
        "wrap-start-lib",
        {"a.s": RUN, "b.s": WRAPPER, "c.s": F},
        "a.o --start-lib b.o c.o --end-lib --wrap=f --export=run",
    ),
    Case(
        "wrap-weak-original",
        {"a.s": RUN, "b.s": WRAPPER, "c.s": answer("f", 1, "weak")},
        f"{WRAP} c.o",
        calls={"run()": 11},
    ),
    Case(
        "wrap-weak-wrapper",
        {"a.s": RUN, "b.s": WRAPPER.replace(".globl __wrap_f", ".weak __wrap_f"), "c.s": F},
        f"{WRAP} c.o",
        calls={"run()": 11},
    ),
    Case(
        "wrap-weak-reference",
        {"a.s": RUN + ".weak f\n", "b.s": START.replace("_start", "z")},
        "a.o b.o --wrap=f --export=run",
        exit=1,
        says=["error: a.o: undefined symbol: __wrap_f"],
    ),
    Case(
        "wrap-weak-reference-to-real",
        {"a.s": RUN, "b.s": WRAPPER + ".weak __real_f\n"},
        WRAP,
        exit=1,
        says=["error: b.o: undefined symbol: f"],
    ),
    Case(
        "wrap-hidden-wrapper",
        {"a.s": RUN, "b.s": WRAPPER + ".hidden __wrap_f\n", "c.s": F},
        f"{WRAP} c.o --export-dynamic",
    ),
    Case(
        "wrap-local-original",
        {"a.s": START + func("run", I32, "call f") + answer("f", 4, ""), "b.s": answer("__wrap_f", 3)},
        WRAP,
        calls={"run()": 4},
    ),
    Case(
        "wrap-signature-mismatch",
        {"a.s": RUN, "b.s": func("__wrap_f", "() -> (i64)", "i64.const 1"), "c.s": F},
        f"{WRAP} c.o",
        validate=False,
    ),
    Case(
        "wrap-address",
        {
            "a.s": START + func("run", I32, "i32.const f") + data("p", ".int32 f") + extern("f", I32),
            "b.s": WRAPPER,
            "c.s": F,
        },
        f"{WRAP} c.o --export=p",
    ),
    Case(
        "wrap-data",
        {
            "a.s": START + func("run", I32, "i32.const v", "i32.load 0"),
            "b.s": data("__wrap_v", ".int32 8"),
            "c.s": data("v", ".int32 9"),
        },
        "a.o b.o c.o --wrap=v --export=run",
        exit=1,
        says=["error: symbol type mismatch: __wrap_v"],
    ),
    Case(
        "wrap-data-real",
        {
            "a.s": START + func("run", I32, "i32.const v", "i32.load 0"),
            "b.s": data("__wrap_v", ".int32 __real_v"),
            "c.s": data("v", ".int32 9"),
        },
        "a.o b.o c.o --wrap=v --export=run",
        exit=1,
        says=["error: symbol type mismatch: __real_v"],
    ),
    Case(
        "wrap-global",
        {
            "a.s": ".globaltype v, i32\n" + START + func("run", I32, "global.get v"),
            "b.s": ".globaltype __wrap_v, i32\n.globl __wrap_v\n__wrap_v:\n",
            "c.s": ".globaltype v, i32\n.globl v\nv:\n",
        },
        "a.o b.o c.o --wrap=v --export=run",
        exit=1,
        says=["error: symbol type mismatch: __wrap_v"],
    ),
    Case("wrap-import", {"a.s": RUN + ".import_module f, host\n.import_name f, fn\n", "b.s": WRAPPER}, WRAP, exit=0),
    Case(
        "wrap-wrapper-imported",
        {
            "a.s": RUN,
            "b.s": START.replace("_start", "z")
            + func("y", I32, "call __wrap_f")
            + extern("__wrap_f", I32)
            + ".import_module __wrap_f, host\n.import_name __wrap_f, fn\n",
            "c.s": F,
        },
        f"{WRAP} c.o",
    ),
    Case(
        "wrap-constructor",
        {
            "a.s": START + func("run", I32, "i32.const 4") + constructor("init", "call h") + extern("h"),
            "b.s": func("__wrap_h", "() -> ()", "call __real_h") + extern("__real_h"),
            "c.s": func("h"),
        },
        "a.o b.o c.o --wrap=h --wrap=init --export=run",
    ),
    Case("wrap-map", {"a.s": RUN, "b.s": WRAPPER, "c.s": F}, f"{WRAP} c.o --print-map"),
    Case("wrap-trace-symbol", {"a.s": RUN, "b.s": WRAPPER, "c.s": F}, f"{WRAP} c.o -y f -y __wrap_f"),
    Case(
        "wrap-why-extract",
        {"a.s": RUN, "lib.a": Archive({"b.s": WRAPPER, "c.s": F})},
        "a.o lib.a --wrap=f --export=run --why-extract=-",
    ),
    Case("wrap-relocatable", {"a.s": RUN, "b.s": WRAPPER, "c.s": F}, "a.o b.o c.o --wrap=f -r", validate=False),
    Case("wrap-no-gc", {"a.s": RUN, "b.s": WRAPPER, "c.s": F}, f"{WRAP} c.o --no-gc-sections"),
    Case(
        "wrap-c",
        {
            "a.c": "void *malloc(unsigned long); int run(void) { return (int)malloc(3); }\nvoid _start(void) {}\n",
            "b.c": "void *__real_malloc(unsigned long); void "
            "*__wrap_malloc(unsigned long n) { return __real_malloc(n + 1); }\n",
            "c.c": "// flags: -fno-builtin\nvoid *malloc(unsigned long n) { return (void *)(n * 2); }\n",
        },
        "a.o b.o c.o --wrap=malloc --export=run",
        calls={"run()": 8},
    ),
    # Stub libraries
    Case("stub", {"a.s": USES, "s.so": "#STUB\nf\n"}, STUB, has=["^import env.f func"]),
    Case("stub-first", {"a.s": USES, "s.so": "#STUB\nf\n"}, "s.so a.o --export=use"),
    Case("stub-other-name", {"a.s": USES, "s.txt": "#STUB\nf\n"}, "a.o s.txt --export=use"),
    Case("stub-dependency", {"a.s": USES, "b.s": G, "s.so": "#STUB\nf: g\n"}, f"{STUB} b.o", has=["^export g"]),
    Case(
        "stub-dependencies",
        {"a.s": USES, "b.s": G + func("h"), "s.so": "#STUB\nf: g, h\n"},
        f"{STUB} b.o",
        has=["^export g", "^export h"],
    ),
    Case(
        "stub-dependencies-spaces",
        {"a.s": USES, "b.s": G + func("h"), "s.so": "#STUB\n  f  :g,h  \n\n# comment: x\n"},
        f"{STUB} b.o",
    ),
    Case(
        "stub-dependency-of-unused",
        {"a.s": USES, "b.s": G, "s.so": "#STUB\nf\nother: g\n"},
        f"{STUB} b.o",
        lacks=["^export g"],
    ),
    Case(
        "stub-dependency-missing",
        {"a.s": USES, "s.so": "#STUB\nf: g\n"},
        STUB,
        exit=1,
        says=["error: s.so: undefined symbol: g. Required by f"],
    ),
    Case("stub-dependency-missing-unused", {"a.s": USES, "s.so": "#STUB\nf\nother: g\n"}, STUB),
    Case(
        "stub-dependency-missing-allowed",
        {"a.s": USES, "s.so": "#STUB\nf: g\n"},
        f"{STUB} --allow-undefined",
        exit=1,
        says=["error: s.so: undefined symbol: g. Required by f"],
    ),
    Case(
        "stub-dependency-missing-warn",
        {"a.s": USES, "s.so": "#STUB\nf: g\n"},
        f"{STUB} --warn-unresolved-symbols",
        exit=1,
        says=["error: s.so: undefined symbol: g. Required by f"],
    ),
    Case(
        "stub-dependencies-missing",
        {"a.s": USES, "s.so": "#STUB\nf: g, h\n"},
        STUB,
        exit=1,
        says=["error: s.so: undefined symbol: g. Required by f"],
    ),
    Case(
        "stub-dependency-archive",
        {"a.s": USES, "lib.a": Archive({"b.s": G}), "s.so": "#STUB\nf: g\n"},
        f"{STUB} lib.a",
        has=["^export g"],
    ),
    Case(
        "stub-dependency-archive-first",
        {"a.s": USES, "lib.a": Archive({"b.s": G}), "s.so": "#STUB\nf: g\n"},
        "lib.a a.o s.so --export=use",
    ),
    Case(
        "stub-dependency-archive-needs-stub",
        {
            "a.s": USES,
            "lib.a": Archive({"b.s": func("g", "() -> ()", "call k") + extern("k"), "c.s": func("m")}),
            "s.so": "#STUB\nf: g\nk: m\n",
        },
        f"{STUB} lib.a",
        has=["^export m"],
    ),
    Case("stub-dependency-data", {"a.s": USES, "b.s": data("g", ".int32 1"), "s.so": "#STUB\nf: g\n"}, f"{STUB} b.o"),
    Case(
        "stub-dependency-hidden",
        {"a.s": USES, "b.s": func("g", flags="globl hidden"), "s.so": "#STUB\nf: g\n"},
        f"{STUB} b.o",
    ),
    Case(
        "stub-dependency-local",
        {"a.s": USES, "b.s": func("g", flags=""), "s.so": "#STUB\nf: g\n"},
        f"{STUB} b.o",
        exit=1,
        says=["error: s.so: undefined symbol: g. Required by f"],
    ),
    Case("stub-dependency-weak", {"a.s": USES, "b.s": func("g", flags="weak"), "s.so": "#STUB\nf: g\n"}, f"{STUB} b.o"),
    Case(
        "stub-dependency-other-stub",
        {"a.s": USES, "b.s": func("h"), "s.so": "#STUB\nf: g\ng: h\n"},
        f"{STUB} b.o",
        exit=1,
        says=["error: s.so: undefined symbol: g. Required by f"],
    ),
    Case(
        "stub-dependency-self",
        {"a.s": USES, "s.so": "#STUB\nf: f\n"},
        STUB,
        exit=1,
        says=["error: s.so: undefined symbol: f. Required by f"],
    ),
    Case(
        "stub-dependency-undefined-reference",
        {"a.s": USES + func("use2", "() -> ()", "call g") + extern("g"), "s.so": "#STUB\nf: g\n"},
        STUB,
        exit=1,
        says=["error: s.so: undefined symbol: g. Required by f"],
    ),
    Case(
        "stub-two-files",
        {
            "a.s": USES + func("use2", "() -> ()", "call k") + extern("k"),
            "b.s": G + func("m"),
            "s.so": "#STUB\nf: g\n",
            "t.so": "#STUB\nk: m\n",
        },
        f"{STUB} t.so b.o --export=use2",
    ),
    Case(
        "stub-two-files-same-name",
        {"a.s": USES, "b.s": G + func("m"), "s.so": "#STUB\nf: g\n", "t.so": "#STUB\nf: m\n"},
        f"{STUB} t.so b.o",
    ),
    Case("stub-same-name-twice", {"a.s": USES, "b.s": G + func("m"), "s.so": "#STUB\nf: g\nf: m\n"}, f"{STUB} b.o"),
    Case(
        "stub-defined-too",
        {"a.s": USES, "b.s": func("f") + G, "s.so": "#STUB\nf: g\n"},
        f"{STUB} b.o",
        lacks=["^import", "^export g"],
    ),
    Case(
        "stub-defined-in-archive",
        {"a.s": USES, "lib.a": Archive({"b.s": func("f")}), "s.so": "#STUB\nf: g\n"},
        f"{STUB} lib.a",
    ),
    Case(
        "stub-defined-in-archive-later",
        {"a.s": USES, "lib.a": Archive({"b.s": func("f")}), "s.so": "#STUB\nf\n"},
        "s.so lib.a a.o --export=use",
    ),
    Case("stub-weak-reference", {"a.s": USES + ".weak f\n", "b.s": G, "s.so": "#STUB\nf: g\n"}, f"{STUB} b.o"),
    Case(
        "stub-address-only",
        {"a.s": START + func("use", "() -> ()", "i32.const f", "drop") + extern("f"), "s.so": "#STUB\nf\n"},
        STUB,
    ),
    Case("stub-dead-reference", {"a.s": USES, "b.s": G, "s.so": "#STUB\nf: g\n"}, "a.o b.o s.so"),
    Case(
        "stub-data-reference",
        {"a.s": START + func("use", "() -> ()", "i32.const f", "drop"), "s.so": "#STUB\nf\n"},
        STUB,
    ),
    Case(
        "stub-import-name",
        {"a.s": USES + ".import_module f, host\n.import_name f, fn\n", "b.s": G, "s.so": "#STUB\nfn: g\n"},
        f"{STUB} b.o",
    ),
    Case(
        "stub-import-name-env",
        {"a.s": USES + ".import_name f, fn\n", "b.s": G, "s.so": "#STUB\nfn: g\n"},
        f"{STUB} b.o",
    ),
    Case(
        "stub-import-name-symbol-name",
        {"a.s": USES + ".import_name f, fn\n", "b.s": G, "s.so": "#STUB\nf: g\n"},
        f"{STUB} b.o",
    ),
    Case(
        "stub-import-module-only",
        {"a.s": USES + ".import_module f, host\n", "b.s": G, "s.so": "#STUB\nf: g\n"},
        f"{STUB} b.o",
    ),
    Case("stub-unused", {"a.s": START, "s.so": "#STUB\nf: g\n"}, "a.o s.so"),
    Case("stub-empty", {"a.s": START, "s.so": "#STUB\n"}, "a.o s.so"),
    Case("stub-no-newline", {"a.s": USES, "s.so": "#STUB\nf"}, STUB),
    Case("stub-first-line-more", {"a.s": USES, "s.so": "#STUB version 1\nf\n"}, STUB),
    Case("stub-crlf", {"a.s": USES, "s.so": "#STUB\r\nf\r\n"}, STUB),
    Case(
        "stub-not-first", {"a.s": USES, "s.so": "\n#STUB\nf\n"}, STUB, exit=1, says=["error: unknown file type: s.so"]
    ),
    Case("stub-only", {"s.so": "#STUB\nf\n"}, "s.so --no-entry"),
    Case("stub-trace", {"a.s": USES, "b.s": G, "s.so": "#STUB\nf: g\n"}, f"{STUB} b.o --trace"),
    Case(
        "stub-why-extract",
        {"a.s": USES, "lib.a": Archive({"b.s": G}), "s.so": "#STUB\nf: g\n"},
        f"{STUB} lib.a --why-extract=-",
    ),
    Case(
        "stub-errors-beside-mismatch",
        {
            "a.s": USES,
            "b.s": func("other", "() -> ()", "call h") + extern("h") + func("f2"),
            "c.s": func("h", "(i32) -> ()"),
            "s.so": "#STUB\nf: missing\n",
            "lib.a": Archive({"d.s": G}),
        },
        f"{STUB} b.o c.o --why-extract=why.txt --undefined=g lib.a",
        exit=1,
        says=["undefined symbol: missing", "warning: function signature mismatch: h"],
    ),
    Case("stub-library", {"a.s": USES, "d/libs.so": "#STUB\nf\n"}, "a.o -Ld -Bdynamic -ls --export=use"),
    Case("stub-library-as-archive", {"a.s": USES, "d/libs.a": "#STUB\nf\n"}, "a.o -Ld -ls --export=use"),
    Case("stub-lazy", {"a.s": USES, "s.so": "#STUB\nf\n"}, "a.o --start-lib s.so --end-lib --export=use"),
    Case(
        "stub-entry",
        {"a.s": G, "s.so": "#STUB\n_start: g\n"},
        "a.o s.so",
        exit=1,
        says=["error: entry symbol not defined (pass --no-entry to suppress): _start"],
    ),
    Case(
        "stub-export",
        {"a.s": START, "s.so": "#STUB\nf\n"},
        "a.o s.so --export=f",
        exit=1,
        says=["error: symbol exported via --export not found: f"],
    ),
    Case(
        "stub-constructors",
        {"a.s": USES + constructor("init", "call f"), "b.s": G, "s.so": "#STUB\nf: g\n"},
        f"{STUB} b.o",
    ),
    Case("stub-relocatable", {"a.s": USES, "b.s": G, "s.so": "#STUB\nf: g\n"}, "a.o s.so b.o -r", validate=False),
    Case("stub-wrap", {"a.s": USES, "b.s": G, "s.so": "#STUB\n__wrap_f: g\n"}, f"{STUB} b.o --wrap=f"),
    Case(
        "stub-dependency-malloc",
        {
            "a.c": "void *make(void); void *use(void) { return make(); }\nvoid _start(void) {}\n",
            "lib.a": Archive(
                {
                    "b.c": "// flags: -fno-builtin\nint count; void "
                    "*malloc(unsigned long n) { count++; return (void *)n; }\n"
                }
            ),
            "s.so": "#STUB\nmake: malloc\n",
        },
        f"{STUB} lib.a",
        has=["^export malloc"],
    ),
    # --compress-relocations
    Case("compress-strip-all", {"a.s": ALL}, f"{COMPRESS} -s"),
    Case("compress-strip-debug", {"a.s": ALL}, f"{COMPRESS} -S"),
    Case("compress-long-strip-debug", {"a.s": ALL}, f"{COMPRESS} --strip-debug"),
    Case(
        "compress-debug-info-stripped",
        {"a.c": "// flags: -g\n" + C, "b.c": C2},
        "a.o b.o --compress-relocations --export=run -S",
        calls=C_RUN,
    ),
    Case("compress-c", {"a.c": C, "b.c": C2}, "a.o b.o --compress-relocations --export=run -s", calls=C_RUN),
    Case(
        "compress-c-O0",
        {"a.c": "// flags: -O0\n" + C, "b.c": "// flags: -O0\n" + C2},
        "a.o b.o --compress-relocations --export=run -s",
        calls=C_RUN,
    ),
    Case(
        "compress-c-names",
        {"a.c": C, "b.c": C2},
        "a.o b.o --compress-relocations --export=run -S --export-all",
        calls=C_RUN,
    ),
    Case("compress-no-gc", {"a.s": ALL}, "a.o --compress-relocations -s --no-gc-sections"),
    Case("compress-dead", {"a.s": ALL + func("dead", I32, "i32.const x")}, f"{COMPRESS} -s"),
    Case("compress-map", {"a.s": ALL}, f"{COMPRESS} -S --print-map"),
    Case(
        "compress-negative",
        {"a.s": START + func("run", I32, "i32.const x-2000") + data("x", ".int32 1")},
        "a.o --compress-relocations -s --export=run --no-stack-first --global-base=1024",
        calls={"run()": -976},
    ),
    Case(
        "compress-high",
        {"a.s": START + func("at", I32, "i32.const 0", "i32.load x") + data("x", ".int32 1")},
        "a.o --compress-relocations -s --export=at --global-base=2147483648",
    ),
    Case(
        "compress-weak-undefined",
        {
            "a.s": START
            + func("run", I32, "call f", "i32.const w", "i32.add")
            + extern("f", I32, "weak")
            + ".weak w\n.size w, 4\n"
        },
        "a.o --compress-relocations -s --export=run",
        calls={"run()": TRAP},
    ),
    Case(
        "compress-large-body",
        {"a.s": START + func("run", I32, *["i32.const x", "drop"] * 60, "i32.const x") + data("x", ".int32 1")},
        "a.o --compress-relocations -s --export=run",
    ),
    Case(
        "compress-many-functions",
        {
            "a.s": func("_start", "() -> ()", *(f"call f{i}" for i in range(150)))
            + "".join(func(f"f{i}") for i in range(150))
        },
        "a.o --compress-relocations -s",
    ),
    Case(
        "compress-constructors",
        {
            "a.s": START
            + func("run", I32, "i32.const x", "i32.load 0")
            + data("x", ".int32 1")
            + constructor("init", "i32.const x", "i32.const 7", "i32.store 0")
        },
        "a.o --compress-relocations -s --export=run",
        calls={"run()": 7},
    ),
    Case(
        "compress-metadata",
        {
            "a.c": "// flags: -O1\nint g(int); int run(int a) { if (__builtin_expect(a "
            "> 3, 1)) return g(a) + g(a + 1); return g(2); }\n"
            "void _start(void) {}\n",
            "b.c": C2,
        },
        "a.o b.o --compress-relocations --export=run -s",
    ),
    Case(
        "compress-pic-objects",
        {"a.c": "// flags: -fPIC\n" + C, "b.c": "// flags: -fPIC\n" + C2},
        "a.o b.o --compress-relocations --export=run -s",
        calls=C_RUN,
    ),
    Case(
        "compress-tls",
        {
            "a.c": "// flags: -mcpu=mvp+atomics+bulk_memory+mutable_globals\n"
            "_Thread_local int t = 5; int get(void) { return t; }\n"
            "void _start(void) {}\n"
        },
        "a.o --compress-relocations --export=get -s --shared-memory",
    ),
    Case(
        "compress-emit-relocs",
        {"a.s": ALL},
        f"{COMPRESS} -s --emit-relocs",
        bytewise=False,
        ignore="^reloc.CODE:",  # wasm-ld's places are not in order there, nor in the code
    ),
    Case(
        "compress-relocatable",
        {"a.s": ALL},
        "a.o --compress-relocations -S -r",
        validate=False,
        exit=1,
        says=["error: -r -and --compress-relocations may not be used together"],
    ),
    # --page-size
    page("one", BYTES),
    page("default", "a.o --page-size=65536 --export=run"),
    page("other", "a.o --page-size=4096 --export=run", exit=1),
    page("zero", "a.o --page-size=0 --export=run", exit=1),
    page("two", "a.o --page-size=2 --export=run", exit=1),
    page("three", "a.o --page-size=3 --export=run", exit=1),
    page("not-a-number", "a.o --page-size=many --export=run", exit=1),
    page("last-wins", "a.o --page-size=4096 --page-size=1 --export=run"),
    page("initial-memory", f"{BYTES} --initial-memory=70001"),
    page("initial-memory-too-small", f"{BYTES} --initial-memory=65537", exit=1),
    page("initial-heap", f"{BYTES} --initial-heap=33"),
    page("maximum", f"{BYTES} --max-memory=70001"),
    page("maximum-too-small", f"{BYTES} --max-memory=70", exit=1),
    page("imported", f"{BYTES} --import-memory"),
    page("no-growable", f"{BYTES} --no-growable-memory"),
    page("no-stack-first", f"{BYTES} --no-stack-first"),
    page(
        "symbols",
        f"{BYTES} --export=__heap_end --export=__heap_base --export=__wasm_first_page_end --export=__data_end",
    ),
    page("export-all", f"{BYTES} --export-all"),
    page("first-page-end", "a.o --export=__wasm_first_page_end"),
    page("shared", f"{BYTES} --shared-memory --max-memory=70001", PAGES + target_features("+atomics", "+bulk-memory")),
    # Tags and exceptions
    Case("tag-undefined", {"a.s": THROW}, "a.o", exit=1, says=["error: a.o: undefined symbol: e"]),
    Case("tag-undefined-allowed", {"a.s": THROW}, "a.o --allow-undefined", has=["^import env.e tag"]),
    Case("tag-import-attributes", {"a.s": THROW + ".import_module e, host\n.import_name e, exception\n"}, "a.o"),
    Case("tag-other-object", {"a.s": THROW, "b.s": EH + TAG + DEFINED}, "a.o b.o"),
    Case(
        "tag-duplicate",
        {"a.s": THROW + DEFINED, "b.s": EH + TAG + DEFINED},
        "a.o b.o",
        exit=1,
        says=["error: duplicate symbol: e"],
    ),
    Case(
        "tag-weak-twice",
        {
            "a.s": THROW + ".weak e\ne:\n",
            "b.s": EH + TAG + ".weak e\ne:\n" + func("f", "() -> ()", "i32.const 1", "throw e"),
        },
        "a.o b.o --export=f",
    ),
    Case("tag-weak-and-strong", {"a.s": THROW + ".weak e\ne:\n", "b.s": EH + TAG + DEFINED}, "a.o b.o"),
    Case(
        "tag-local",
        {"a.s": THROW + "e:\n", "b.s": EH + TAG + "e:\n" + func("f", "() -> ()", "i32.const 1", "throw e")},
        "a.o b.o --export=f",
    ),
    Case("tag-archive", {"a.s": THROW, "lib.a": Archive({"b.s": EH + TAG + DEFINED})}, "a.o lib.a"),
    Case(
        "tag-signature-mismatch",
        {"a.s": THROW, "b.s": EH + ".tagtype e i64\n" + DEFINED},
        "a.o b.o",
        exit=0,
        says=["warning: Tag signature mismatch: e"],
        validate=False,
    ),
    Case(
        "tag-type-mismatch-function",
        {"a.s": THROW, "b.s": func("e")},
        "a.o b.o",
        exit=1,
        says=["error: symbol type mismatch: e"],
    ),
    Case(
        "tag-type-mismatch-data",
        {"a.s": data("e", ".int32 1"), "b.s": THROW},
        "a.o b.o",
        exit=1,
        says=["error: symbol type mismatch: e"],
    ),
    Case("tag-exported", {"a.s": THROW + DEFINED}, "a.o --export=e", has=["^export e tag"]),
    Case("tag-exported-undefined", {"a.s": THROW}, "a.o --export=e --allow-undefined"),
    Case("tag-export-all", {"a.s": THROW + DEFINED}, "a.o --export-all"),
    Case("tag-export-dynamic", {"a.s": THROW + DEFINED}, "a.o --export-dynamic"),
    Case("tag-hidden", {"a.s": THROW + DEFINED + ".hidden e\n"}, "a.o --export-dynamic"),
    Case(
        "tags-several",
        {
            "a.s": EH
            + ".tagtype e i32\n.tagtype d i64, f32\n.tagtype c\n"
            + func("_start", "() -> ()", "throw c")
            + func("f", "() -> ()", "i32.const 1", "throw e")
            + "c:\n"
            + DEFINED
            + ".globl d\nd:\n"
        },
        "a.o --export=f --export=d",
    ),
    Case(
        "tag-imported-and-defined",
        {
            "a.s": EH
            + ".tagtype e i32\n.tagtype d i64\n"
            + func("_start", "() -> ()", "i32.const 1", "throw e")
            + func("f", "() -> ()", "i64.const 1", "throw d")
            + ".globl d\nd:\n"
        },
        "a.o --export=f --allow-undefined",
    ),
    Case("tag-gc", {"a.s": EH + TAG + START + DEFINED}, "a.o"),
    Case("tag-no-gc", {"a.s": EH + TAG + START + DEFINED}, "a.o --no-gc-sections"),
    Case("tag-print-gc", {"a.s": EH + TAG + START + DEFINED}, "a.o --print-gc-sections"),
    Case(
        "tag-wrap",
        {"a.s": THROW, "b.s": EH + TAG.replace("e i32", "__wrap_e i32") + ".globl __wrap_e\n__wrap_e:\n"},
        "a.o b.o --wrap=e",
        exit=1,
        says=["error: symbol type mismatch: __wrap_e"],
    ),
    Case("tag-trace-symbol", {"a.s": THROW, "b.s": EH + TAG + DEFINED}, "a.o b.o -y e"),
    Case("tag-relocatable", {"a.s": THROW, "b.s": EH + TAG + DEFINED}, "a.o b.o -r", validate=False),
    Case("tag-relocatable-undefined", {"a.s": THROW}, "a.o -r", validate=False),
    Case(
        "exceptions-legacy",
        {
            "a.s": EH + TAG + START + CATCH,
            "b.s": EH + TAG + func("thrower", "() -> ()", "i32.const 42", "throw e") + DEFINED,
        },
        "a.o b.o --export=run",
        validate=False,
    ),
    Case(
        "exceptions-current",
        {
            "a.s": EH
            + TAG
            + START
            + func(
                "run",
                I32,
                "block i32",
                "try_table (catch e 0)",
                "call thrower",
                "end_try_table",
                "i32.const 0",
                "end_block",
            )
            + extern("thrower"),
            "b.s": EH + TAG + func("thrower", "() -> ()", "i32.const 42", "throw e") + DEFINED,
        },
        "a.o b.o --export=run",
        validate=False,
    ),
    *(
        Case(
            f"exceptions-cpp-{'legacy' if legacy == 'true' else 'current'}",
            {
                "a.cpp": CPP_THROW.format(legacy) + 'void thrower(int); extern "C" int run(int n) { try { '
                "thrower(n); return 0; } catch (int i) { return i; } }\n"
                'extern "C" void _start() {}\n',
                "b.cpp": CPP_THROW.format(legacy) + "struct S { ~S(); }; S::~S() { __builtin_trap(); }\n"
                "void thrower(int n) { if (n > 2) { S s; throw n; } }\n",
            },
            "a.o b.o --export=run --allow-undefined",
            validate=False,
        )
        for legacy in ("true", "false")
    ),
    # Tables and references
    Case("table-undefined", {"a.s": TABLE}, "a.o --export=run", exit=1, says=["error: a.o: undefined symbol: t"]),
    Case("table-undefined-allowed", {"a.s": TABLE}, "a.o --export=run --allow-undefined"),
    Case(
        "table-import-attributes",
        {"a.s": TABLE + ".import_module t, host\n.import_name t, tab\n"},
        "a.o --export=run",
        has=["^import host.tab table"],
    ),
    Case("table-import-name-only", {"a.s": TABLE + ".import_name t, tab\n"}, "a.o --export=run"),
    Case("table-defined", {"a.s": TABLE + ".globl t\nt:\n"}, "a.o --export=run"),
    Case(
        "table-other-object",
        {"a.s": TABLE, "b.s": RT + ".tabletype t, funcref, 3, 5\n.globl t\nt:\n"},
        "a.o b.o --export=run --export=t",
    ),
    Case(
        "table-limits",
        {"a.s": TABLE.replace("t, funcref", "t, funcref, 2") + ".globl t\nt:\n"},
        "a.o --export=run",
        calls={"run()": 2},
    ),
    Case(
        "table-limits-maximum",
        {"a.s": TABLE.replace("t, funcref", "t, funcref, 2, 9") + ".globl t\nt:\n"},
        "a.o --export=run --export=t",
    ),
    Case(
        "table-type-mismatch",
        {"a.s": TABLE, "b.s": RT + ".tabletype t, externref\n.globl t\nt:\n"},
        "a.o b.o --export=run",
        exit=1,
        says=["error: Table type mismatch: t"],
    ),
    Case(
        "table-duplicate",
        {"a.s": TABLE + ".globl t\nt:\n", "b.s": RT + ".tabletype t, funcref\n.globl t\nt:\n"},
        "a.o b.o --export=run",
        exit=1,
        says=["error: duplicate symbol: t"],
    ),
    Case(
        "table-weak",
        {"a.s": TABLE + ".weak t\nt:\n", "b.s": RT + ".tabletype t, funcref, 7\n.globl t\nt:\n"},
        "a.o b.o --export=run",
    ),
    Case(
        "table-local",
        {"a.s": TABLE + "t:\n", "b.s": RT + ".tabletype t, funcref, 7\nt:\n" + func("size", I32, "table.size t")},
        "a.o b.o --export=run --export=size",
    ),
    Case(
        "table-against-function",
        {"a.s": TABLE, "b.s": func("t")},
        "a.o b.o --export=run",
        exit=1,
        says=["error: symbol type mismatch: t"],
    ),
    Case(
        "table-archive",
        {"a.s": TABLE, "lib.a": Archive({"b.s": RT + ".tabletype t, funcref\n.globl t\nt:\n"})},
        "a.o lib.a --export=run",
    ),
    Case("table-export-all", {"a.s": TABLE + ".globl t\nt:\n"}, "a.o --export-all"),
    Case("table-export-dynamic", {"a.s": TABLE + ".globl t\nt:\n"}, "a.o --export-dynamic --export=run"),
    Case("table-no-gc", {"a.s": RT + ".tabletype t, funcref\n" + START + ".globl t\nt:\n"}, "a.o --no-gc-sections"),
    Case(
        "table-operations",
        {
            "a.s": RT
            + ".tabletype t, externref, 4\n.tabletype u, externref, 4\n"
            + START
            + func(
                "run",
                I32,
                "i32.const 0",
                "ref.null_extern",
                "i32.const 2",
                "table.fill t",
                "i32.const 0",
                "i32.const 0",
                "i32.const 1",
                "table.copy t, u",
                "ref.null_extern",
                "i32.const 1",
                "table.grow u",
                "drop",
                "table.size u",
            )
            + ".globl t\nt:\n.globl u\nu:\n"
        },
        "a.o --export=run",
        calls={"run()": 5},
    ),
    Case(
        "table-and-function-table",
        {"a.s": TABLE + ".globl t\nt:\n" + func("at", I32, "i32.const run")},
        "a.o --export=run --export=at --export-table --table-base=5",
    ),
    Case(
        "table-and-imported-function-table",
        {"a.s": TABLE + ".globl t\nt:\n" + func("at", I32, "i32.const run")},
        "a.o --export=run --export=at --import-table",
    ),
    Case(
        "table-imported-and-function-table",
        {"a.s": TABLE + ".import_module t, host\n.import_name t, tab\n" + func("at", I32, "i32.const run")},
        "a.o --export=run --export=at",
    ),
    Case(
        "table-imported-and-imported-function-table",
        {"a.s": TABLE + ".import_module t, host\n.import_name t, tab\n" + func("at", I32, "i32.const run")},
        "a.o --export=run --export=at --import-table",
    ),
    Case(
        "function-table-defined",
        {
            "a.s": RT
            + ".tabletype __indirect_function_table, funcref\n"
            + START
            + func("run", I32, "table.size __indirect_function_table", "i32.const run", "drop")
            + ".globl __indirect_function_table\n__indirect_function_table:\n"
        },
        "a.o --export=run",
        exit=1,
        says=["error: reserved symbol must not be defined in input files: `__indirect_function_table`"],
    ),
    Case(
        "function-table-named",
        {
            "a.s": RT
            + ".tabletype __indirect_function_table, funcref\n"
            + START
            + func("run", I32, "table.size __indirect_function_table", "i32.const run", "drop")
        },
        "a.o --export=run",
        calls={"run()": 2},
    ),
    Case(
        "function-table-exported-by-name",
        {"a.s": RT + START + func("run", I32, "i32.const run")},
        "a.o --export=run --export=__indirect_function_table",
    ),
    Case(
        "call-indirect-other-table",
        {
            "a.s": TABLE.replace("t, funcref", "t, funcref, 4")
            + ".globl t\nt:\n"
            + func("call", "(i32) -> ()", "local.get 0", "call_indirect t, () -> ()")
        },
        "a.o --export=run --export=call",
        calls={"call(0)": TRAP},
    ),
    Case(
        "mvp-implicit-table",
        {
            "a.s": "# flags: -mcpu=mvp\n"
            + START
            + func("run", I32, "i32.const 1", "call_indirect () -> (i32)")
            + func("at", I32, "i32.const f")
            + F,
            "b.s": TABLE.replace(START, "").replace("run", "run2") + ".globl t\nt:\n",
        },
        "a.o b.o --export=run --export=at --export=run2",
        calls={"run()": 1},
    ),
    Case(
        "mvp-implicit-table-second",
        {
            "a.s": "# flags: -mcpu=mvp\n"
            + START
            + func("run", I32, "i32.const 1", "call_indirect () -> (i32)")
            + func("at", I32, "i32.const f")
            + F,
            "b.s": TABLE.replace(START, "").replace("run", "run2") + ".globl t\nt:\n",
        },
        "b.o a.o --export=run --export=at --export=run2",
        calls={"run()": 1},
    ),
    Case(
        "mvp-implicit-table-beside-import",
        {
            "a.s": "# flags: -mcpu=mvp\n"
            + START
            + func("run", I32, "i32.const 1", "call_indirect () -> (i32)")
            + func("at", I32, "i32.const f")
            + F,
            "b.s": TABLE.replace(START, "").replace("run", "run2") + ".import_module t, host\n.import_name t, tab\n",
        },
        "a.o b.o --export=run --export=at --export=run2",
        exit=1,
        says=[
            "error: object file not built with 'reference-types' or "
            "'call-indirect-overlong' feature conflicts with import of table t by file b.o"
        ],
    ),
    Case(
        "external-global",
        {
            "a.s": RT
            + ".globaltype g, externref\n"
            + START
            + func("run", "(externref) -> (externref)", "local.get 0", "global.set g", "global.get g")
            + ".globl g\ng:\n"
        },
        "a.o --export=run",
    ),
    Case(
        "external-global-undefined",
        {"a.s": RT + ".globaltype g, externref\n" + START + func("run", "() -> (externref)", "global.get g")},
        "a.o --export=run --allow-undefined --no-check-features",
    ),
    Case(
        "external-function-types",
        {"a.s": RT + START + func("run", "(externref, funcref) -> (funcref)", "local.get 1")},
        "a.o --export=run",
    ),
    Case(
        "external-signature-mismatch",
        {
            "a.s": RT + START + func("use", "() -> ()", "ref.null_extern", "call f") + extern("f", "(externref) -> ()"),
            "b.s": RT + func("f", "(funcref) -> ()"),
        },
        "a.o b.o --export=use",
        says=["function signature mismatch: f"],
    ),
    Case(
        "multivalue-types",
        {
            "a.s": EH
            + START
            + func("run", "(i32, i64) -> (i64, i32, f32)", "local.get 1", "local.get 0", "f32.const 1.0")
            + func("use", I32, "i32.const 1", "i64.const 2", "call run", "drop", "return")
        },
        "a.o --export=use --export=run",
        calls={"use()": 1},
    ),
    Case(
        "strings-in-two-sections-O2",
        {
            "a.s": START
            + func("use", I32, "i32.const s", "i32.const t", "i32.sub")
            + string("s", "one two")
            + string("t", "two")
        },
        "a.o --export=use -O2",
    ),
]
