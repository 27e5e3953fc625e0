"""What is kept and what is dropped."""

from tests.differential.asm import START, data, extern, func
from tests.differential.harness import Archive, Case

INIT = '.section .init_array{suffix},"",@\n.p2align 2\n.int32 {name}\n'


def constructor(name: str, *body: str, priority: str = "", flags: str = "") -> str:
    """A function that runs at start-up."""
    return func(name, "() -> ()", *body, flags=flags) + INIT.format(suffix=priority and f".{priority}", name=name)


DEAD = (
    func("dead", "() -> ()", "call deader", "i32.const dead_data", "drop")
    + func("deader")
    + data("dead_data", ".int32 1")
    + data("dead_zero", ".skip 4", section=".bss.dead_zero")
)

CASES = [
    Case("unreferenced", {"a.s": START + DEAD}, "a.o", lacks=["dead"]),
    Case("no-gc", {"a.s": START + DEAD}, "a.o --no-gc-sections", has=["func dead", "func deader", "data .data"]),
    Case("gc-last-wins", {"a.s": START + DEAD}, "a.o --no-gc-sections --gc-sections", lacks=["dead"]),
    Case(
        "print-gc-sections",
        {
            "a.s": START + DEAD,
            "b.s": DEAD.replace("dead", "gone"),
            "lib.a": Archive({"c.s": func("f") + func("unused")}),
        },
        "a.o b.o lib.a --print-gc-sections --export=f",
        says=["removing unused section a.o:(dead)", "lib.a(c.o):(unused)"],
    ),
    Case(
        "print-gc-sections-undefined-and-globals",
        {
            "a.s": ".globaltype g, i32\n"
            + START
            + func("dead", "() -> ()", "call missing", "global.get g", "drop")
            + extern("missing")
            + ".globl g\ng:\n"
        },
        "a.o --print-gc-sections",
        says=["removing unused section a.o:(dead)"],
    ),
    Case("print-no-gc", {"a.s": START + DEAD}, "a.o --print-gc-sections --no-gc-sections"),
    Case(
        "through-functions-and-data",
        {
            "a.s": func("_start", "() -> ()", "call f") + extern("f"),
            "b.s": func("f", "() -> ()", "i32.const p", "drop")
            + data("p", ".int32 g", ".int32 q+4", size=8)
            + data("q", ".int64 7", size=8)
            + func("g")
            + data("unused", ".int32 9"),
        },
        "a.o b.o",
        has=["func g", "element"],
        lacks=["unused"],
    ),
    Case("export-is-root", {"a.s": START + DEAD}, "a.o --export=dead", has=["func deader"]),
    Case("export-name-is-root", {"a.s": START + func("f") + ".export_name f, out\n"}, "a.o", has=["export out func f"]),
    Case("entry-other", {"a.s": START + func("go")}, "a.o --entry=go", has=["^export go"], lacks=["_start"]),
    Case("entry-short", {"a.s": START + func("go")}, "a.o -e go", has=["^export go"]),
    Case("no-entry", {"a.s": START + func("go")}, "a.o --no-entry --export=go", lacks=["_start"]),
    Case("no-entry-nothing", {"a.s": START}, "a.o --no-entry", lacks=["^func"]),
    Case(
        "retained-segment",
        {"a.s": START + data("keep", ".int32 5", segment="R", flags="") + data("drop", ".int32 6")},
        "a.o",
        has=[r"data .data .*\\x05"],
        lacks=[r"\\x06"],
    ),
    Case(
        "retained-segment-references",
        {"a.s": START + data("keep", ".int32 f", segment="R", flags="") + func("f")},
        "a.o",
        has=["func f"],
    ),
    Case(
        "retained-segment-in-archive-not-extracted",
        {"a.s": START, "lib.a": Archive({"b.s": data("keep", ".int32 5", segment="R") + func("f")})},
        "a.o lib.a",
        lacks=["^data"],
    ),
    Case(
        "retained-segment-in-archive-extracted-but-dead",
        {
            "a.s": START + func("dead", "() -> ()", "call f") + extern("f"),
            "lib.a": Archive({"b.s": data("keep", ".int32 5", segment="R") + func("f")}),
        },
        "a.o lib.a",
    ),
    Case(
        "retained-segment-in-archive-live",
        {
            "a.s": func("_start", "() -> ()", "call f") + extern("f"),
            "lib.a": Archive({"b.s": data("keep", ".int32 5", segment="R") + func("f")}),
        },
        "a.o lib.a",
        has=["^data"],
    ),
    Case(
        "retained-segment-in-object-with-nothing-live",
        {"a.s": START, "b.s": data("keep", ".int32 5", segment="R") + func("f")},
        "a.o b.o",
        has=["^data"],
    ),
    Case(
        "no-dead-strip",
        {"a.s": START + func("f", extra=".no_dead_strip f") + data("d", ".int32 3") + ".no_dead_strip d\n"},
        "a.o",
        has=["func f", "^data"],
    ),
    Case(
        "no-dead-strip-in-archive-dead",
        {
            "a.s": START + func("dead", "() -> ()", "call g") + extern("g"),
            "lib.a": Archive({"b.s": func("f", extra=".no_dead_strip f") + func("g")}),
        },
        "a.o lib.a",
    ),
    Case("constructor-in-object", {"a.s": START, "b.s": constructor("init")}, "a.o b.o", has=["func init"]),
    Case(
        "constructor-in-dead-archive-member",
        {
            "a.s": START + func("dead", "() -> ()", "call f") + extern("f"),
            "lib.a": Archive({"b.s": constructor("init") + func("f")}),
        },
        "a.o lib.a",
    ),
    Case(
        "constructor-in-live-archive-member",
        {
            "a.s": func("_start", "() -> ()", "call f") + extern("f"),
            "lib.a": Archive({"b.s": constructor("init") + func("f")}),
        },
        "a.o lib.a",
        has=["func init"],
    ),
    Case(
        "constructor-keeps-what-it-uses",
        {"a.s": START, "b.s": constructor("init", "call f", "i32.const d", "drop") + func("f") + data("d", ".int32 1")},
        "a.o b.o",
        has=["func f", "^data"],
    ),
    Case(
        "constructor-makes-member-live",
        {
            "a.s": START + constructor("init", "call f") + extern("f"),
            "lib.a": Archive({"b.s": constructor("init2") + func("f")}),
        },
        "a.o lib.a",
        has=["func init2"],
    ),
    Case(
        "whole-archive-constructors",
        {"a.s": START, "lib.a": Archive({"b.s": constructor("init") + func("f")})},
        "a.o --whole-archive lib.a",
        has=["func f|func _start"],
    ),
    Case(
        "start-stop",
        {
            "a.s": func("_start", "() -> ()", "i32.const __start_items", "i32.const __stop_items", "drop", "drop")
            + data("one", ".int32 1", section="items", flags="", segment="R"),
            "b.s": data("two", ".int32 2", section="items", flags="", segment="R"),
        },
        "a.o b.o",
        has=[r"data items"],
    ),
    Case(
        "start-only",
        {
            "a.s": func("_start", "() -> ()", "i32.const __start_items", "drop")
            + data("one", ".int32 1", section="items", flags="", segment="R"),
            "b.s": data("two", ".int32 2", section="items", flags="", segment="R"),
        },
        "a.o b.o",
    ),
    Case(
        "stop-only-archive",
        {
            "a.s": func("_start", "() -> ()", "i32.const __stop_items", "drop")
            + data("one", ".int32 1", section="items", flags="", segment="R"),
            "lib.a": Archive({"b.s": data("two", ".int32 2", section="items", flags="", segment="R") + func("f")}),
        },
        "a.o lib.a -u f",
    ),
    Case(
        "start-stop-does-not-retain",
        {
            "a.s": func("_start", "() -> ()", "i32.const __start_items", "drop")
            + data("one", ".int32 1", section="items")
        },
        "a.o",
        exit=1,
        says=["a.o: undefined symbol: __start_items"],
    ),
    Case(
        "start-stop-of-referenced",
        {
            "a.s": func("_start", "() -> ()", "i32.const __start_items", "i32.const one", "drop", "drop")
            + data("one", ".int32 1", section="items")
            + data("two", ".int32 2", section="items")
        },
        "a.o",
    ),
    Case(
        "start-of-nothing",
        {"a.s": func("_start", "() -> ()", "i32.const __start_items", "drop")},
        "a.o",
        exit=1,
        says=["undefined symbol: __start_items"],
    ),
    Case(
        "start-of-nothing-weak",
        {"a.s": ".weak __start_items\n" + func("_start", "() -> ()", "i32.const __start_items", "drop")},
        "a.o",
    ),
    Case(
        "start-stop-from-data",
        {
            "a.s": func("_start", "() -> ()", "i32.const ends", "drop")
            + data("ends", ".int32 __start_items", ".int32 __stop_items", size=8)
            + data("one", ".int32 1", section="items", flags="", segment="R")
        },
        "a.o",
        has=["data items"],
    ),
    Case(
        "start-stop-not-c-name",
        {
            "a.s": func("_start", "() -> ()", "i32.const one", "drop")
            + data("one", ".int32 1", section=".items", flags="")
            + data("two", ".int32 2", section=".items", flags="")
        },
        "a.o",
    ),
    Case(
        "section-without-references",
        {"a.s": START + data("one", ".int32 1", section="items", flags="")},
        "a.o",
        lacks=["^data"],
    ),
    Case(
        "start-stop-exported",
        {"a.s": START + data("one", ".int32 1", section="items", flags="", segment="R")},
        "a.o --export=__start_items --export=__stop_items --no-gc-sections",
        exit=0,
    ),
    Case(
        "unused-import",
        {"a.s": START + func("dead", "() -> ()", "call ext") + extern("ext") + ".import_module ext, host\n"},
        "a.o",
        lacks=["^import"],
    ),
    Case(
        "unused-global-table-tag",
        {
            "a.s": ".globaltype g, i32\n.tabletype t, funcref\n.tagtype e i32\n"
            + START
            + ".globl g\ng:\n.globl t\nt:\n.globl e\ne:\n"
        },
        "a.o",
        lacks=["^table", "^tag"],
    ),
    Case(
        "unused-global-table-tag-no-gc",
        {
            "a.s": ".globaltype g, i32\n.tabletype t, funcref\n.tagtype e i32\n"
            + START
            + ".globl g\ng:\n.globl t\nt:\n.globl e\ne:\n"
        },
        "a.o --no-gc-sections",
    ),
    Case(
        "used-global",
        {"a.s": ".globaltype g, i64\n" + func("_start", "() -> ()", "i64.const 3", "global.set g") + ".globl g\ng:\n"},
        "a.o",
        has=["global g"],
    ),
    Case(
        "used-table",
        {
            "a.s": "# flags: -mcpu=mvp+reference_types\n.tabletype t, externref\n"
            + func("_start", "() -> ()", "table.size t", "drop")
            + ".globl t\nt:\n"
        },
        "a.o",
        has=["^table externref"],
    ),
    Case(
        "used-tag",
        {
            "a.s": "# flags: -mcpu=mvp+exception_handling\n.tagtype e i32\n"
            + func("_start", "() -> ()", "i32.const 1", "throw e")
            + ".globl e\ne:\n"
        },
        "a.o",
        has=["^tag"],
    ),
]
