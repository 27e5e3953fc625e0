"""Position-independent output: shared libraries, executables, and links against shared libraries."""

from collections.abc import Iterator

from tests.differential.asm import START, data, extern, func, target_features
from tests.differential.harness import Archive, Case
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


def _library(signature: bytes, function: str = "work", *variables: str) -> bytes:
    """A shared library with a function and data, ``shown`` if nothing else is said."""
    body = b"\0" + bytes([0x00, 0x0B])
    names = variables or ("shown",)
    return b"".join(
        (
            o.MAGIC,
            o.custom("dylink.0", bytes([1, 4, 4, 2, 0, 0])),
            o.section(1, o.vector(signature)),
            o.section(2, o.vector(o.name("env") + o.name("memory") + b"\2\0\1")),
            o.section(3, o.vector(b"\0")),
            o.section(6, o.vector(*[b"\x7f\0\x41\0\x0b"] * len(names))),
            o.section(
                7,
                o.vector(
                    o.name(function) + b"\0\0", *(o.name(name) + b"\3" + o.leb(i) for i, name in enumerate(names))
                ),
            ),
            o.section(10, o.vector(o.blob(body))),
        )
    )


INT_TO_INT = b"\x60\1\x7f\1\x7f"
LINKED: dict[str, str | bytes] = {"main.c": PIC + PROGRAM, "libwork.so": _library(INT_TO_INT)}
NOTHING, INT = b"\x60\0\0", b"\x60\1\x7f\0"
DISAGREEING: dict[str, str | bytes] = {"main.c": PIC + PROGRAM, "libwork.so": _library(NOTHING)}

# In assembly: one reference each

WIDE = "# flags: -target wasm64-freestanding\n"
MUTABLE = target_features("+mutable-globals")
DYNAMIC = "--experimental-pic --unresolved-symbols=import-dynamic"


def _reads(*instructions: str) -> str:
    """A function that does no more than push values."""
    return func("use", "() -> ()", *(line for text in instructions for line in (text, "drop")))


def _declared(name: str, *flags: str) -> str:
    """Data that is defined elsewhere."""
    return "".join(f".{flag} {name}\n" for flag in flags) + f".type {name},@object\n.size {name}, 4\n"


F, D = extern("f"), _declared("d")
LOAD = ("i32.const 0", "i32.load d")
HIDDEN = func("f", flags="globl hidden")
CALLS = func("use", "() -> ()", "call f") + F
CALLS_WITH_INT = func("use", "() -> ()", "i32.const 1", "call f") + extern("f", "(i32) -> ()")
CALLS_TOO = CALLS_WITH_INT.replace("use", "more")
TAKES = func("take", "() -> ()", "global.get f@GOT", "drop") + F
DEFINES = func("f")
DEFINES_WITH_INT = func("f", "(i32) -> ()")
PROVIDED = _library(NOTHING, "f", "d")
PROVIDED_WITH_INT = _library(INT, "f", "d")
SIGNATURES: dict[str, str | bytes] = {
    "a.s": CALLS,
    "i.s": CALLS_TOO,
    "t.s": TAKES,
    "f.s": DEFINES,
    "fi.s": DEFINES_WITH_INT,
    "w.s": func("f", flags="weak"),
    "f.so": PROVIDED,
    "fi.so": PROVIDED_WITH_INT,
}
ORDERS = {
    "a.o f.so": "",
    "f.so a.o": "",
    "a.o fi.so": "function signature mismatch: f",
    "fi.so a.o": "function signature mismatch: f",
    "a.o fi.so i.o": "function signature mismatch: f",
    "a.o i.o f.so": "function signature mismatch: f",
    "a.o i.o fi.so": "function signature mismatch: f",
    "f.so a.o i.o": "function signature mismatch: f",
    "t.o fi.so": "",
    "t.o fi.so a.o": "function signature mismatch: f",
    "f.so fi.so a.o": "",
    "fi.so f.so a.o": "function signature mismatch: f",
    "f.so w.o a.o": "",
    "f.so f.o a.o": "",
    "a.o f.o f.so": "",
    "f.so fi.o a.o": "function signature mismatch: f",
    "a.o f.so fi.o": "function signature mismatch: f",
    "fi.o a.o f.so": "function signature mismatch: f",
    "a.o --start-lib f.o --end-lib f.so": "",
    "--start-lib f.o --end-lib f.so a.o": "",
}
"""Inputs, and what wasm-ld says about them."""


def _signature_cases() -> Iterator[Case]:
    for number, (inputs, message) in enumerate(ORDERS.items()):
        for how, options in (
            ("checked", ""),
            ("unchecked", "--no-shlib-sigcheck"),
            ("shared", "-shared --experimental-pic"),
        ):
            defined_here = ".o fi.o" in inputs or "fi.o " in inputs or "so fi.o" in inputs
            never_checked = how == "unchecked" and inputs != "a.o i.o f.so" and inputs != "a.o i.o fi.so"
            said = message and (defined_here or not never_checked)
            yield Case(
                f"library-signature-{number}-{how}",
                SIGNATURES,
                f"-Bdynamic --no-entry --export-if-defined=use --export-if-defined=take {inputs} {options}",
                exit=0 if not said or defined_here else 1,
                says=[message] if said else (),
                validate=False,
            )


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
    Case("shared-entry-start", BOTH, "main.o lib.o -shared --experimental-pic --entry=_start", validate=False),
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
    # Relocations that need a definition
    *(
        Case(
            f"relative-{what}-undefined-{mode}",
            {"a.s": flags + START + _reads(f"{pointer}.const {target}") + F + D + binding},
            f"a.o --export=use -pie {DYNAMIC} {wide}",
            exit=1,
            says=[f"relocation R_WASM_{relocation} is not supported against an undefined symbol `{target[0]}`"],
        )
        for mode, flags, pointer, wide, more, binding in (
            ("32", "", "i32", "", "", ""),
            ("64", WIDE, "i64", "-m wasm64", "64", ""),
            ("weak", "", "i32", "", "", ".weak f\n.weak d\n"),
        )
        for what, target, relocation in (
            ("memory", "d@MBREL", f"MEMORY_ADDR_REL_SLEB{more}"),
            ("table", "f@TBREL", f"TABLE_INDEX_REL_SLEB{more}"),
        )
    ),
    Case(
        "relative-undefined-static",
        {"a.s": START + _reads("i32.const d@MBREL", "i32.const f@TBREL") + F + D},
        "a.o --export=use",
        exit=1,
        says=["R_WASM_TABLE_INDEX_REL_SLEB is not supported against an undefined symbol `f`", "undefined symbol: f"],
    ),
    *(
        Case(
            f"absolute-{how}",
            {
                "a.s": START + _reads("i32.const d", "i32.const f") + func("load", "() -> (i32)", *LOAD) + F + D,
                "f.so": PROVIDED,
            },
            f"a.o --export=use --export=load {options}",
            exit=1,
            says=[
                "relocation R_WASM_MEMORY_ADDR_SLEB cannot be used against symbol `d`; recompile with -fPIC",
                "relocation R_WASM_TABLE_INDEX_SLEB cannot be used against symbol `f`; recompile with -fPIC",
                "relocation R_WASM_MEMORY_ADDR_LEB cannot be used against symbol `d`; recompile with -fPIC",
            ],
        )
        for how, options in (
            ("import-dynamic", DYNAMIC),
            ("against-shared", "-Bdynamic f.so"),
            ("pie", f"-pie {DYNAMIC}"),
            ("pie-against-shared", "-pie --experimental-pic f.so"),
        )
    ),
    # Features
    *(
        Case(
            f"features-{how}",
            {"a.s": START + features},
            f"a.o {options}",
            has=[r"^custom target_features: .* 6d 75 74 61 62 6c 65 2d 67 6c 6f 62 61 6c 73"],
        )
        for how, options, features in (
            ("none", "-pie --experimental-pic", ""),
            ("shared", "-shared --experimental-pic", ""),
            ("given", "-pie --experimental-pic --features=simd128", ""),
            ("given-not-that", "-pie --experimental-pic --features=simd128", MUTABLE),
            ("given-unchecked", "-pie --experimental-pic --features=simd128 --no-check-features", MUTABLE),
        )
    ),
    # The table
    Case(
        "table-only-for-internal-got",
        {"a.s": START + _reads("global.get f@GOT") + HIDDEN},
        "a.o -shared --experimental-pic --export=use",
        has=["import env.__indirect_function_table table", r"^element .*: f\["],
        validate=False,
    ),
    Case(
        "table-for-a-stub",
        {"a.s": START + _reads("global.get f@GOT") + F + ".weak f\n"},
        "a.o --export=use",
        has=["^table funcref", "GOT.func.internal.undefined_weak:f.* = i32.const 0"],
        calls={"use()": None},
    ),
    Case(
        "table-in-relocatable",
        {"a.s": START + _reads("global.get f@GOT") + DEFINES},
        "a.o -r --unresolved-symbols=ignore-all",
        validate=False,
    ),
    *(
        Case(
            f"stub-address-{how}",
            {"a.s": START + func("use", "() -> ()", *instructions) + F + data("q", ".int32 f", ".int32 f", size=8)},
            "a.o --export=use --export=q --unresolved-symbols=ignore-all",
        )
        for how, instructions in (
            ("first", ("i32.const f", "drop", "call f", "global.get f@GOT", "drop")),
            ("got-first", ("global.get f@GOT", "drop", "call f", "i32.const f", "drop")),
            ("call-first", ("call f", "i32.const f", "drop", "global.get f@GOT", "drop")),
        )
    ),
    # Relocations at run time
    Case(
        "relocatable-import-dynamic",
        {"a.s": START + data("q", ".int32 f", ".int32 d+4", size=8) + F + D},
        f"a.o -r {DYNAMIC}",
        lacks=["__wasm_apply_data_relocs"],
        validate=False,
    ),
    Case(
        "hidden-weak-data",
        {"a.s": START + data("q", ".int32 d", size=4) + _reads("global.get d@GOT") + _declared("d", "weak", "hidden")},
        "a.o -shared --experimental-pic --export=q --export=use",
        validate=False,
    ),
    Case(
        "import-info",
        {
            "a.s": START
            + CALLS
            + _reads("global.get d@GOT").replace("use", "read")
            + _declared("d", "weak")
            + ".weak f\n",
            "b.s": TAKES + ".weak f\n.import_module f, env\n.import_name f, other\n",
        },
        f"a.o b.o -pie {DYNAMIC} --export=use --export=read --export=take",
        has=["^custom dylink.0: .* 05 6f 74 68 65 72"],
        validate=False,
    ),
    Case(
        "import-info-named-first",
        {
            "a.s": START + CALLS + ".weak f\n",
            "b.s": TAKES + ".weak f\n.import_module f, env\n.import_name f, other\n",
        },
        f"b.o a.o -pie {DYNAMIC} --export=use --export=take",
        has=["^custom dylink.0: .* 05 6f 74 68 65 72"],
        validate=False,
    ),
    # What a shared library gives
    *_signature_cases(),
    *(
        Case(
            f"library-kind-{number}",
            {
                "a.s": ".globaltype f, i32\n.globaltype d, i32\n" + START + _reads("global.get f", "global.get d"),
                "b.s": func("calls", "() -> ()", "call f", "call d") + F + extern("d"),
                "f.so": PROVIDED,
            },
            f"-Bdynamic {inputs}",
            exit=1,
            says=["symbol type mismatch: d"],
        )
        for number, inputs in enumerate(
            ("a.o f.so", "f.so a.o", "b.o f.so", "f.so b.o", "a.o f.so b.o", "b.o f.so a.o")
        )
    ),
    *(
        Case(
            f"library-symbol-{how}",
            {
                "a.s": START
                + CALLS
                + _reads("global.get f@GOT", "global.get d@GOT").replace("use", "read")
                + D
                + imports,
                "f.so": PROVIDED,
                "layout.so": _library(NOTHING, "f", "d", "__dso_handle", "__heap_base"),
                "wrap.s": func("__wrap_f", "() -> ()", "call __real_f") + extern("__real_f"),
                "lib.a": Archive({"m.s": DEFINES + data("d", ".int32 1")}),
            },
            f"a.o --export=use --export=read {options}",
            validate=False,
            exit=code,
        )
        for how, options, imports, code in (
            ("imported", "-pie --experimental-pic f.so", "", 0),
            ("shared", "-shared --experimental-pic f.so", "", 0),
            ("static", "-Bdynamic f.so", "", 0),
            ("no-gc", "-pie --experimental-pic f.so --no-gc-sections", "", 0),
            ("export-all", "-pie --experimental-pic f.so --export-all", "", 0),
            ("exported", "-pie --experimental-pic f.so --export=f --export=d", "", 0),
            ("exported-shared", "-shared --experimental-pic f.so --export=f --export-if-defined=d", "", 0),
            ("entry", "-pie --experimental-pic f.so --entry=f", "", 0),
            ("undefined-option", "-pie --experimental-pic f.so --undefined=f --undefined=d", "", 0),
            ("wrapped", "-pie --experimental-pic f.so --wrap=f wrap.o", "", 0),
            ("traced", "-pie --experimental-pic f.so --trace-symbol=f --trace-symbol=d --trace", "", 0),
            ("mapped", "-pie --experimental-pic f.so -M", "", 0),
            ("import-name", "-pie --experimental-pic f.so", ".import_module f, m\n.import_name f, g\n", 0),
            ("weak-reference", "-pie --experimental-pic f.so", ".weak f\n.weak d\n", 0),
            ("layout", "-pie --experimental-pic layout.so --export=__dso_handle", "", 0),
            ("archive-first", "-pie --experimental-pic lib.a f.so", "", 0),
            ("archive-last", "-pie --experimental-pic f.so lib.a", "", 0),
            ("archive-before-all", "-pie --experimental-pic --start-lib lib.a f.so", "", 0),
            ("library-alone", "-pie --experimental-pic f.so --no-export-dynamic --strip-all", "", 0),
            ("twice", "-pie --experimental-pic f.so ./f.so layout.so f.so", "", 0),
            ("whole-archive", "-pie --experimental-pic --whole-archive f.so", "", 0),
        )
    ),
    *(
        Case(
            f"library-and-lazy-{number}",
            {
                "a.s": _reads("global.get f@GOT", "global.get d@GOT") + F + D,
                "b.s": DEFINES + data("d", ".int32 1"),
                "w.s": func("f", flags="weak") + data("d", ".int32 1", flags="weak hidden"),
                "f.so": PROVIDED,
            },
            f"--no-entry --export=use -pie --experimental-pic {inputs}",
            has=["import GOT.mem.d"] if found else (),
            lacks=() if found else ["import GOT.mem.d"],
            validate=False,
        )
        for number, (inputs, found) in enumerate(
            (
                ("--start-lib b.o --end-lib f.so a.o", True),
                ("--start-lib w.o --end-lib f.so a.o", True),
                ("f.so a.o --start-lib b.o", True),
                ("f.so a.o --start-lib w.o", True),
                ("a.o --start-lib b.o --end-lib f.so", False),
                ("--start-lib a.o b.o --end-lib f.so", True),
                ("f.so b.o a.o", False),
                ("f.so w.o a.o", True),
            )
        )
    ),
    # Options against each other: what is said, in which order, and what goes unsaid because something else is wrong
    *(
        Case(f"options-{number}", {"a.s": START, "f.so": PROVIDED}, f"a.o {options}", exit=code, says=[said])
        for number, (options, code, said) in enumerate(
            (
                ("-pie --global-base=3 --table-base=5 -Bsymbolic", 1, "--table-base may not be used with -shared/-pie"),
                ("-shared -pie --global-base=3", 1, "-shared and -pie may not be used together"),
                ("-pie --unresolved-symbols=import-dynamic --table-base=2", 1, "dynamic imports are not yet stable"),
                ("-r --export-table --growable-table", 1, "--relocatable is incompatible with --growable-table"),
                ("-shared --export-table --export-memory", 1, "--export-memory is incompatible with --shared"),
                ("-pie --export-table nothing.o", 1, "cannot open nothing.o"),
                ("-pie --export-table --build-id=x --table-base=2", 1, "unknown --build-id style: x"),
                ("-Bsymbolic -lnothing", 1, "unable to find library -lnothing"),
                ("-Bsymbolic f.so", 1, "attempted static link of dynamic object f.so"),
                ("-pie --allow-undefined-file=nothing", 1, "creating PIEs, with -pie, is not yet stable"),
                ("-Bsymbolic --unresolved-symbols=import-dynamic", 0, "-Bsymbolic is only meaningful when combined"),
            )
        )
    ),
]
