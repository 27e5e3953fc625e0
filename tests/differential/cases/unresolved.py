"""Names that nothing defines, under every policy."""

from tests.differential.asm import START, data, extern, func
from tests.differential.harness import TRAP, Archive, Case

CALLS = (
    func("_start", "() -> ()", "call f")
    + func("run", "() -> (i32)", "i32.const 4", "call g")
    + extern("f")
    + extern("g", "(i32) -> (i32)")
)
ADDRESS = START + func("run", "() -> (i32)", "i32.const f") + extern("f")
DATA = START + func("run", "() -> (i32)", "i32.const x")
POINTER = START + func("run", "() -> (i32)", "i32.const 0", "i32.load p") + data("p", ".int32 x")
GLOBAL = ".globaltype g, i32\n" + START + func("run", "() -> (i32)", "global.get g")
TABLE = (
    "# flags: -mcpu=mvp+reference_types\n.tabletype t, funcref\n" + START + func("run", "() -> (i32)", "table.size t")
)
TAG = (
    "# flags: -mcpu=mvp+exception_handling\n.tagtype e i32\n"
    + START
    + func("run", "() -> ()", "i32.const 1", "throw e")
)
KINDS = {
    "calls": CALLS,
    "address": ADDRESS,
    "data": DATA,
    "pointer": POINTER,
    "global": GLOBAL,
    "table": TABLE,
    "tag": TAG,
}
POLICIES = {
    "report": "",
    "allow": "--allow-undefined",
    "import": "--import-undefined",
    "ignore": "--unresolved-symbols=ignore-all",
    "warn": "--warn-unresolved-symbols",
}


def policy_case(kind: str, policy: str) -> Case:
    """What a policy makes of a reference. Where wasm-ld has no index it writes one of all ones: no valid module."""
    fails = (
        policy == "report"
        or (policy == "import" and kind not in ("calls", "address"))
        or (kind, policy) == ("global", "allow")
    )
    missing = kind in ("global", "table", "tag") and policy in ("ignore", "warn")
    return Case(
        f"{kind}-{policy}",
        {"a.s": KINDS[kind]},
        f"a.o --export=run {POLICIES[policy]}",
        exit=int(fails),
        says=["mutable-globals" if (kind, policy) == ("global", "allow") else "undefined symbol: "]
        if fails or policy == "warn"
        else (),
        validate=not missing,
    )


CASES = [
    *(policy_case(kind, policy) for kind in KINDS for policy in POLICIES),
    Case(
        "global-allow-unchecked",
        {"a.s": GLOBAL},
        "a.o --export=run --allow-undefined --no-check-features",
        has=["^import env.g global mut i32"],
    ),
    Case("dead-code-names-nothing", {"a.s": START + func("dead", "() -> ()", "call f") + extern("f")}, "a.o"),
    Case(
        "dead-code-no-gc",
        {"a.s": START + func("dead", "() -> ()", "call f") + extern("f")},
        "a.o --no-gc-sections",
        exit=1,
        says=["undefined symbol: f"],
    ),
    Case(
        "debug-reference-never-counts",
        {
            "a.c": "// flags: -g\n"
            "extern int x; static int *p = &x; void f(void); void (*q)(void) = f;\n"
            "void _start(void) {}\n"
        },
        "a.o",
    ),
    Case(
        "debug-reference-never-counts-no-gc",
        {
            "a.s": START
            + '.section .debug_info,"",@\n.int32 missing\n.int32 absent\n.size missing, 4\n'
            + extern("absent")
        },
        "a.o",
    ),
    Case(
        "entry-missing",
        {"a.s": func("f")},
        "a.o",
        exit=1,
        says=["entry symbol not defined (pass --no-entry to suppress): _start"],
    ),
    Case(
        "entry-missing-named",
        {"a.s": func("f")},
        "a.o --entry=go --export=f",
        exit=1,
        says=["entry symbol not defined (pass --no-entry to suppress): go"],
    ),
    Case("entry-missing-allow", {"a.s": func("f")}, "a.o --allow-undefined", exit=1),
    Case("entry-undefined", {"a.s": func("f", "() -> ()", "call _start") + extern("_start")}, "a.o --export=f", exit=1),
    Case(
        "entry-undefined-allow",
        {"a.s": func("f", "() -> ()", "call _start") + extern("_start")},
        "a.o --export=f --allow-undefined",
        exit=1,
    ),
    Case("entry-is-data", {"a.s": data("_start", ".int32 1")}, "a.o"),
    Case("entry-has-arguments", {"a.s": func("_start", "(i32) -> (i32)", "local.get 0")}, "a.o"),
    Case(
        "export-missing", {"a.s": START}, "a.o --export=f", exit=1, says=["symbol exported via --export not found: f"]
    ),
    Case(
        "export-missing-twice",
        {"a.s": START},
        "a.o --export=f --export=g",
        exit=1,
        says=["not found: f", "not found: g"],
    ),
    Case(
        "export-missing-warn",
        {"a.s": START},
        "a.o --export=f --warn-unresolved-symbols",
        says=["warning: symbol exported via --export not found: f"],
    ),
    Case("export-missing-ignore", {"a.s": START}, "a.o --export=f --unresolved-symbols=ignore-all"),
    Case("export-missing-allow", {"a.s": START}, "a.o --export=f --allow-undefined"),
    Case("export-missing-import", {"a.s": START}, "a.o --export=f --import-undefined", exit=1),
    Case(
        "export-of-undefined",
        {"a.s": func("_start", "() -> ()", "call f") + extern("f")},
        "a.o --export=f --allow-undefined",
    ),
    Case(
        "allow-undefined-file",
        {"a.s": CALLS, "ok.txt": "# comment\nf\n\n  g  \n"},
        "a.o --allow-undefined-file=ok.txt",
        has=["^import env.f"],
    ),
    Case(
        "allow-undefined-file-all",
        {"a.s": CALLS, "ok.txt": "g\nf\n"},
        "a.o --allow-undefined-file=ok.txt --export=run",
        has=["^import env.f", "^import env.g"],
    ),
    Case(
        "allow-undefined-file-some",
        {"a.s": CALLS, "ok.txt": "f\n"},
        "a.o --allow-undefined-file=ok.txt --export=run",
        exit=1,
        says=["undefined symbol: g"],
    ),
    Case("allow-undefined-file-data", {"a.s": DATA, "ok.txt": "x\n"}, "a.o --allow-undefined-file=ok.txt --export=run"),
    Case("allow-undefined-file-missing", {"a.s": START}, "a.o --allow-undefined-file=no.txt", exit=1, says=["no.txt"]),
    Case(
        "imports-beside-library",
        {
            "a.s": func("_start", "() -> ()", "call f") + extern("f"),
            "lib/libx.a": Archive({"b.s": func("f", "() -> ()", "call host") + extern("host")}),
            "lib/libx.imports": "host\n",
        },
        "a.o -Llib -lx",
        has=["^import env.host"],
    ),
    Case(
        "imports-beside-archive-path",
        {
            "a.s": func("_start", "() -> ()", "call f") + extern("f"),
            "libx.a": Archive({"b.s": func("f", "() -> ()", "call host") + extern("host")}),
            "libx.imports": "host\n",
        },
        "a.o libx.a",
    ),
    Case(
        "warn-unresolved",
        {"a.s": CALLS},
        "a.o --export=run --warn-unresolved-symbols",
        says=["warning: a.o: undefined symbol: f"],
        calls={"_start()": TRAP, "run()": TRAP},
    ),
    Case("warn-then-error", {"a.s": CALLS}, "a.o --warn-unresolved-symbols --error-unresolved-symbols", exit=1),
    Case("warn-fatal", {"a.s": CALLS}, "a.o --warn-unresolved-symbols --fatal-warnings", exit=1),
    Case("report-all", {"a.s": CALLS}, "a.o --unresolved-symbols=report-all", exit=1),
    Case(
        "policy-unknown",
        {"a.s": START},
        "a.o --unresolved-symbols=maybe",
        exit=1,
        says=["unknown --unresolved-symbols value: maybe"],
    ),
    Case("noinhibit-exec", {"a.s": CALLS}, "a.o --noinhibit-exec", exit=1),
    Case("noinhibit-exec-data", {"a.s": DATA}, "a.o --noinhibit-exec --export=run", exit=1),
    Case("noinhibit-exec-entry", {"a.s": func("f")}, "a.o --noinhibit-exec", exit=1),
    Case(
        "ignore-called-and-addressed",
        {"a.s": func("_start", "() -> ()", "call f", "i32.const f", "drop") + extern("f")},
        "a.o --unresolved-symbols=ignore-all",
    ),
    Case(
        "ignore-addressed-and-called",
        {"a.s": func("_start", "() -> ()", "i32.const f", "drop", "call f") + extern("f")},
        "a.o --unresolved-symbols=ignore-all",
    ),
    Case(
        "ignore-same-types-share",
        {
            "a.s": func("_start", "() -> ()", "call f", "call g", "call h") + extern("f") + extern("g") + extern("h"),
            "b.s": func("other", "() -> ()", "i32.const f", "drop", "i32.const k", "drop") + extern("f") + extern("k"),
        },
        "a.o b.o --export=other --unresolved-symbols=ignore-all",
    ),
    Case(
        "ignore-same-types-addressed",
        {
            "a.s": func("_start", "() -> ()", "i32.const f", "drop", "i32.const g", "drop", "call f", "call g")
            + extern("f")
            + extern("g")
        },
        "a.o --unresolved-symbols=ignore-all -Map=out.map",
    ),
    Case(
        "ignore-same-types-mixed",
        {
            "a.s": func("_start", "() -> ()", "call f", "i32.const g", "drop", "i32.const h", "drop", "call h")
            + extern("f")
            + extern("g")
            + extern("h")
        },
        "a.o --unresolved-symbols=ignore-all -Map=out.map",
    ),
    Case(
        "ignore-addressed-in-data-and-called",
        {"a.s": data("p", ".int32 f") + func("_start", "() -> ()", "i32.const p", "drop", "call f") + extern("f")},
        "a.o --unresolved-symbols=ignore-all",
    ),
    Case(
        "hidden-undefined",
        {"a.s": func("_start", "() -> ()", "call f") + extern("f", "() -> ()", "hidden")},
        "a.o --allow-undefined",
    ),
    Case(
        "undefined-with-import-module",
        {"a.s": func("_start", "() -> ()", "call f") + extern("f") + ".import_module f, host\n"},
        "a.o",
        exit=1,
        says=["undefined symbol: f"],
    ),
    Case(
        "undefined-with-import-module-allowed",
        {"a.s": func("_start", "() -> ()", "call f") + extern("f") + ".import_module f, host\n"},
        "a.o --allow-undefined",
    ),
    Case(
        "undefined-with-import-name",
        {"a.s": func("_start", "() -> ()", "call f") + extern("f") + ".import_name f, other\n"},
        "a.o",
    ),
    Case(
        "undefined-in-two-objects",
        {
            "a.s": func("_start", "() -> ()", "call f", "call h") + extern("f") + extern("h"),
            "b.s": func("h", "() -> ()", "call f", "call g") + extern("f") + extern("g"),
        },
        "a.o b.o",
        exit=1,
        says=["b.o: undefined symbol: f"],
    ),
    Case(
        "undefined-in-archive-member",
        {
            "a.s": func("_start", "() -> ()", "call h") + extern("h"),
            "lib.a": Archive({"b.s": func("h", "() -> ()", "call f") + extern("f")}),
        },
        "a.o lib.a",
        exit=1,
        says=["lib.a(b.o): undefined symbol: f"],
    ),
    Case(
        "error-limit",
        {
            "a.s": func("_start", "() -> ()", *(f"call f{i}" for i in range(30)))
            + "".join(extern(f"f{i}") for i in range(30))
        },
        "a.o",
        exit=1,
        says=["too many errors emitted, stopping now"],
    ),
    Case(
        "error-limit-3",
        {
            "a.s": func("_start", "() -> ()", *(f"call f{i}" for i in range(30)))
            + "".join(extern(f"f{i}") for i in range(30))
        },
        "a.o --error-limit=3",
        exit=1,
    ),
    Case(
        "error-limit-0",
        {
            "a.s": func("_start", "() -> ()", *(f"call f{i}" for i in range(30)))
            + "".join(extern(f"f{i}") for i in range(30))
        },
        "a.o --error-limit=0",
        exit=1,
        says=["f29"],
    ),
]
