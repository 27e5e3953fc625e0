"""Relocatable output and relocations kept in finished modules, by their bytes."""

import re

from tests.differential.asm import START, data, extern, func, string, target_features
from tests.differential.cases.liveness import constructor
from tests.differential.cases.symbols import answer
from tests.differential.harness import Archive, Case, Files

I32 = "() -> (i32)"
X = data("x", ".int32 1", ".int32 2", size=8)
LINKING = "^linking segment"
"""Where segments are retained or thread-local: this linker keeps their flags in the segment info, wasm-ld writes 0."""


def object_case(
    name: str, files: Files, args: str, *, exit: int = 0, says: tuple[str, ...] = (), ignore: str = ""
) -> Case:
    """A link that writes an object: not what an engine would take."""
    return Case(name, files, args, exit=exit, says=says, ignore=ignore, bytewise=not ignore, validate=False)


def comdat(name: str, value: int, section: str = "") -> str:
    return (
        f'.section .text.{name},"G",@,grp,comdat\n.weak {name}\n'
        f".type {name},@function\n{name}:\n.functype {name} () -> (i32)\n"
        f"i32.const {value}\ni32.const d{name}\ni32.load 0\ni32.add\nend_function\n"
        f'.section .data.d{name},"G",@,grp,comdat\n.weak d{name}\n'
        f".type d{name},@object\n.p2align 2\nd{name}:\n.int32 {value}\n"
        f".size d{name}, 4\n" + section
    )


EVERYTHING = (
    "# flags: -mcpu=mvp+reference_types+exception_handling+bulk_memory+mutable_globals+multivalue\n"
    ".tagtype e i32\n.globaltype g, i32\n.tabletype t, externref\n.globaltype __stack_pointer, i32\n"
    + func(
        "_start",
        "() -> ()",
        "call host",
        "i32.const 1",
        "global.set g",
        "table.size t",
        "drop",
        "i32.const f",
        "drop",
        "i32.const x+4",
        "drop",
        "i32.const 0",
        "i32.load x+8",
        "drop",
        "i32.const 0",
        "call_indirect () -> ()",
        "global.get __stack_pointer",
        "drop",
        "i32.const 3",
        "throw e",
    )
    + func("f", "(f32) -> (f32)", "local.get 0", "block (f32) -> (f32)", "end_block")
    + extern("host", "() -> ()")
    + X
    + data("p", ".int32 f", ".int32 x+4", ".int32 host", size=12)
    + ".globl e\ne:\n.globl g\ng:\n.globl t\nt:\n"
)
OTHER = (
    "# flags: -mcpu=mvp+reference_types+exception_handling+bulk_memory+mutable_globals\n"
    ".tagtype e i32\n.globaltype g, i32\n.tabletype t, externref\n"
    + func("other", "() -> ()", "call f2", "i32.const x", "drop", "global.get g", "throw e")
    + func("f2", "() -> ()", "table.size t", "drop", "call _start", "call host")
    + extern("_start")
    + extern("host")
    + data("q", ".int32 x", ".int32 q", ".int32 other", size=12)
)
C = (
    "int g(int); static int h(int x) { return x * 3; }\n"
    "int (*table[])(int) = {g, h};\nint zero[100]; static int own = 4; int *where = &own;\n"
    "int run(int i) { zero[i] = 2; return table[i & 1](i) + zero[i] + *where; }\nvoid _start(void) {}\n"
)
C2 = (
    'static const char *names[] = {"zero", "one"}; static int own = 5;\n'
    "int g(int x) { return x + names[x & 1][0] + own++; }\n"
)
TLS = "# flags: -mcpu=mvp+atomics+bulk_memory+mutable_globals\n"
LOCAL = data("t", ".int32 5", section=".tdata.t", segment="T")
GET = ".globaltype __tls_base, i32\n" + func(
    "get", I32, "global.get __tls_base", "i32.const t@TLSREL", "i32.add", "i32.load 0"
)
STRINGS = (
    string("s", "hello") + string("u", "llo") + func("use", "() -> ()", "i32.const s", "drop", "i32.const u+1", "drop")
)
RESULTS = {"a.s": EVERYTHING, "b.s": OTHER}
KEPT = "a.o b.o --emit-relocs --export=other --allow-undefined"

CASES = [
    object_case("one", {"a.s": EVERYTHING}, "-r a.o"),
    object_case("two", RESULTS, "-r a.o b.o"),
    object_case("two-reversed", RESULTS, "-r b.o a.o"),
    object_case("long-option", RESULTS, "--relocatable a.o b.o"),
    object_case("empty-object", {"a.s": ""}, "-r a.o"),
    object_case("no-inputs", {}, "-r", exit=1, says=("error: no input files",)),
    object_case(
        "again",
        {"a.s": EVERYTHING},
        "-r a.o a.o --allow-multiple-definition",
        ignore="^table externref",  # wasm-ld keeps one without a symbol, which no linker takes
    ),
    object_case(
        "duplicate", {"a.s": START, "b.s": START}, "-r a.o b.o", exit=1, says=("error: duplicate symbol: _start",)
    ),
    object_case("undefined", {"a.s": func("f", "() -> ()", "call g", "i32.const x", "drop") + extern("g")}, "-r a.o"),
    object_case(
        "undefined-report-all",
        {"a.s": func("f", "() -> ()", "call g") + extern("g")},
        "-r a.o --unresolved-symbols=report-all",
    ),
    object_case(
        "undefined-allowed",
        {"a.s": func("f", "() -> ()", "call g", "i32.const x", "drop") + extern("g")},
        "-r a.o --allow-undefined",
    ),
    object_case(
        "undefined-warn", {"a.s": func("f", "() -> ()", "call g") + extern("g")}, "-r a.o --warn-unresolved-symbols"
    ),
    object_case(
        "undefined-signatures",
        {
            "a.s": func("f", "() -> ()", "call g") + extern("g"),
            "b.s": func("h", "() -> ()", "i32.const 1", "call g") + extern("g", "(i32) -> ()"),
        },
        "-r a.o b.o",
        exit=1,
        says=("error: function signature mismatch: g",),
    ),
    object_case(
        "signature-mismatch",
        {"a.s": func("f", "() -> ()", "call g") + extern("g"), "b.s": func("g", "(i32) -> ()")},
        "-r a.o b.o",
        says=("function signature mismatch: g",),
    ),
    object_case(
        "local-symbols",
        {
            n: func("own", I32, f"i32.const {n[0] == 'a'}".replace("True", "1").replace("False", "0"), flags="")
            + func(f"use_{n[0]}", I32, "call own")
            + data("v", ".int32 1", flags="")
            + data(f"p_{n[0]}", ".int32 v")
            for n in ("a.s", "b.s")
        },
        "-r a.o b.o",
    ),
    object_case(
        "hidden",
        {
            "a.s": func("f", flags="globl hidden") + data("x", ".int32 1", flags="globl hidden"),
            "b.s": func("use", "() -> ()", "call f", "i32.const x", "drop") + extern("f"),
        },
        "-r a.o b.o",
    ),
    object_case(
        "weak",
        {"a.s": answer("f", 1, "weak"), "b.s": answer("f", 2, "weak") + func("use", I32, "call f")},
        "-r a.o b.o",
    ),
    object_case(
        "weak-and-strong",
        {"a.s": answer("f", 1, "weak"), "b.s": answer("f", 2) + func("use", I32, "call f")},
        "-r a.o b.o",
    ),
    object_case(
        "weak-data",
        {
            "a.s": data("x", ".int32 1", flags="weak"),
            "b.s": data("x", ".int32 2", flags="weak") + data("p", ".int32 x"),
        },
        "-r a.o b.o",
    ),
    object_case(
        "weak-undefined",
        {
            "a.s": func("use", I32, "call f", "i32.const f", "i32.add", "i32.const w", "i32.add")
            + extern("f", I32, "weak")
            + ".weak w\n"
        },
        "-r a.o",
    ),
    object_case("exported", {"a.s": func("f", extra=".export_name f, f")}, "-r a.o"),
    object_case("export-options", {"a.s": func("f") + func("g") + X}, "-r a.o --export=f --export=x"),
    object_case(
        "export-missing",
        {"a.s": func("f")},
        "-r a.o --export=missing",
        exit=1,
        says=("error: symbol exported via --export not found: missing",),
    ),
    object_case("export-if-defined", {"a.s": func("f")}, "-r a.o --export-if-defined=f --export-if-defined=missing"),
    object_case(
        "no-strip",
        {"a.c": "__attribute__((used)) static int f(void) { return 1; }\n__attribute__((used)) int x = 3;\n"},
        "-r a.o",
        ignore=LINKING,
    ),
    object_case(
        "import-attributes",
        {"a.s": func("f", "() -> ()", "call g") + extern("g") + ".import_module g, host\n.import_name g, fn\n"},
        "-r a.o",
    ),
    object_case(
        "import-attributes-two",
        {
            "a.s": func("f", "() -> ()", "call g") + extern("g") + ".import_module g, host\n.import_name g, fn\n",
            "b.s": func("f2", "() -> ()", "call h") + extern("h") + ".import_module h, host\n.import_name h, fn\n",
        },
        "-r a.o b.o",
    ),
    object_case(
        "import-global-table-tag",
        {
            "a.s": "# flags: -mcpu=mvp+reference_types+exception_handling\n"
            ".tagtype e i32\n.globaltype g, i64\n.tabletype t, externref\n"
            + func("f", "() -> ()", "global.get g", "drop", "table.size t", "throw e")
        },
        "-r a.o",
    ),
    object_case(
        "alias",
        {
            "a.c": 'int f(void) { return 6; }\nint g(void) __attribute__((alias("f")));\n'
            'int h(void) __attribute__((weak, alias("f")));\n'
        },
        "-r a.o",
    ),
    object_case(
        "alias-data",
        {"a.s": X + ".globl y\n.type y,@object\n.set y, x\n.size y, 8\n" + data("p", ".int32 y")},
        "-r a.o",
    ),
    object_case("comdat", {"a.s": comdat("f", 1), "b.s": comdat("f", 2) + func("use", I32, "call f")}, "-r a.o b.o"),
    object_case(
        "comdat-two-groups", {"a.s": comdat("f", 1), "b.s": comdat("h", 2).replace("grp", "another")}, "-r a.o b.o"
    ),
    object_case(
        "comdat-local-symbols",
        {
            n: '.section .text.l,"G",@,grp,comdat\n.type l,@function\nl:\n.functype l () -> ()\nend_function\n'
            '.section .data.ld,"G",@,grp,comdat\n.type ld,@object\nld:\n.int32 5\n.size ld, 4\n'
            + comdat("f", 1).replace("i32.const df", "call l\ni32.const ld\ndrop\ni32.const df")
            for n in ("a.s", "b.s")
        },
        "-r a.o b.o",
    ),
    object_case(
        "empty-custom-section",
        {
            "a.s": func("a") + '.section .custom_section.empty,"",@\n.section .custom_section.first,"",@\n.ascii "a"\n',
            "b.s": func("b") + '.section .custom_section.empty,"",@\n.ascii "b"\n',
        },
        "-r a.o b.o",
    ),
    object_case(
        "comdat-cpp",
        {
            n: "template <class T> struct C { static T n; static T next() "
            "{ return ++n; } };\ntemplate <class T> T C<T>::n = 40;\n"
            f"int {n[0]}() {{ return C<int>::next(); }}\n"
            for n in ("a.cpp", "b.cpp")
        },
        "-r a.o b.o",
    ),
    object_case(
        "constructors",
        {
            "a.s": constructor("init", "i32.const x", "i32.const 7", "i32.store 0", priority="10")
            + constructor("last")
            + X,
            "b.s": constructor("init_b", priority="5") + constructor("last_b"),
        },
        "-r a.o b.o",
    ),
    object_case(
        "constructors-in-archive",
        {
            "a.s": func("f", "() -> ()", "call g") + extern("g"),
            "lib.a": Archive({"b.s": func("g") + constructor("init"), "c.s": constructor("never")}),
        },
        "-r a.o lib.a",
    ),
    object_case("archive-not-taken", {"a.s": START, "lib.a": Archive({"b.s": func("g")})}, "-r a.o lib.a"),
    object_case(
        "archive-whole", {"a.s": START, "lib.a": Archive({"b.s": func("g"), "c.s": X})}, "-r a.o --whole-archive lib.a"
    ),
    object_case(
        "archive-weak-reference",
        {
            "a.s": func("f", "() -> ()", "call g") + extern("g", "() -> ()", "weak"),
            "lib.a": Archive({"b.s": func("g")}),
        },
        "-r a.o lib.a",
        ignore="linking",  # wasm-ld forgets the mark of an undefined symbol, which makes its table unreadable
    ),
    object_case("entry-not-required", {"a.s": func("f")}, "-r a.o"),
    object_case(
        "entry-option",
        {"a.s": func("f")},
        "-r a.o --entry=f",
        exit=1,
        says=("error: entry point specified for relocatable output file",),
    ),
    object_case(
        "entry-option-missing",
        {"a.s": func("f")},
        "-r a.o --entry=missing",
        exit=1,
        says=("error: entry point specified for relocatable output file",),
    ),
    object_case(
        "undefined-option",
        {"a.s": START, "lib.a": Archive({"b.s": func("g")})},
        "-r a.o lib.a -u g",
        exit=1,
        says=("error: -r -and --undefined may not be used together",),
    ),
    object_case(
        "start-stop",
        {
            "a.s": func("f", "() -> ()", "i32.const __start_items", "drop")
            + data("i", ".int32 1", section="items", segment="R")
        },
        "-r a.o",
        ignore=LINKING,
    ),
    object_case(
        "linker-symbols",
        {
            "a.s": func(
                "f",
                "() -> ()",
                "i32.const __heap_base",
                "drop",
                "i32.const __data_end",
                "drop",
                "call __wasm_call_ctors",
                "i32.const __dso_handle",
                "drop",
            )
            + extern("__wasm_call_ctors")
        },
        "-r a.o",
    ),
    object_case(
        "data",
        {
            "a.s": X + data("y", ".int32 x", section=".rodata.y") + data("z", ".skip 40", section=".bss.z", size=40),
            "b.s": data("w", ".int8 1", align=0, size=1)
            + data("v", ".int64 9", align=6, size=8)
            + data("c", ".int32 1", section="plain"),
        },
        "-r a.o b.o",
    ),
    object_case(
        "data-same-names",
        {
            n: data(f"v_{n[0]}", ".int32 1", section=".data.v")
            + data(f"w_{n[0]}", f".int32 v_{n[0]}", section=".data.w")
            for n in ("a.s", "b.s")
        },
        "-r a.o b.o",
    ),
    object_case(
        "data-no-merge",
        {n: data(f"v_{n[0]}", ".int32 1", section=".data.v") for n in ("a.s", "b.s")},
        "-r a.o b.o --no-merge-data-segments",
    ),
    object_case(
        "data-merge", {n: data(f"v_{n[0]}", ".int32 1") for n in ("a.s", "b.s")}, "-r a.o b.o --merge-data-segments"
    ),
    object_case(
        "bss",
        {
            "a.s": data("z", ".skip 40", section=".bss.z", size=40),
            "b.s": data("y", ".skip 4", section=".bss.z", size=4),
        },
        "-r a.o b.o",
    ),
    object_case("strings", {"a.s": STRINGS, "b.s": string("s", "hello") + data("p", ".int32 s+2")}, "-r a.o b.o"),
    object_case(
        "strings-same-section",
        {
            "a.s": string("s", "hello", ".rodata.str"),
            "b.s": string("u", "llo", ".rodata.str") + data("p", ".int32 u+1"),
        },
        "-r a.o b.o",
    ),
    object_case("strings-O2", {"a.s": STRINGS}, "-r a.o -O2"),
    object_case("retained", {"a.s": data("r", ".int32 1", section="items", segment="R") + X}, "-r a.o", ignore=LINKING),
    object_case(
        "tls",
        {"a.s": TLS + GET + LOCAL + X},
        "-r a.o",
        ignore=LINKING,
        exit=1,
        says=("error: 'atomics' feature must be used in order to use thread-local storage",),
    ),
    object_case("pic-objects", {"a.c": "// flags: -fPIC\n" + C, "b.c": "// flags: -fPIC\n" + C2}, "-r a.o b.o"),
    object_case(
        "pic-tls",
        {
            "a.c": "// flags: -fPIC -mcpu=mvp+atomics+bulk_memory+mutable_globals\n"
            "_Thread_local int t = 3; extern _Thread_local int u;\n"
            "int *at(void) { return &t; } int *at_u(void) { return &u; }\n"
        },
        "-r a.o",
        ignore=LINKING,
        exit=1,
        says=("error: a.o: relocation R_WASM_MEMORY_ADDR_TLS_SLEB cannot be used against an undefined symbol `u`",),
    ),
    object_case("c", {"a.c": C, "b.c": C2}, "-r a.o b.o"),
    object_case("c-debug", {"a.c": "// flags: -g\n" + C, "b.c": "// flags: -g\n" + C2}, "-r a.o b.o"),
    object_case(
        "c-debug-dwarf4", {"a.c": "// flags: -gdwarf-4\n" + C, "b.c": "// flags: -gdwarf-4\n" + C2}, "-r a.o b.o"
    ),
    object_case(
        "cpp",
        {
            "a.cpp": "struct A { virtual int f() { return 1; } }; struct B "
            ": A { int f() override { return 2; } };\nA *a = new B;\n"
            "inline int once() { static int n; return ++n; }\nint run() { return a->f() + once(); }\n"
        },
        "-r a.o",
    ),
    object_case(
        "metadata",
        {"a.c": "int g(int); int run(int a) { if (__builtin_expect(a > 3, 1)) return g(a); return g(2); }\n"},
        "-r a.o",
    ),
    object_case("strip-all", {"a.c": "// flags: -g\n" + C, "b.c": C2}, "-r -s a.o b.o"),
    object_case("strip-debug", {"a.c": "// flags: -g\n" + C, "b.c": C2}, "-r -S a.o b.o"),
    object_case(
        "custom-sections",
        {
            n: START.replace("_start", n[0]) + f'.section .custom_section.note,"",@\n.ascii "{n}"\n'
            for n in ("a.s", "b.s")
        },
        "-r a.o b.o",
    ),
    object_case(
        "custom-sections-relocated",
        {
            n: func(n[0])
            + data(f"x_{n[0]}", ".int32 1")
            + f'.section .debug_note,"",@\n.Lnote:\n.int32 {n[0]}\n.int32 x_{n[0]}+4\n.int32 .Lnote\n'
            for n in ("a.s", "b.s")
        },
        "-r a.o b.o",
    ),
    object_case(
        "features",
        {"a.s": START + target_features("+atomics", "+bulk-memory"), "b.s": func("g") + target_features("-simd128")},
        "-r a.o b.o",
    ),
    object_case(
        "features-conflict",
        {"a.s": START + target_features("+simd128"), "b.s": func("g") + target_features("-simd128")},
        "-r a.o b.o",
        exit=1,
        says=(
            "error: Target feature 'simd128' used in a.o is disallowed by b.o. Use --no-check-features to suppress.",
        ),
    ),
    object_case("features-given", {"a.s": START}, "-r a.o --features=simd128"),
    object_case("producers", {"a.c": "int a;", "b.c": "int b;"}, "-r a.o b.o"),
    object_case(
        "type-index",
        {
            "a.s": func(
                "f",
                "() -> ()",
                "i32.const 0",
                "call_indirect () -> ()",
                "i64.const 0",
                "i32.const 0",
                "call_indirect (i64) -> ()",
            ),
            "b.s": func("g", "() -> ()", "i64.const 0", "i32.const 0", "call_indirect (i64) -> ()"),
        },
        "-r b.o a.o",
    ),
    object_case(
        "large-bodies",
        {"a.s": func("f", "() -> ()", *["call g"] * 100) + extern("g"), "b.s": func("g", "() -> ()", *["nop"] * 500)},
        "-r a.o b.o",
    ),
    object_case(
        "locrel",
        {
            "a.s": data("p", ".int32 x-p", ".int32 x-.+4", size=8, section=".data.same")
            + data("x", ".int32 1", section=".data.other")
        },
        "-r a.o",
    ),
    object_case(
        "tag-comdat-weak",
        {
            n: "# flags: -mcpu=mvp+exception_handling\n.tagtype e i32\n.weak e\ne:\n"
            + func(n[0], "() -> ()", "i32.const 1", "throw e")
            for n in ("a.s", "b.s")
        },
        "-r a.o b.o",
    ),
    object_case(
        "wrap",
        {
            "a.s": func("f", "() -> ()", "call g") + extern("g"),
            "b.s": func("__wrap_g", "() -> ()", "call __real_g") + extern("__real_g"),
        },
        "-r a.o b.o --wrap=g",
    ),
    object_case("names", {"a.s": EVERYTHING}, "-r a.o --soname=lib"),
    object_case("map", {"a.s": EVERYTHING, "b.s": OTHER}, "-r a.o b.o --print-map"),
    object_case("trace", {"a.s": EVERYTHING, "b.s": OTHER}, "-r a.o b.o -t"),
    object_case("mode", {"a.s": START}, "-r a.o"),
    object_case("build-id", {"a.s": START}, "-r a.o --build-id=0x1234"),
    object_case("print-gc", {"a.s": START + func("dead")}, "-r a.o --print-gc-sections"),
    object_case("no-gc", {"a.s": START + func("dead")}, "-r a.o --no-gc-sections"),
    object_case(
        "memory-options", {"a.s": START + X}, "-r a.o --initial-memory=1048576 --max-memory=1048576 -z stack-size=1024"
    ),
    object_case("memory-exported", {"a.s": START + X}, "-r a.o --export-memory"),
    object_case("table-options", {"a.s": START + data("p", ".int32 _start")}, "-r a.o --table-base=5"),
    object_case("no-entry", {"a.s": START}, "-r a.o --no-entry"),
    object_case("stack-first", {"a.s": START + X}, "-r a.o --stack-first"),
    # What does not go with it
    *(
        object_case(
            f"refused-{re.sub('[^a-z]+', '-', option).strip('-')}", {"a.s": START + X}, f"-r a.o {option}", exit=1
        )
        for option in (
            "--entry=_start",
            "--compress-relocations --strip-debug",
            "--undefined=_start",
            "-pie",
            "-pie --experimental-pic",
            "--gc-sections",
            "--export-table",
            "--shared-memory",
            "--global-base=1024",
            "--entry=missing --compress-relocations --strip-debug -pie",
            "--import-table --export-table",
            "-m wasm64",
            "--no-growable-memory --max-memory=65536",
        )
    ),
    *(
        object_case(f"accepted-{re.sub('[^a-z]+', '-', option).strip('-')}", {"a.s": START + X}, f"-r a.o {option}")
        for option in (
            "--import-table",
            "--import-memory",
            "--emit-relocs",
            "--export-all",
            "--export-dynamic",
            "--import-undefined",
            "--page-size=1",
            "--strip-all --emit-relocs",
        )
    ),
    # --emit-relocs
    Case("emit", RESULTS, KEPT),
    Case("emit-no-gc", RESULTS, f"{KEPT} --no-gc-sections"),
    Case("emit-strip-all", RESULTS, f"{KEPT} -s"),
    Case("emit-strip-debug", RESULTS, f"{KEPT} -S"),
    Case(
        "emit-export-all",
        RESULTS,
        f"{KEPT} --export-all",
        exit=1,
        says=[
            "error: mutable global exported but 'mutable-globals' feature "
            "not present in inputs: `g`. Use --no-check-features to suppress."
        ],
    ),
    Case(
        "emit-dead",
        {
            "a.s": START
            + X
            + func("dead", "() -> ()", "i32.const x", "drop", "call dead2")
            + func("dead2")
            + func("use", "() -> ()", "i32.const x", "drop")
        },
        "a.o --emit-relocs --export=use",
    ),
    Case(
        "emit-zero",
        {
            "a.s": START
            + X
            + data("z", ".skip 40", section=".bss.z", size=40)
            + func("use", "() -> ()", "i32.const x", "drop", "i32.const z", "drop")
        },
        "a.o --emit-relocs --export=use",
        has=["^data .bss"],
    ),
    Case(
        "emit-zero-only",
        {
            "a.s": START
            + data("z", ".skip 40", section=".bss.z", size=40)
            + func("use", "() -> ()", "i32.const z", "drop")
        },
        "a.o --emit-relocs --export=use",
    ),
    Case("emit-c", {"a.c": C, "b.c": C2}, "a.o b.o --emit-relocs --export=run", calls={"run(1)": 9}),
    Case(
        "emit-c-debug",
        {"a.c": "// flags: -g\n" + C, "b.c": "// flags: -g\n" + C2 + "int unused(void) { return names[0][0]; }\n"},
        "a.o b.o --emit-relocs --export=run",
    ),
    Case(
        "emit-c-debug-no-gc",
        {"a.c": "// flags: -g\n" + C, "b.c": "// flags: -g\n" + C2 + "int unused(void) { return names[0][0]; }\n"},
        "a.o b.o --emit-relocs --export=run --no-gc-sections",
    ),
    Case(
        "emit-constructors",
        {
            "a.s": func("_start", "() -> ()", "call __wasm_call_ctors")
            + extern("__wasm_call_ctors")
            + constructor("init", "i32.const x", "i32.const 7", "i32.store 0")
            + X
        },
        "a.o --emit-relocs",
    ),
    Case("emit-command-exports", {"a.s": START + func("run") + constructor("init")}, "a.o --emit-relocs --export=run"),
    Case(
        "emit-weak-undefined",
        {
            "a.s": START
            + func("use", I32, "call f", "i32.const f", "i32.add", "i32.const w", "i32.add")
            + extern("f", I32, "weak")
            + ".weak w\n"
        },
        "a.o --emit-relocs --export=use",
    ),
    Case(
        "emit-undefined-stub",
        {"a.s": START + func("use", "() -> ()", "call f") + extern("f")},
        "a.o --emit-relocs --export=use --unresolved-symbols=ignore-all",
    ),
    Case(
        "emit-signature-mismatch",
        {"a.s": START + func("use", "() -> ()", "call f") + extern("f"), "b.s": func("f", "(i32) -> ()")},
        "a.o b.o --emit-relocs --export=use",
        says=["function signature mismatch: f"],
    ),
    Case(
        "emit-strings",
        {"a.s": START + STRINGS, "b.s": string("s", "hello") + data("p", ".int32 s+2")},
        "a.o b.o --emit-relocs --export=use --export=p",
    ),
    Case(
        "emit-comdat",
        {"a.s": START + comdat("f", 1), "b.s": comdat("f", 2) + func("use", I32, "call f")},
        "a.o b.o --emit-relocs --export=use",
    ),
    Case(
        "emit-alias",
        {
            "a.c": 'int f(void) { return 6; }\nint g(void) __attribute__((alias("f")));\n'
            "int use(void) { return g(); }\nvoid _start(void) {}\n"
        },
        "a.o --emit-relocs --export=use",
    ),
    Case(
        "emit-linker-symbols",
        {"a.s": START + func("use", "() -> ()", "i32.const __heap_base", "drop", "i32.const __dso_handle", "drop")},
        "a.o --emit-relocs --export=use",
    ),
    Case(
        "emit-pic-objects",
        {"a.c": "// flags: -fPIC\n" + C, "b.c": "// flags: -fPIC\n" + C2},
        "a.o b.o --emit-relocs --export=run",
    ),
    Case(
        "emit-imported-memory",
        {"a.s": START + X + data("z", ".skip 40", section=".bss.z", size=40)},
        "a.o --emit-relocs --export=x --export=z --import-memory",
    ),
    Case(
        "emit-retained",
        {"a.s": START + data("r", ".int32 1", section="items", segment="R") + X},
        "a.o --emit-relocs",
        bytewise=False,
        ignore=LINKING,
    ),
    Case(
        "emit-shared",
        {"a.s": TLS + START + GET + LOCAL + X + target_features("+atomics", "+bulk-memory", "+mutable-globals")},
        "a.o --emit-relocs --shared-memory --export=get --export=x",
        bytewise=False,
        ignore=LINKING,
    ),
    Case(
        "emit-archive",
        {
            "a.s": func("_start", "() -> ()", "call g") + extern("g"),
            "lib.a": Archive({"b.s": func("g") + func("dead")}),
        },
        "a.o lib.a --emit-relocs",
    ),
    Case("emit-map", RESULTS, f"{KEPT} --print-map"),
    Case(
        "emit-custom-sections",
        {"a.s": START + X + '.section .debug_note,"",@\n.Lnote:\n.int32 _start\n.int32 x+4\n.int32 .Lnote\n'},
        "a.o --emit-relocs",
    ),
    Case(
        "emit-shared-library",
        {"a.c": "// flags: -fPIC\n" + C, "b.c": "// flags: -fPIC\n" + C2},
        "a.o b.o --emit-relocs -shared --experimental-pic",
    ),
]
