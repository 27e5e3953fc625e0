"""Custom sections: debug information, names, producers, target features, build ids; and what stripping leaves."""

from tests.differential.asm import START, data, func, target_features
from tests.differential.harness import Archive, Case


def custom(name: str, *body: str) -> str:
    return "\n".join([f'.section .custom_section.{name},"",@', *body, ""])


def producers(*fields: tuple[str, tuple[tuple[str, str], ...]]) -> str:
    lines = [f".int8 {len(fields)}"]
    for field, values in fields:
        lines += [f".int8 {len(field)}", f'.ascii "{field}"', f".int8 {len(values)}"]
        for name, version in values:
            lines += [f".int8 {len(name)}", f'.ascii "{name}"', f".int8 {len(version)}", f'.ascii "{version}"']
    return custom("producers", *lines)


DEBUG = {
    "a.c": "// flags: -g -O0\n"
    "struct s { int x; char *name; };\n"
    "int helper(struct s *p);\n"
    "static int dead(int q) { return q * 2; }\n"
    "int used = 4; static int unused_var;\n"
    'int run(int i) { struct s s = {i, "n"}; return helper(&s) + used; }\n'
    "int never(void) { return dead(unused_var); }\nvoid _start(void) {}\n",
    "b.c": "// flags: -g -O1\n"
    "struct s { int x; char *name; };\n"
    "int helper(struct s *p) { return p->x + p->name[0]; }\n"
    "int other(int a) { return a; }\n"
    "int blob[3] = {1, 2, 3};\n",
}
CLANG = ("processed-by", (("clang", "22"),))
PLAIN = START + func("f", flags="") + data("d", ".int32 1")
HASHED = {"a.s": START + func("f") + data("d", ".int32 1")}


def features(name: str, a: str, b: str, args: str = "", **more: object) -> Case:
    """Two objects with features; each argument is ``+x -y``, or ``none`` for no section."""
    sources = {
        f"{n}.s": body + ("" if wanted == "none" else target_features(*wanted.split()))
        for n, body, wanted in (("a", START, a), ("b", func("f"), b))
    }
    return Case(name, sources, f"a.o b.o --export=f {args}", **more)  # type: ignore[arg-type]


CASES = [
    Case(
        "debug",
        DEBUG,
        "a.o b.o --export=run",
        has=["custom .debug_info", "custom .debug_line", "custom .debug_str"],
        calls={"run(1)": 1 + ord("n") + 4},
    ),
    Case("debug-no-gc", DEBUG, "a.o b.o --export=run --no-gc-sections"),
    Case("debug-no-merge-data", DEBUG, "a.o b.o --export=run --no-merge-data-segments"),
    Case(
        "debug-strip-debug",
        DEBUG,
        "a.o b.o --export=run --strip-debug",
        lacks=["custom .debug"],
        has=["custom name", "custom producers"],
    ),
    Case("debug-strip-S", DEBUG, "a.o b.o --export=run -S"),
    Case("debug-strip-all", DEBUG, "a.o b.o --export=run --strip-all", lacks=["custom "]),
    Case("debug-strip-s", DEBUG, "a.o b.o --export=run -s -O2"),
    Case(
        "debug-strip-all-keep-one",
        DEBUG,
        "a.o b.o --export=run --strip-all --keep-section=.debug_info",
        lacks=["custom .debug_info"],
    ),
    Case("debug-dwarf4", {n: t.replace("-g", "-gdwarf-4") for n, t in DEBUG.items()}, "a.o b.o --export=run"),
    Case(
        "debug-dwarf5-sections",
        {n: t.replace("-g", "-gdwarf-5 -ffunction-sections -gpubnames") for n, t in DEBUG.items()},
        "a.o b.o --export=run",
    ),
    Case(
        "debug-with-dead-object",
        {"a.c": DEBUG["a.c"], "b.c": DEBUG["b.c"], "c.c": "// flags: -g\nint quite_dead(void) { return 3; }\n"},
        "a.o b.o c.o --export=run",
    ),
    Case(
        "debug-archive",
        {
            "a.c": DEBUG["a.c"],
            "lib.a": Archive({"b.c": DEBUG["b.c"], "c.c": "// flags: -g\nint not_taken(void) { return 3; }\n"}),
        },
        "a.o lib.a --export=run",
    ),
    Case(
        "debug-comdat",
        {
            f"{n}.cpp": f"// flags: -g -O0\n"
            f"inline int shared(int x) {{ return x + 1; }}\n"
            f"template <class T> T twice(T t) {{ return t + t; }}\n"
            f"int {n}(int x) {{ return shared(x) + twice(x); }}\n"
            f"{more}"
            for n, more in (
                ("a", 'int b(int); extern "C" void _start() {}\nextern "C" int run(int x) { return a(x) + b(x); }\n'),
                ("b", ""),
            )
        },
        "a.o b.o --export=run",
        calls={"run(2)": 14},
    ),
    Case(
        "debug-assembly",
        {"a.s": "# flags: -g\n" + START + func("f", "() -> (i32)", "i32.const 1") + func("dead")},
        "a.o --export=f",
    ),
    Case(
        "debug-constructor",
        {
            "a.c": "// flags: -g\n"
            "int x; __attribute__((constructor)) static void init(void) { x = 1; }\n"
            "void _start(void) {}\n"
            "int run(void) { return x; }\n"
        },
        "a.o --export=run",
        calls={"run()": 1},
    ),
    Case(
        "debug-section-symbols-in-code",
        {
            "a.s": START
            + '.section .debug_info,"",@\n.int32 _start\n.int32 f\n.int32 d\n.int32 e+2\n'
            + func("f")
            + data("d", ".int32 1")
            + data("e", ".int32 1")
        },
        "a.o --export=e",
    ),
    Case(
        "custom-merged",
        {"a.s": START + custom("note", ".int32 1"), "b.s": custom("note", ".int32 2") + custom("other", ".int8 3")},
        "a.o b.o",
        has=["custom note: 01 00 00 00 02 00 00 00", "custom other: 03"],
    ),
    Case("custom-strip-all", {"a.s": START + custom("note", ".int32 1")}, "a.o -s"),
    Case(
        "custom-strip-all-keep",
        {"a.s": START + custom("note", ".int32 1") + custom("more", ".int32 2")},
        "a.o -s --keep-section=note",
        has=["custom note", "custom more"],
    ),
    Case("custom-strip-debug", {"a.s": START + custom("note", ".int32 1")}, "a.o -S", has=["custom note"]),
    Case("custom-strip-keep-name", {"a.s": PLAIN}, "a.o -s --keep-section=name", has=["custom name"]),
    Case(
        "custom-strip-keep-producers",
        {"a.s": PLAIN + producers(CLANG)},
        "a.o -s --keep-section=producers --keep-section=target_features",
    ),
    Case(
        "custom-strip-keep-features",
        {"a.s": PLAIN + target_features("+simd128")},
        "a.o -s --keep-section=target_features",
        has=["custom target_features"],
    ),
    Case("custom-empty", {"a.s": START + custom("nothing")}, "a.o", lacks=["custom nothing"]),
    Case(
        "custom-llvmbc",
        {"a.s": START + custom(".llvmbc", ".int32 1") + custom(".llvmcmd", ".int32 1")},
        "a.o",
        lacks=["llvmbc", "llvmcmd"],
    ),
    Case(
        "custom-dead-object",
        {"a.s": START, "lib.a": Archive({"b.s": func("f") + custom("note", ".int32 1")})},
        "a.o lib.a",
        lacks=["custom note"],
    ),
    Case(
        "custom-order",
        {
            "a.s": START
            + custom("zeta", ".int8 1")
            + custom("alpha", ".int8 2")
            + producers(CLANG)
            + target_features("+simd128")
            + custom("mid", ".int8 3")
        },
        "a.o",
    ),
    Case(
        "custom-named-name",
        {"a.s": START + custom("name", ".int8 0", ".int8 2", ".int8 1", '.ascii "x"')},
        "a.o",
        exit=1,
        says=["a.o: out of order section type: 0"],
    ),
    Case("custom-build-id-input", {"a.s": START + custom("build_id", ".int8 1", ".int8 9")}, "a.o"),
    Case("custom-dylink-input", {"a.s": START + custom("sourceMappingURL", ".int8 3", '.ascii "map"')}, "a.o"),
    Case(
        "names",
        {"a.s": PLAIN + func("used", "() -> ()", "call f")},
        "a.o --export=used --export=d",
        has=["name function 0 _start", "name data 0 .data", "name module 0 out.wasm"],
    ),
    Case(
        "names-import-and-global",
        {
            "a.s": ".globaltype g, i32\n"
            + func("_start", "() -> ()", "call ext", "global.get g", "drop")
            + ".functype ext () -> ()\n.import_module ext, host\n.import_name ext, log\n.globl g\ng:\n"
        },
        "a.o",
        has=["name global 1 g"],
    ),
    Case("names-soname", {"a.s": PLAIN}, "a.o --soname=other", has=["name module 0 other"]),
    Case("names-output", {"a.s": PLAIN}, "a.o -o sub.name.wasm", output=False),
    Case(
        "names-tag-table",
        {
            "a.s": "# flags: -mcpu=mvp+reference_types+exception_handling\n.tagtype e i32\n.tabletype t, externref\n"
            + func("_start", "() -> ()", "table.size t", "drop", "i32.const 3", "throw e")
            + ".globl e\ne:\n.globl t\nt:\n"
        },
        "a.o",
    ),
    Case(
        "names-mangled",
        {
            "a.cpp": "namespace n { int f(int x) { return x; } template <class T> T g(T t) { return f(t); } }\n"
            'extern "C" int run() { return n::g(3); }\n'
            'extern "C" void _start() {}\n'
        },
        "a.o --export=run --no-gc-sections",
    ),
    Case(
        "names-local-same", {"a.s": START + func("f", flags=""), "b.s": func("f", flags="")}, "a.o b.o --no-gc-sections"
    ),
    Case(
        "producers-merged",
        {
            "a.s": START + producers(("language", (("C11", ""),)), CLANG),
            "b.s": producers(
                ("language", (("C_plus_plus_14", ""), ("C11", ""))),
                ("processed-by", (("clang", "22"), ("rustc", "1.80"))),
                ("sdk", (("Emscripten", "3"),)),
            ),
        },
        "a.o b.o",
        has=["custom producers"],
    ),
    Case(
        "producers-versions",
        {
            "a.s": START + producers(("processed-by", (("clang", "21"),))),
            "b.s": producers(("processed-by", (("clang", "22"),))),
        },
        "a.o b.o",
    ),
    Case("producers-none", {"a.s": START}, "a.o", lacks=["custom producers"]),
    Case(
        "producers-compiled",
        {"a.c": "void _start(void) {}", "b.cpp": "int f() { return 1; }"},
        "a.o b.o --no-gc-sections",
        has=["custom producers", "custom target_features"],
    ),
    features("features-merged", "+simd128 +bulk-memory", "+simd128 +sign-ext", has=["custom target_features"]),
    features("features-none-in-one", "+simd128", "none"),
    features("features-none", "none", "none", lacks=["custom target_features"]),
    features(
        "features-disallowed",
        "+simd128",
        "-simd128",
        exit=1,
        says=["Target feature 'simd128' used in a.o is disallowed by b.o"],
    ),
    features("features-disallowed-unchecked", "+simd128", "-simd128", "--no-check-features"),
    features("features-disallowed-reversed", "-simd128", "+simd128", exit=1),
    features("features-disallowed-unused", "-simd128", "+sign-ext"),
    features("features-disallowed-by-two", "+x +y", "-x -y", exit=1),
    features("features-required-prefix", "=simd128", "+sign-ext", exit=1, says=["a.o: unknown feature policy prefix"]),
    features("features-unknown-prefix", "?simd128", "+simd128", exit=1),
    features("features-unknown-name", "+no-such-feature", "none", has=["custom target_features"]),
    features(
        "features-given",
        "+simd128",
        "+sign-ext",
        "--features=simd128,sign-ext,tail-call",
        has=["custom target_features"],
    ),
    features(
        "features-given-too-few",
        "+simd128",
        "+sign-ext",
        "--features=simd128",
        exit=1,
        says=["Target feature 'sign-ext' used by b.o is not allowed."],
    ),
    features(
        "features-given-none-of-many",
        "+simd128 +sign-ext +tail-call +gc +a +nontrapping-fptoint +call-indirect-overlong +multivalue",
        f"+reference-types +relaxed-simd +mutable-globals +bb +ccc +dddd +{'e' * 40} +{'f' * 70} +{'g' * 100}",
        "--features=none --error-limit=0",
        exit=1,
    ),
    features("features-pic-given", "none", "none", "--features=simd128 --pie --experimental-pic"),
    features("features-given-too-few-unchecked", "+simd128", "+sign-ext", "--features=simd128 --no-check-features"),
    features("features-given-empty", "+simd128", "none", "--features=", exit=1),
    features(
        "features-given-twice",
        "+simd128",
        "none",
        "--features=simd128 --features=sign-ext",
        exit=1,
        says=["Target feature 'simd128' used by a.o is not allowed."],
    ),
    features(
        "features-extra", "+simd128", "none", "--extra-features=tail-call,sign-ext", has=["custom target_features"]
    ),
    features("features-extra-disallowed", "-tail-call", "none", "--extra-features=tail-call"),
    features("features-extra-and-given", "+simd128", "none", "--features=simd128 --extra-features=tail-call"),
    features("features-duplicate", "+simd128 +simd128", "none", exit=1),
    features("features-shared-memory-disallowed", "-shared-mem", "+atomics", exit=0),
    Case(
        "features-archive-member-not-taken",
        {
            "a.s": START + target_features("+simd128"),
            "lib.a": Archive({"b.s": func("f") + target_features("-simd128")}),
        },
        "a.o lib.a",
    ),
    Case(
        "features-archive-member",
        {
            "a.s": START + target_features("+simd128"),
            "lib.a": Archive({"b.s": func("f") + target_features("-simd128")}),
        },
        "a.o lib.a --export=f",
        exit=1,
        says=["disallowed by b.o"],
    ),
    Case("build-id-sha1", HASHED, "a.o --build-id=sha1", has=["custom build_id: 14 "]),
    Case(
        "build-id-fast",
        HASHED,
        "a.o --build-id=fast",
        has=["custom build_id"],
        bytewise=False,
        ignore="^custom build_id",
    ),
    Case(
        "build-id-default", HASHED, "a.o --build-id", has=["custom build_id"], bytewise=False, ignore="^custom build_id"
    ),
    Case("build-id-tree", HASHED, "a.o --build-id=tree", has=["custom build_id: 14 "]),
    Case(
        "build-id-uuid",
        HASHED,
        "a.o --build-id=uuid",
        has=["custom build_id: 10 "],
        bytewise=False,
        ignore="^custom build_id",
    ),
    Case("build-id-hex", HASHED, "a.o --build-id=0x12345678aB", has=["custom build_id: 05 12 34 56 78 ab"]),
    Case("build-id-hex-odd", HASHED, "a.o --build-id=0x123"),
    Case("build-id-hex-bad", HASHED, "a.o --build-id=0xzz", exit=1),
    Case("build-id-none", HASHED, "a.o --build-id=none", lacks=["custom build_id"]),
    Case("build-id-unknown", HASHED, "a.o --build-id=magic", exit=1, says=["unknown --build-id style: magic"]),
    Case("build-id-last-wins", HASHED, "a.o --build-id=sha1 --build-id=none"),
    Case("build-id-strip-all", HASHED, "a.o --build-id=sha1 -s"),
    Case("build-id-strip-debug", HASHED, "a.o --build-id=0x11 -S"),
]
