"""Imports and exports, and the indirect function table."""

from tests.differential.asm import START, data, extern, func
from tests.differential.harness import Archive, Case

MUTABLE = (
    ".globaltype g, i32\n.globaltype c, i32, immutable\n"
    + START
    + func("run", "() -> (i32)", "global.get g", "global.get c", "i32.add")
)
MUTABLE_DEFINED = MUTABLE + ".globl g\ng:\n.globl c\nc:\n"
FEATURE = '.section .custom_section.target_features,"",@\n.int8 1\n.int8 43\n.int8 15\n.ascii "mutable-globals"\n'
LIBRARY = (
    START
    + func("shown")
    + func("secret", flags="globl hidden")
    + func("own", flags="")
    + func("soft", flags="weak")
    + data("value", ".int32 1")
    + data("hidden_value", ".int32 2", flags="globl hidden")
    + data("own_value", ".int32 3", flags="")
)
TABLE = (
    START
    + func("run", "(i32) -> (i32)", "local.get 0", "call_indirect () -> (i32)", extra="")
    + "".join(func(f"f{i}", "() -> (i32)", f"i32.const {i * 11}") for i in range(3))
    + func("addresses", "() -> ()", *("i32.const f2", "drop", "i32.const f0", "drop", "i32.const f2", "drop"))
)
EXPORT_TABLE = "a.o --export=run --export=addresses"

CASES = [
    Case(
        "import-attributes",
        {"a.s": func("_start", "() -> ()", "call f") + extern("f") + ".import_module f, host\n.import_name f, log\n"},
        "a.o",
        has=["^import host.log func"],
    ),
    Case(
        "import-called",
        {
            "a.s": START
            + func("run", "() -> (i32)", "i32.const 5", "call f")
            + extern("f", "(i32) -> (i32)")
            + ".import_module f, host\n.import_name f, log\n"
        },
        "a.o --export=run",
        calls={"run()": 0},
        heard=["host.log(5,)"],
    ),
    Case(
        "imports-shared",
        {
            "a.s": func("_start", "() -> ()", "call f", "call g")
            + extern("f")
            + extern("g")
            + ".import_module f, host\n.import_name f, log\n.import_module g, host\n.import_name g, log\n",
            "b.s": func("other", "() -> ()", "call h") + extern("h") + ".import_module h, host\n.import_name h, log\n",
        },
        "a.o b.o --export=other",
        has=["^import host.log func"],
    ),
    Case(
        "imports-same-name-two-types",
        {
            "a.s": func("_start", "() -> ()", "call f", "i32.const 1", "call g")
            + extern("f")
            + extern("g", "(i32) -> ()")
            + ".import_module f, host\n.import_name f, log\n.import_module g, host\n.import_name g, log\n"
        },
        "a.o",
    ),
    Case(
        "imports-in-order-of-use",
        {
            "a.s": func("_start", "() -> ()", "call b", "call a") + extern("a") + extern("b"),
            "b.s": func("other", "() -> ()", "call c", "call a") + extern("a") + extern("c"),
        },
        "a.o b.o --allow-undefined --export=other",
    ),
    Case(
        "import-conflicting-modules",
        {
            "a.s": func("_start", "() -> ()", "call f") + extern("f") + ".import_module f, one\n.import_name f, log\n",
            "b.s": func("other", "() -> ()", "call f") + extern("f") + ".import_module f, two\n.import_name f, log\n",
        },
        "a.o b.o --export=other",
        exit=1,
    ),
    Case(
        "import-conflicting-names",
        {
            "a.s": func("_start", "() -> ()", "call f") + extern("f") + ".import_module f, one\n.import_name f, log\n",
            "b.s": func("other", "() -> ()", "call f") + extern("f") + ".import_module f, one\n.import_name f, gol\n",
        },
        "a.o b.o --export=other",
        exit=1,
    ),
    Case(
        "import-name-from-later-object",
        {
            "a.s": func("_start", "() -> ()", "call f") + extern("f"),
            "b.s": func("other", "() -> ()", "call f") + extern("f") + ".import_module f, one\n.import_name f, log\n",
        },
        "a.o b.o --export=other",
        exit=1,
        says=["import module mismatch for symbol: f"],
    ),
    Case(
        "import-name-from-later-object-same",
        {
            "a.s": func("_start", "() -> ()", "call f") + extern("f"),
            "b.s": func("other", "() -> ()", "call f") + extern("f") + ".import_name f, f\n",
        },
        "a.o b.o --export=other",
    ),
    Case(
        "import-defined-elsewhere",
        {
            "a.s": func("_start", "() -> ()", "call f") + extern("f") + ".import_module f, one\n.import_name f, log\n",
            "b.s": func("f"),
        },
        "a.o b.o",
        lacks=["^import"],
    ),
    Case(
        "import-global",
        {"a.s": MUTABLE + FEATURE},
        "a.o --export=run --allow-undefined",
        has=["^import env.g global mut i32", "^import env.c global const i32"],
    ),
    Case(
        "import-global-module",
        {
            "a.s": MUTABLE
            + FEATURE
            + ".import_module g, host\n.import_name g, other\n.import_module c, host\n.import_name c, third\n"
        },
        "a.o --export=run",
        has=["^import host.other global"],
    ),
    Case(
        "import-weak",
        {
            "a.s": func("_start", "() -> ()", "call f")
            + extern("f", "() -> ()", "weak")
            + ".import_module f, host\n.import_name f, log\n"
        },
        "a.o",
    ),
    Case(
        "export",
        {"a.s": LIBRARY},
        "a.o --export=shown --export=value",
        has=["^export shown func", "^export value global"],
    ),
    Case("export-hidden", {"a.s": LIBRARY}, "a.o --export=secret --export=hidden_value", has=["^export secret"]),
    Case("export-local", {"a.s": LIBRARY}, "a.o --export=own", exit=1, says=["not found: own"]),
    Case(
        "export-if-defined",
        {"a.s": LIBRARY},
        "a.o --export-if-defined=shown --export-if-defined=absent",
        has=["^export shown"],
        lacks=["absent"],
    ),
    Case(
        "export-if-defined-of-undefined",
        {"a.s": func("_start", "() -> ()", "call f") + extern("f")},
        "a.o --export-if-defined=f --allow-undefined",
        lacks=["^export f"],
    ),
    Case(
        "export-twice",
        {"a.s": LIBRARY},
        "a.o --export=shown --export=shown --export-if-defined=shown",
        has=["^export shown"],
    ),
    Case(
        "export-all",
        {"a.s": LIBRARY},
        "a.o --export-all",
        has=["^export shown", "^export soft", "^export __heap_base", "^export secret"],
        lacks=["^export own"],
    ),
    Case("export-all-no-gc", {"a.s": LIBRARY}, "a.o --export-all --no-gc-sections", has=["^export value"]),
    Case(
        "export-all-archive",
        {"a.s": START, "lib.a": Archive({"b.s": func("f") + func("g"), "c.s": func("h")})},
        "a.o lib.a --export-all -u f",
        has=["^export g"],
        lacks=["^export h"],
    ),
    Case(
        "export-all-stack-pointer",
        {
            "a.s": ".globaltype __stack_pointer, i32\n"
            + func("_start", "() -> ()", "global.get __stack_pointer", "drop")
            + FEATURE
        },
        "a.o --export-all",
        has=["^export __stack_pointer"],
    ),
    Case(
        "export-all-stack-pointer-no-feature",
        {
            "a.s": ".globaltype __stack_pointer, i32\n"
            + func("_start", "() -> ()", "global.get __stack_pointer", "drop")
        },
        "a.o --export-all",
    ),
    Case(
        "export-dynamic",
        {"a.s": LIBRARY},
        "a.o --export-dynamic",
        has=["^export shown", "^export value"],
        lacks=["^export secret", "^export own"],
    ),
    Case("export-dynamic-E", {"a.s": LIBRARY}, "a.o -E", has=["^export shown"]),
    Case("no-export-dynamic", {"a.s": LIBRARY}, "a.o -E --no-export-dynamic", lacks=["^export shown"]),
    Case(
        "export-name",
        {"a.s": START + func("f") + ".export_name f, one\n"},
        "a.o",
        has=["^export one func f"],
        lacks=["^export f "],
    ),
    Case("export-name-and-export", {"a.s": START + func("f") + ".export_name f, one\n"}, "a.o --export=f"),
    Case("export-name-and-all", {"a.s": START + func("f") + ".export_name f, one\n"}, "a.o --export-all"),
    Case(
        "export-name-c",
        {"a.c": '__attribute__((export_name("one"))) int f(void) { return 1; }\nvoid _start(void) {}\n'},
        "a.o",
        calls={"one()": 1},
    ),
    Case(
        "export-used-attribute",
        {
            "a.c": "__attribute__((used)) int f(void) { return 1; }\n"
            "__attribute__((used)) static int local(void) { return 2; }\n"
            "void _start(void) {}\n"
        },
        "a.o",
    ),
    Case(
        "export-used-attribute-dynamic",
        {
            "a.c": "__attribute__((used)) int f(void) { return 1; }\n"
            "__attribute__((used)) static int local(void) { return 2; }\n"
            "void _start(void) {}\n"
        },
        "a.o -E",
    ),
    Case(
        "export-visibility-c",
        {
            "a.c": '__attribute__((visibility("default"))) int f(void) { return 1; }\n'
            '__attribute__((visibility("hidden"))) int g(void) { return 2; }\n'
            '__attribute__((visibility("protected"))) int h(void) { return 2; }\nvoid _start(void) {}\n'
        },
        "a.o -E",
    ),
    Case(
        "export-of-import-name",
        {
            "a.s": START
            + func("run", "() -> ()", "call f")
            + extern("f")
            + ".import_module f, host\n.import_name f, log\n"
        },
        "a.o --export=run --export=f",
        exit=1,
        says=["not found: f"],
    ),
    Case(
        "export-import-with-export-name",
        {
            "a.s": func("_start", "() -> ()", "call f")
            + extern("f")
            + ".import_module f, host\n.import_name f, log\n.export_name f, back\n"
        },
        "a.o",
    ),
    Case(
        "export-global-mutable",
        {"a.s": MUTABLE_DEFINED},
        "a.o --export=g",
        exit=1,
        says=["mutable global exported but 'mutable-globals' feature not present"],
    ),
    Case(
        "export-global-mutable-unchecked",
        {"a.s": MUTABLE_DEFINED},
        "a.o --export=g --no-check-features",
        has=["^export g global"],
    ),
    Case(
        "export-global-mutable-feature",
        {"a.s": MUTABLE_DEFINED + FEATURE},
        "a.o --export=g --export=c",
        has=["^export g global", "^export c global"],
    ),
    Case("export-global-constant", {"a.s": MUTABLE_DEFINED}, "a.o --export=c", has=["^export c global"]),
    Case(
        "export-table",
        {
            "a.s": "# flags: -mcpu=mvp+reference_types\n.tabletype t, funcref\n"
            + func("_start", "() -> ()", "table.size t", "drop")
            + ".globl t\nt:\n"
        },
        "a.o --export=t",
        has=["^export t table"],
    ),
    Case(
        "export-tag",
        {
            "a.s": "# flags: -mcpu=mvp+exception_handling\n.tagtype e i32\n"
            + func("_start", "() -> ()", "i32.const 1", "throw e")
            + ".globl e\ne:\n"
        },
        "a.o --export=e",
        has=["^export e tag"],
    ),
    Case(
        "export-alias-all",
        {"a.c": 'int f(void) { return 6; }\nint g(void) __attribute__((alias("f")));\nvoid _start(void) {}\n'},
        "a.o --export-all",
    ),
    Case(
        "export-linker-symbols",
        {"a.s": START + data("x", ".int32 1")},
        "a.o --export=__heap_base --export=__data_end "
        "--export=__heap_end --export=__stack_low "
        "--export=__stack_high --export=__global_base "
        "--export=__dso_handle --export=x",
    ),
    Case(
        "export-linker-functions",
        {"a.s": START},
        "a.o --export=__wasm_call_ctors",
        has=["^export __wasm_call_ctors func"],
    ),
    Case(
        "export-comdat-loser",
        {
            f"{n}.s": '.section .text.f,"G",@,f,comdat\n'
            ".weak f\n"
            ".type f,@function\n"
            "f:\n"
            ".functype f () -> ()\n"
            "end_function\n" + m
            for n, m in (("a", START), ("b", ""))
        },
        "a.o b.o --export=f",
    ),
    Case("memory-named", {"a.s": START}, "a.o --export-memory=ram", has=["^export ram memory"]),
    Case("memory-exported-default", {"a.s": START}, "a.o --export-memory", has=["^export memory memory"]),
    Case(
        "memory-imported",
        {"a.s": START},
        "a.o --import-memory",
        has=["^import env.memory memory"],
        lacks=["^export memory"],
    ),
    Case("memory-imported-named", {"a.s": START}, "a.o --import-memory=host,ram", has=["^import host.ram memory"]),
    Case("memory-imported-badly", {"a.s": START}, "a.o --import-memory=host", has=[]),
    Case(
        "memory-imported-and-exported",
        {"a.s": START},
        "a.o --import-memory=host,ram --export-memory=out",
        has=["^import host.ram", "^export out"],
    ),
    Case("memory-imported-max", {"a.s": START}, "a.o --import-memory --max-memory=1048576"),
    Case("table-none", {"a.s": START}, "a.o", lacks=["^table"]),
    Case(
        "table-addresses",
        {"a.s": TABLE},
        EXPORT_TABLE,
        has=[r"^table funcref \[3, 3\]", r"\(i32.const 1\): f2\[\d\], f0"],
        calls={"run(1)": 22, "run(2)": 0, "run(0)": "trap"},
    ),
    Case(
        "table-addresses-in-data",
        {"a.s": TABLE + data("p", ".int32 f1", ".int32 f2", size=8)},
        EXPORT_TABLE + " --export=p",
    ),
    Case(
        "table-exported",
        {"a.s": TABLE},
        EXPORT_TABLE + " --export-table",
        has=["^export __indirect_function_table table"],
    ),
    Case("table-exported-empty", {"a.s": START}, "a.o --export-table", has=["^export __indirect_function_table table"]),
    Case(
        "table-imported",
        {"a.s": TABLE},
        EXPORT_TABLE + " --import-table",
        has=["^import env.__indirect_function_table table funcref"],
    ),
    Case("table-imported-empty", {"a.s": START}, "a.o --import-table"),
    Case(
        "table-imported-and-exported",
        {"a.s": TABLE},
        EXPORT_TABLE + " --import-table --export-table",
        exit=1,
        says=["--import-table and --export-table may not be used together"],
    ),
    Case("table-growable", {"a.s": TABLE}, EXPORT_TABLE + " --growable-table", has=[r"^table funcref \[3, -\]"]),
    Case("table-growable-imported", {"a.s": TABLE}, EXPORT_TABLE + " --growable-table --import-table"),
    Case("table-growable-exported", {"a.s": TABLE}, EXPORT_TABLE + " --growable-table --export-table"),
    Case(
        "table-base",
        {"a.s": TABLE},
        EXPORT_TABLE + " --table-base=100",
        has=[r"^table funcref \[102, 102\]", r"\(i32.const 100\)"],
        calls={"run(100)": 22},
    ),
    Case("table-base-zero", {"a.s": TABLE}, EXPORT_TABLE + " --table-base=0"),
    Case("table-base-empty", {"a.s": START}, "a.o --table-base=5 --export-table"),
    Case(
        "table-same-function-from-two-objects",
        {
            "a.s": TABLE,
            "b.s": func("more", "() -> ()", "i32.const f1", "drop", "i32.const f2", "drop")
            + extern("f1", "() -> (i32)")
            + extern("f2", "() -> (i32)"),
        },
        EXPORT_TABLE + " b.o --export=more",
    ),
    Case(
        "table-call-indirect-only",
        {"a.s": START + func("run", "(i32) -> (i32)", "local.get 0", "call_indirect () -> (i32)")},
        "a.o --export=run",
    ),
    Case(
        "table-call-indirect-reference-types",
        {
            "a.s": "# flags: -mcpu=mvp+reference_types\n"
            + ".tabletype __indirect_function_table, funcref\n"
            + START
            + func("run", "(i32) -> (i32)", "local.get 0", "call_indirect __indirect_function_table, () -> (i32)")
        },
        "a.o --export=run",
        has=["^table"],
    ),
    Case(
        "table-weak-undefined",
        {"a.s": START + func("run", "() -> (i32)", "i32.const f") + extern("f", "() -> ()", "weak")},
        "a.o --export=run",
        calls={"run()": 0},
    ),
    Case(
        "table-import-address",
        {"a.s": START + func("run", "() -> (i32)", "i32.const f") + extern("f")},
        "a.o --export=run --allow-undefined",
        has=["element.*env.f"],
    ),
    Case(
        "two-tables",
        {
            "a.s": "# flags: -mcpu=mvp+reference_types\n.tabletype t, externref\n"
            + func("_start", "() -> ()", "table.size t", "drop", "i32.const _start", "drop")
            + ".globl t\nt:\n"
        },
        "a.o",
        has=["table externref", "table funcref"],
    ),
]
