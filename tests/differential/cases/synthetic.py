"""Functions that the linker writes: constructors, command exports, stubs; and the start section."""

from tests.differential.asm import START, data, extern, func
from tests.differential.cases.liveness import constructor
from tests.differential.harness import Archive, Case

LOG = extern("log", "(i32) -> ()")


def says(name: str, number: int, priority: str = "") -> str:
    return constructor(name, f"i32.const {number}", "call log", priority=priority)


RUN = func("run", "() -> (i32)", "i32.const 9")
CALL = ["call __wasm_call_ctors"]
CTORS = extern("__wasm_call_ctors")
DESTRUCTORS = "#include <stddef.h>\n"

CASES = [
    Case("none-needed", {"a.s": START}, "a.o", lacks=["__wasm_call_ctors"]),
    Case(
        "called-but-empty",
        {"a.s": func("_start", "() -> ()", *CALL) + CTORS},
        "a.o",
        has=["func __wasm_call_ctors.*= 00 0b"],
    ),
    Case(
        "priority-order",
        {
            "a.s": func("_start", "() -> ()", *CALL)
            + CTORS
            + LOG
            + says("c", 3, "300")
            + says("a", 1, "1")
            + says("z", 9)
            + says("b", 2, "20")
        },
        "a.o --allow-undefined",
        calls={"_start()": None},
        heard=["env.log(1,)", "env.log(2,)", "env.log(3,)", "env.log(9,)"],
    ),
    Case(
        "priority-across-objects",
        {
            "a.s": func("_start", "() -> ()", *CALL) + CTORS + LOG + says("c", 3, "300") + says("z", 9),
            "b.s": LOG + says("a", 1, "1") + says("y", 8) + says("c2", 4, "300"),
        },
        "b.o a.o --allow-undefined",
        calls={"_start()": None},
        heard=["env.log(1,)", "env.log(4,)", "env.log(3,)", "env.log(8,)", "env.log(9,)"],
    ),
    Case(
        "results-are-dropped",
        {
            "a.s": func("_start", "() -> ()", *CALL)
            + CTORS
            + func("init", "() -> (i32)", "i32.const 1", flags="")
            + '.section .init_array,"",@\n.p2align 2\n.int32 init\n'
        },
        "a.o",
        has=["func __wasm_call_ctors.* 1a 0b"],
        calls={"_start()": None},
    ),
    Case(
        "constructor-with-arguments",
        {
            "a.s": func("_start", "() -> ()", *CALL)
            + CTORS
            + func("init", "(i32) -> ()", flags="")
            + '.section .init_array,"",@\n.p2align 2\n.int32 init\n'
        },
        "a.o",
        exit=1,
        says=["constructor functions cannot take arguments: init"],
    ),
    Case(
        "undefined-constructor",
        {
            "a.s": func("_start", "() -> ()", *CALL)
            + CTORS
            + extern("init")
            + '.section .init_array,"",@\n.p2align 2\n.int32 init\n'
        },
        "a.o --allow-undefined",
    ),
    Case(
        "command-exports",
        {"a.s": START + RUN + LOG + says("init", 1)},
        "a.o --export=run --allow-undefined",
        has=["^export run func run.command_export"],
        calls={"run()": 9},
        heard=["env.log(1,)"],
    ),
    Case(
        "command-exports-with-destructors",
        {"a.s": START + RUN + LOG + says("init", 1) + func("__wasm_call_dtors", "() -> ()", "i32.const 2", "call log")},
        "a.o --export=run --allow-undefined",
        has=["run.command_export"],
        calls={"run()": 9},
        heard=["env.log(1,)", "env.log(2,)"],
    ),
    Case(
        "command-exports-lazy-destructors",
        {
            "a.s": START + RUN + LOG + says("init", 1),
            "lib.a": Archive({"b.s": LOG + func("__wasm_call_dtors", "() -> ()", "i32.const 2", "call log")}),
        },
        "a.o lib.a --export=run --allow-undefined",
    ),
    Case(
        "destructors-without-constructors",
        {"a.s": START + RUN + LOG + func("__wasm_call_dtors", "() -> ()", "i32.const 2", "call log")},
        "a.o --export=run --allow-undefined",
    ),
    Case(
        "destructors-without-constructors-live",
        {
            "a.s": func("_start", "() -> ()", "call __wasm_call_dtors")
            + RUN
            + LOG
            + func("__wasm_call_dtors", "() -> ()", "i32.const 2", "call log")
        },
        "a.o --export=run --allow-undefined",
    ),
    Case(
        "command-exports-with-arguments",
        {
            "a.s": START
            + func("add", "(i32, i64) -> (i32)", "local.get 0", "local.get 1", "i32.wrap_i64", "i32.add")
            + LOG
            + says("init", 1)
        },
        "a.o --export=add --allow-undefined",
        has=["add.command_export"],
        calls={"add(2, 3)": 5},
    ),
    Case(
        "command-exports-not-when-called",
        {"a.s": func("_start", "() -> ()", *CALL) + CTORS + RUN + LOG + says("init", 1)},
        "a.o --export=run --allow-undefined",
        lacks=["command_export"],
    ),
    Case(
        "command-exports-not-when-called-from-dead-code",
        {"a.s": START + func("dead", "() -> ()", *CALL) + CTORS + RUN + LOG + says("init", 1)},
        "a.o --export=run --allow-undefined",
    ),
    Case(
        "command-exports-not-when-exported",
        {"a.s": START + RUN + LOG + says("init", 1)},
        "a.o --export=run --export=__wasm_call_ctors --allow-undefined",
        lacks=["command_export"],
    ),
    Case(
        "reactor",
        {"a.s": func("_initialize", "() -> ()", *CALL) + CTORS + RUN + LOG + says("init", 1)},
        "a.o --entry=_initialize --export=run --allow-undefined",
        has=["^export _initialize"],
        lacks=["command_export"],
        calls={"_initialize()": None, "run()": 9},
        heard=["env.log(1,)"],
    ),
    Case(
        "reactor-that-calls-nothing",
        {"a.s": func("_initialize", "() -> ()") + RUN + LOG + says("init", 1)},
        "a.o --entry=_initialize --export=run --allow-undefined",
    ),
    Case(
        "no-entry-constructors",
        {"a.s": RUN + LOG + says("init", 1)},
        "a.o --no-entry --export=run --allow-undefined",
        has=["run.command_export"],
    ),
    Case(
        "no-entry-initialize-exported",
        {"a.s": func("_initialize", "() -> ()", *CALL) + CTORS + RUN + LOG + says("init", 1)},
        "a.o --no-entry --export=run --export=_initialize --allow-undefined",
    ),
    Case(
        "command-exports-export-name",
        {"a.s": START + RUN + ".export_name run, other\n" + LOG + says("init", 1)},
        "a.o --allow-undefined",
        has=["^export other func run.command_export"],
    ),
    Case(
        "command-exports-twice",
        {"a.s": START + RUN + ".export_name run, other\n" + LOG + says("init", 1)},
        "a.o --allow-undefined --export=run",
    ),
    Case(
        "command-exports-alias",
        {
            "a.c": "void log(int); int f(void) { return 6; }\n"
            'int g(void) __attribute__((alias("f")));\n'
            "void _start(void) {}\n"
            "__attribute__((constructor)) void init(void) { log(1); }\n"
        },
        "a.o --allow-undefined --export=f --export=g",
        calls={"f()": 6, "g()": 6},
    ),
    Case(
        "command-exports-addressed",
        {"a.s": START + RUN + func("address", "() -> (i32)", "i32.const run") + LOG + says("init", 1)},
        "a.o --export=run --export=address --allow-undefined",
    ),
    Case(
        "command-exports-of-import",
        {
            "a.s": START
            + func("use", "() -> ()", "call host")
            + extern("host")
            + ".import_module host, h\n.import_name host, host\n"
            + LOG
            + says("init", 1)
        },
        "a.o --export=use --allow-undefined --export-all",
    ),
    Case(
        "user-defined-ctors",
        {"a.s": func("_start", "() -> ()", *CALL) + func("__wasm_call_ctors", "() -> ()") + LOG + says("init", 1)},
        "a.o --allow-undefined",
        exit=1,
    ),
    Case(
        "constructor-attribute",
        {
            "a.c": "int order; __attribute__((constructor(200))) void second(void) { order = order * 10 + "
            "2; "
            "}\n"
            "__attribute__((constructor(101))) static void first(void) { order = order * 10 + 1; }\n"
            "__attribute__((constructor)) void third(void) { order = order * 10 + 3; }\n"
            "int get(void) { return order; }\n"
            "void __wasm_call_ctors(void); void _start(void) { __wasm_call_ctors(); }\n"
        },
        "a.o --export=get",
        calls={"_start()": None, "get()": 123},
    ),
    Case(
        "constructor-cpp",
        {
            "a.cpp": "struct S { int v; S(); }; int n = 4; __attribute__((noinline)) S::S() : v(n) {} S s;\n"
            'extern "C" int get() { return s.v; }\n'
            'extern "C" void __wasm_call_ctors(); extern "C" void _start() { __wasm_call_ctors(); }\n'
        },
        "a.o --export=get",
        calls={"_start()": None, "get()": 4},
    ),
    Case(
        "constructor-in-archive-runs",
        {
            "a.s": func("_start", "() -> ()", "call f", *CALL) + CTORS + extern("f"),
            "lib.a": Archive({"b.s": func("f") + LOG + says("init", 5)}),
        },
        "a.o lib.a --allow-undefined",
        calls={"_start()": None},
        heard=["env.log(5,)"],
    ),
    Case(
        "same-function-twice",
        {
            "a.s": func("_start", "() -> ()", *CALL)
            + CTORS
            + LOG
            + says("init", 1)
            + '.section .init_array.5,"",@\n.p2align 2\n.int32 init\n'
        },
        "a.o --allow-undefined",
    ),
    Case(
        "comdat-constructor",
        {
            f"{n}.s": '.section .text.f,"G",@,f,comdat\n'
            ".weak f\n"
            ".type f,@function\n"
            "f:\n"
            ".functype f () -> ()\n"
            "end_function\n"
            '.section .init_array,"G",@,f,comdat\n'
            ".p2align 2\n"
            ".int32 f\n" + m
            for n, m in (("a", func("_start", "() -> ()", *CALL) + CTORS), ("b", ""))
        },
        "a.o b.o",
    ),
    Case(
        "strip-all-stubs",
        {"a.s": func("_start", "() -> ()", "call f", *CALL) + CTORS + extern("f", "() -> ()", "weak")},
        "a.o --strip-all",
        lacks=["custom name"],
    ),
    Case(
        "data-of-constructors",
        {
            "a.s": func("_start", "() -> ()", *CALL)
            + CTORS
            + constructor("init", "i32.const d", "i32.const 5", "i32.store 0")
            + data("d", ".int32 1")
            + func("get", "() -> (i32)", "i32.const 0", "i32.load d")
        },
        "a.o --export=get",
        calls={"_start()": None, "get()": 5},
    ),
]
