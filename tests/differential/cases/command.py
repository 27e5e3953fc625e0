"""The command line, and the reports that it can ask for."""

from tests.differential.asm import START, data, extern, func, target_features
from tests.differential.harness import Archive, Case, Files

CALLS = func("_start", "() -> ()", "call f") + extern("f")
LIBRARY = Archive({"b.s": func("f", "() -> ()", "call g") + extern("g"), "c.s": func("g") + data("d", ".int32 1")})
REPORTED: Files = {"a.s": CALLS, "lib.a": LIBRARY}
MAPPED: Files = {
    "a.s": func(
        "_start",
        "() -> ()",
        "call f",
        "call local",
        "i32.const d",
        "drop",
        "i32.const z",
        "drop",
        "i32.const local",
        "drop",
    )
    + extern("f")
    + func("local", flags=""),
    "b.s": func("f")
    + func("dead")
    + data("d", ".int32 1")
    + data("e", ".int32 2")
    + data("z", ".skip 4", section=".bss.z")
    + '.section .custom_section.note,"",@\n.int32 1\n',
}

SHARED_MEMORY = "--shared-memory --max-memory=1048576 --no-check-features"
FEATURES = ("sign-ext", "multivalue", "nontrapping-fptoint", "mutable-globals", "call-indirect-overlong", "gc")

CASES = [
    Case(
        "response-file",
        {"a.s": START, "args.rsp": "a.o\n--export=f\n", "b.s": func("f")},
        "@args.rsp b.o",
        has=["^export f"],
    ),
    Case(
        "response-file-quoting",
        {"a b.s": START, "args.rsp": "\"a b.o\" '--soname=x y' --export=f\\ g --no-entry", "b.s": func("f")},
        "@args.rsp b.o --unresolved-symbols=ignore-all",
        has=["name module 0 x y"],
    ),
    Case(
        "response-file-windows",
        {"a.s": START, "args.rsp": 'a.o "--soname=c:\\dir\\x y"'},
        "--rsp-quoting=windows @args.rsp",
        has=[r"name module 0 c:\\dir\\x y"],
    ),
    Case(
        "response-file-posix",
        {"a.s": START, "args.rsp": "a.o --soname=c:\\\\dir"},
        "--rsp-quoting=posix @args.rsp",
        has=[r"name module 0 c:\\dir"],
    ),
    Case(
        "response-file-nested",
        {"a.s": START, "outer.rsp": "@inner.rsp --soname=q", "inner.rsp": "a.o"},
        "@outer.rsp",
        has=["name module 0 q"],
    ),
    Case("response-file-missing", {"a.s": START}, "a.o @none.rsp", exit=1),
    Case("response-file-bom", {"a.s": START, "args.rsp": b"\xef\xbb\xbfa.o"}, "@args.rsp"),
    Case("single-dash", {"a.s": START + func("f")}, "a.o -export=f -no-gc-sections -soname=x", has=["^export f"]),
    Case(
        "single-dash-not-for-all",
        {"a.s": START},
        "a.o -no-merge-data-segments",
        exit=1,
        says=["unknown argument: -no-merge-data-segments"],
    ),
    Case(
        "separate-values",
        {"a.s": START + func("f")},
        "a.o --export f --soname x --entry _start",
        has=["^export f", "name module 0 x"],
    ),
    Case("unknown-option", {"a.s": START}, "a.o --no-such-option-at-all", exit=1),
    Case(
        "unknown-emulation", {"a.s": START}, "a.o -m elf_i386", exit=1, says=["invalid target architecture: elf_i386"]
    ),
    Case("emulation", {"a.s": START}, "a.o -m wasm32"),
    Case("emulation-joined", {"a.s": START}, "a.o -mwasm32"),
    Case("missing-value", {"a.s": START}, "a.o -o", output=False, exit=1, says=["-o: missing argument"]),
    Case("not-a-number", {"a.s": START}, "a.o --initial-memory=ten", exit=1),
    Case("optimise-bad", {"a.s": START}, "a.o -O9"),
    Case("double-dash", {"a.s": START}, "-- a.o", exit=1),
    Case("no-arguments", {}, "", output=False, exit=1),
    Case("disable-verify", {"a.s": START}, "a.o --disable-verify"),
    Case("ignored-options", {"a.s": START}, "a.o --threads=2 -Bstatic --static --no-pie --dn --non_shared"),
    Case("trace", REPORTED, "a.o lib.a --trace", says=["a.o"]),
    Case("trace-t", REPORTED, "a.o lib.a -t"),
    Case("trace-symbol", REPORTED, "a.o lib.a --trace-symbol=f", says=["reference to f", "definition of f"]),
    Case("trace-symbol-y", REPORTED, "a.o lib.a -y g -yf"),
    Case("trace-symbol-undefined", {"a.s": CALLS}, "a.o --trace-symbol=f --allow-undefined"),
    Case(
        "trace-symbol-data-and-weak",
        {
            "a.s": START + func("u", "() -> ()", "i32.const d", "drop"),
            "b.s": data("d", ".int32 1", flags="globl weak"),
            "c.s": data("d", ".int32 1"),
        },
        "a.o b.o c.o -y d",
    ),
    Case(
        "trace-symbol-of-the-linker",
        {
            "a.s": ".globaltype __stack_pointer, i32\n"
            + func("_start", "() -> ()", "global.get __stack_pointer", "i32.const __heap_base", "drop", "drop")
            + func("use", "() -> ()", "i32.const __start_items", "drop", "call f", "i32.const 0", "call g")
            + extern("f", "() -> ()", "weak")
            + extern("g", "(i32) -> ()")
            + data("item", ".int32 5", section="items", flags="", segment="R"),
            "b.s": func("g"),
        },
        "a.o b.o --export=use -y __stack_pointer -y __heap_base -y __start_items -y __stop_items -y f -y g "
        "-y __wasm_call_ctors --export=__data_end -y __data_end -y __indirect_function_table --export-table",
        says=["<internal>: definition of __heap_base", "<internal>: definition of undefined_weak:f"],
    ),
    Case(
        "trace-symbol-lazy-then-needed",
        {"a.s": func("_start", "() -> ()", "call f", "i32.const d", "drop") + extern("f"), "lib.a": LIBRARY},
        "lib.a a.o -y f -y d",
    ),
    Case("trace-symbol-lazy", {"a.s": START, "lib.a": LIBRARY}, "a.o lib.a -y f"),
    # With more threads, the reference writes sections in no certain order.
    Case("verbose", REPORTED, "a.o lib.a --verbose --threads=1 -M", says=["Processing: lib.a(b.o)", "writing CODE"]),
    Case("verbose-lazy", REPORTED, "lib.a a.o --verbose --threads=1 --no-gc-sections", says=["writing TYPE"]),
    Case("verbose-relocatable", MAPPED, "-r a.o b.o --verbose --threads=1", says=["createRelocSections"]),
    Case(
        "verbose-emit-relocs",
        MAPPED,
        "a.o b.o --emit-relocs --verbose --threads=1 --export-table",
        says=["writing TYPE"],
    ),
    Case(
        "verbose-stripped",
        MAPPED,
        "a.o b.o -s --verbose --threads=1 --import-memory --max-memory=131072",
        says=["writing TYPE"],
    ),
    Case(
        "verbose-no-stack-first",
        MAPPED,
        "a.o b.o --no-stack-first --verbose --threads=1 --export=__heap_base",
        says=["writing TYPE"],
    ),
    Case("verbose-shared-memory", MAPPED, f"a.o b.o --verbose --threads=1 {SHARED_MEMORY}", says=["START"]),
    Case("verbose-shared", MAPPED, "b.o -shared --experimental-pic --verbose --threads=1", says=["dylink.0"]),
    Case("verbose-reactor", MAPPED, "a.o b.o --verbose --threads=1 --export=__wasm_call_ctors", says=["writing TYPE"]),
    Case(
        "verbose-features",
        {"a.s": START + target_features(*(f"+{name}" for name in FEATURES))},
        "a.o --verbose --threads=1 --extra-features=zz,aa",
        says=["Allowed feature: sign-ext"],
    ),
    Case(
        "verbose-many-features",
        {"a.s": START + target_features(*(f"+{name}" for name in FEATURES), "+a", "+bbbbbbbbb")},
        "a.o --verbose --threads=1 --extra-features=zz,aa",
        says=["Allowed feature: sign-ext"],
    ),
    Case("verbose-fails", {"a.s": CALLS}, "a.o --verbose --threads=1 --initial-memory=1", exit=1),
    Case("verbose-no-file", {"a.s": CALLS}, "a.o none.o --verbose --threads=1", exit=1),
    Case("why-extract", REPORTED, "a.o lib.a --why-extract=why.txt"),
    Case("why-extract-stdout", REPORTED, "a.o lib.a --why-extract=-", says=["lib.a(b.o)"]),
    Case("why-extract-options", {"a.s": START, "lib.a": LIBRARY}, "a.o lib.a --why-extract=- -u g --export=f"),
    Case("why-extract-entry", {"lib.a": Archive({"a.s": START})}, "lib.a --why-extract=-"),
    Case("why-extract-start-lib", {"a.s": CALLS, "b.s": func("f")}, "a.o --start-lib b.o --end-lib --why-extract=-"),
    Case("why-extract-unwritable", REPORTED, "a.o lib.a --why-extract=no/why.txt", exit=1),
    Case("print-map", MAPPED, "a.o b.o --print-map --export=e", says=["Addr"]),
    Case("print-map-M", MAPPED, "a.o b.o -M"),
    Case("map", MAPPED, "a.o b.o -Map=out.map --export=e"),
    Case("map-separate", MAPPED, "a.o b.o -Map out.map"),
    Case("map-archive", REPORTED, "a.o lib.a --Map=out.map --export=d"),
    Case(
        "map-debug",
        {"a.c": "// flags: -g\nint f(void) { return 1; }\nvoid _start(void) {}\n"},
        "a.o --Map=out.map --export=f",
    ),
    Case(
        "map-strings-and-stub",
        {
            "a.s": func("_start", "() -> ()", "call f", "i32.const s", "drop")
            + extern("f", "() -> ()", "weak")
            + '.section .rodata.s,"S",@\ns:\n.asciz "abc"\n.size s, 4\n'
            + ".globaltype __stack_pointer, i32\n"
            + func("g", "() -> ()", "global.get __stack_pointer", "drop")
        },
        "a.o --Map=out.map --export=g",
    ),
    Case(
        "fatal-warnings",
        {"a.s": START},
        "a.o -z nonsense --fatal-warnings",
        exit=1,
        says=["error: unknown -z value: nonsense"],
    ),
    Case(
        "fatal-warnings-off",
        {"a.s": START},
        "a.o -z nonsense --fatal-warnings --no-fatal-warnings",
        says=["warning: unknown -z value"],
    ),
    Case("error-limit-after-arguments", {"a.s": START}, "--error-limit=1 --nonsense --other a.o", exit=1),
    Case("error-limit", {}, "1.o 2.o 3.o --error-limit=2", exit=1, says=["too many errors emitted"]),
    Case("error-limit-reached", {}, "1.o 2.o 3.o --error-limit=3", exit=1),
    Case("error-limit-default", {}, " ".join(f"{i}.o" for i in range(22)), exit=1, says=["too many errors emitted"]),
    Case("error-limit-none", {}, " ".join(f"{i}.o" for i in range(22)) + " --error-limit=0", exit=1, says=["21.o"]),
    Case("color-never", {"a.s": CALLS}, "a.o --color-diagnostics=never", exit=1),
    Case("color-always", {"a.s": CALLS}, "a.o --color-diagnostics=always", exit=1, says=["\033["]),
    Case("color-bad", {"a.s": CALLS}, "a.o --color-diagnostics=sometimes", exit=1),
]
