"""Names as in the source: where they are shown so, and where they stay as the objects have them."""

from tests.differential.asm import START, data, extern, func
from tests.differential.harness import Archive, Case, Files

F, G, D, E = "_ZN1n1fEi", "_ZN1n1gEd", "_ZN1n1dE", "_ZN1n1eE"
"""n::f(int), n::g(double), n::d and n::e."""
CALLS = func("_start", "() -> ()", f"call {F}", f"i32.const {D}", "drop") + extern(F)
BOTH: Files = {"a.s": CALLS, "b.s": func(F) + data(D, ".int32 1")}
ARCHIVED: Files = {"a.s": CALLS, "lib.a": Archive({"b.s": func(F) + data(D, ".int32 1"), "c.s": func(G)})}
USES_GLOBAL = f".globaltype {E}, i32\n" + func("_start", "() -> ()", f"global.get {E}", "drop")
GLOBAL = f".globaltype {E}, i32\n.globl {E}\n{E}:\n"
REFERENCES = "# flags: -mcpu=mvp+reference_types\n"
TABLE = f"{REFERENCES}.tabletype {E}, externref\n.globl {E}\n{E}:\n"
TLS = ".globaltype __tls_base, i32\n" + func(
    "_start", "() -> ()", "global.get __tls_base", f"i32.const {D}@TLSREL", "i32.add", "drop"
)

CASES = [
    Case("names", BOTH, "a.o b.o", has=[r"name function \d+ n::f\(int\)"]),
    Case("names-no-demangle", BOTH, "a.o b.o --no-demangle", has=[rf"name function \d+ {F}"]),
    Case("names-last-counts", BOTH, "a.o b.o --no-demangle --demangle", has=[r"name function \d+ n::f\(int\)"]),
    Case("names-imported", {"a.s": CALLS}, "a.o --allow-undefined", has=[r"name function \d+ n::f\(int\)"]),
    Case("names-exports", BOTH, f"a.o b.o --export={F} --export={D}", has=[f"^export {F}", f"^export {D}"]),
    Case(
        "names-rust",
        {
            "a.s": func("_start", "() -> ()", "call _RNvC1a1b", "call _ZN4core3fmt5Write9write_fmt17h0123456789abcdefE")
            + func("_RNvC1a1b")
            + func("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE")
        },
        "a.o",
        has=["name function .* a::b$"],
    ),
    Case(
        "names-global",
        {
            "a.s": f".globaltype {D}, i32\n"
            + USES_GLOBAL
            + f".globl {E}\n{E}:\n"
            + func(G, "() -> ()", f"global.get {D}", "drop")
        },
        f"a.o --allow-undefined --export={G} --no-check-features",
    ),
    Case("names-relocatable", BOTH, "-r a.o b.o"),
    Case("names-emit-relocs", BOTH, "a.o b.o --emit-relocs"),
    Case(
        "names-got",
        {
            "a.s": func(
                "_start",
                "() -> ()",
                f"global.get {D}@GOT",
                "drop",
                f"global.get {F}@GOT",
                "drop",
                f"global.get {G}@GOT",
                "drop",
            )
            + f".functype {F} () -> ()\n"
            + data(D, ".int32 1")
            + func(F)
            + extern(G, flags="weak")
        },
        "a.o",
        has=["GOT.data.internal.n::d", r"GOT.func.internal.n::f\(int\)"],
    ),
    Case(
        "names-wrapped-command",
        {
            "a.s": START
            + func(F, "() -> (i32)", "i32.const 1")
            + func("__wasm_call_ctors_user")
            + func("g", extra="")
            + '.section .init_array,"",@\n.p2align 2\n.int32 g\n'
        },
        f"a.o --export={F}",
    ),
    Case(
        "names-undefined-weak",
        {"a.s": func("_start", "() -> ()", f"call {F}") + extern(F, flags="weak")},
        "a.o",
        has=[r"undefined_weak:n::f\(int\)"],
    ),
    Case(
        "names-signature-mismatch",
        {"a.s": func("_start", "() -> ()", f"call {F}") + extern(F), "b.s": func(F, "() -> (i32)", "i32.const 1")},
        "a.o b.o",
        says=[f"function signature mismatch: {F}"],
        has=[r"signature_mismatch:n::f\(int\)"],
    ),
    Case("names-segments", BOTH, "a.o b.o --no-merge-data-segments", has=[rf"name data 0 \.data\.{D}"]),
    Case("map", BOTH, f"a.o b.o -M --export={D}", says=["n::f(int)", f"b.o:({F})"]),
    Case("map-globals", {"a.s": USES_GLOBAL + f".globl {E}\n{E}:\n"}, "a.o -M"),
    Case("print-gc-sections", {"a.s": START + func(F) + data(D, ".int32 1") + GLOBAL}, "a.o --print-gc-sections"),
    Case("trace-symbol", ARCHIVED, f"a.o lib.a -y {F} -y {D} -y {G}", says=[f"reference to {F}"]),
    Case("trace-symbol-lazy", ARCHIVED, f"lib.a a.o -y {F} -y {D} -y {G}"),
    Case("why-extract", ARCHIVED, "a.o lib.a --why-extract=-", says=["\tn::f(int)"]),
    Case("why-extract-lazy", ARCHIVED, f"lib.a a.o --why-extract=- -u {G}", says=["\tn::f(int)"]),
    Case("verbose-memory", BOTH, "a.o b.o --no-merge-data-segments -r"),
    Case("undefined", {"a.s": CALLS}, "a.o", exit=1, says=["undefined symbol: n::f(int)"]),
    Case("undefined-no-demangle", {"a.s": CALLS}, "a.o --no-demangle", exit=1, says=[f"undefined symbol: {F}"]),
    Case("undefined-export", {"a.s": START}, f"a.o --export={F}", exit=1),
    Case("undefined-entry", {"a.s": START}, f"a.o --entry={F}", exit=1),
    Case(
        "duplicate", {"a.s": START + func(F), "b.s": func(F)}, "a.o b.o", exit=1, says=["duplicate symbol: n::f(int)"]
    ),
    Case("kind", {"a.s": CALLS, "b.s": data(F, ".int32 1")}, "a.o b.o", exit=1, says=["type mismatch: n::f(int)"]),
    Case(
        "global-type",
        {"a.s": USES_GLOBAL.replace("i32", "i64"), "b.s": GLOBAL},
        "a.o b.o",
        exit=1,
        says=["Global type mismatch: _ZN1n1eE"],
    ),
    Case(
        "table-type",
        {
            "a.s": f"{REFERENCES}.tabletype {E}, funcref\n"
            + func("_start", "() -> ()", "i32.const 0", f"table.get {E}", "drop"),
            "b.s": TABLE,
        },
        "a.o b.o",
        exit=1,
        says=["Table type mismatch: _ZN1n1eE"],
    ),
    Case(
        "import-name",
        {
            name: func(start, "() -> ()", f"call {F}") + extern(F) + f".import_name {F}, {other}\n"
            for name, start, other in (("a.s", "_start", "x"), ("b.s", "b", "y"))
        },
        "a.o b.o --export=b",
        exit=1,
        says=["import name mismatch for symbol: n::f(int)"],
    ),
    Case("recompile", BOTH, "a.o b.o -pie --experimental-pic", exit=1, says=["against symbol `n::d`"]),
    Case(
        "tls",
        {"a.s": TLS, "b.s": data(D, ".int32 1")},
        "a.o b.o --shared-memory --max-memory=1048576 --no-check-features",
        exit=1,
        says=["against non-TLS symbol `n::d`"],
    ),
    Case("tls-undefined", {"a.s": TLS}, "a.o", exit=1, says=["against an undefined symbol `n::d`"]),
    Case(
        "constructor-with-parameters",
        {
            "a.s": START + func(F, "(i32) -> ()") + f'.section .init_array,"",@\n.p2align 2\n.int32 {F}\n',
        },
        "a.o",
        exit=1,
        says=["constructor functions cannot take arguments: n::f(int)"],
    ),
    Case("stub", {"a.s": CALLS, "b.s": data(D, ".int32 1"), "s.so": f"#STUB\n{F}: {G}\n"}, "a.o b.o s.so", exit=1),
    Case(
        "stub-traced",
        {"a.s": CALLS, "b.s": data(D, ".int32 1") + func(G), "s.so": f"#STUB\n{F}: {G}\n"},
        f"a.o b.o s.so -y {F} -y {G}",
    ),
    Case(
        "main", {"a.s": func("_start", "() -> ()", "call __main_argc_argv") + extern("__main_argc_argv")}, "a.o", exit=1
    ),
    Case(
        "main-everywhere",
        {
            "a.s": func("_start", "() -> ()", "call __main_argc_argv") + extern("__main_argc_argv"),
            "lib.a": Archive({"b.s": func("__main_argc_argv")}),
        },
        "a.o lib.a -M --why-extract=- -y __main_argc_argv",
    ),
    Case(
        "main-everywhere-no-demangle",
        {
            "a.s": func("_start", "() -> ()", "call __main_argc_argv") + extern("__main_argc_argv"),
            "lib.a": Archive({"b.s": func("__main_argc_argv")}),
        },
        "a.o lib.a -M --why-extract=- -y __main_argc_argv --no-demangle",
    ),
]
