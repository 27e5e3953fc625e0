"""Symbol resolution: who wins, who is missing, and what does not fit together."""

from tests.differential.asm import START, data, extern, func
from tests.differential.harness import TRAP, Archive, Case

I32 = "() -> (i32)"


def main(*body: str) -> str:
    """An entry that exports ``run``, which returns an i32."""
    return START + func("run", I32, *body)


def answer(name: str, value: int, flags: str = "globl") -> str:
    return func(name, I32, f"i32.const {value}", flags=flags)


CASES = [
    Case(
        "strong",
        {"a.s": main("call f") + extern("f", I32), "b.s": answer("f", 7)},
        "a.o b.o --export=run",
        calls={"run()": 7},
    ),
    Case(
        "strong-over-weak",
        {"a.s": main("call f") + extern("f", I32), "b.s": answer("f", 1, "globl weak"), "c.s": answer("f", 2)},
        "a.o b.o c.o --export=run",
        calls={"run()": 2},
    ),
    Case(
        "strong-over-later-weak",
        {"a.s": main("call f") + extern("f", I32), "b.s": answer("f", 1, "globl weak"), "c.s": answer("f", 2)},
        "a.o c.o b.o --export=run",
        calls={"run()": 2},
    ),
    Case(
        "first-weak-wins",
        {
            "a.s": main("call f") + extern("f", I32),
            "b.s": answer("f", 1, "globl weak"),
            "c.s": answer("f", 2, "globl weak"),
        },
        "a.o b.o c.o --export=run",
        calls={"run()": 1},
    ),
    Case(
        "weak-data",
        {
            "a.s": main("i32.const 0", "i32.load x"),
            "b.s": data("x", ".int32 1", flags="globl weak"),
            "c.s": data("x", ".int32 2"),
        },
        "a.o b.o c.o --export=run",
        calls={"run()": 2},
    ),
    Case(
        "local-stays-apart",
        {"a.s": main("call f") + answer("f", 1, ""), "b.s": answer("f", 2, "") + func("other", I32, "call f")},
        "a.o b.o --export=run --export=other",
        calls={"run()": 1, "other()": 2},
    ),
    Case(
        "hidden-is-shared-by-objects",
        {"a.s": main("call f") + extern("f", I32), "b.s": answer("f", 3, "globl hidden")},
        "a.o b.o --export=run --export-dynamic",
        lacks=["^export f "],
        calls={"run()": 3},
    ),
    Case(
        "hidden-wins-over-default",
        {"a.s": main("call f") + extern("f", I32, "hidden"), "b.s": answer("f", 3)},
        "a.o b.o --export=run --export-dynamic",
    ),
    Case(
        "duplicate",
        {"a.s": START + func("f"), "b.s": func("f"), "c.s": func("f")},
        "a.o b.o c.o",
        exit=1,
        says=["duplicate symbol: f", ">>> defined in a.o", ">>> defined in c.o"],
    ),
    Case(
        "duplicate-data",
        {"a.s": START + data("x", ".int32 1"), "b.s": data("x", ".int32 2")},
        "a.o b.o",
        exit=1,
        says=["duplicate symbol: x"],
    ),
    Case(
        "duplicate-in-archive",
        {
            "a.s": func("_start", "() -> ()", "call g") + func("f") + extern("g"),
            "lib.a": Archive({"b.s": func("g") + func("f")}),
        },
        "a.o lib.a",
        exit=1,
        says=["duplicate symbol: f", "lib.a(b.o)"],
    ),
    Case(
        "duplicate-allowed",
        {"a.s": main("call f") + extern("f", I32), "b.s": answer("f", 1), "c.s": answer("f", 2)},
        "a.o b.o c.o --export=run --allow-multiple-definition",
        calls={"run()": 1},
    ),
    Case(
        "duplicate-allowed-z",
        {"a.s": main("call f") + extern("f", I32), "b.s": answer("f", 1), "c.s": answer("f", 2)},
        "a.o b.o c.o --export=run -z muldefs",
        calls={"run()": 1},
    ),
    Case(
        "duplicate-noinhibit-exec",
        {"a.s": main("call f") + extern("f", I32), "b.s": answer("f", 1), "c.s": answer("f", 2)},
        "a.o b.o c.o --export=run --noinhibit-exec",
        says=["warning: duplicate symbol: f"],
        calls={"run()": 2},
    ),
    Case(
        "many-undefined",
        {
            "a.s": func("_start", "() -> ()", "call f", "call g", "call f", "i32.const x", "drop")
            + extern("f")
            + extern("g"),
            "b.s": func("other", "() -> ()", "call f") + extern("f"),
        },
        "a.o b.o --export=other",
        exit=1,
        says=[
            "a.o: undefined symbol: f",
            "a.o: undefined symbol: g",
            "a.o: undefined symbol: x",
            "b.o: undefined symbol: f",
        ],
    ),
    Case(
        "weak-undefined-function",
        {
            "a.s": func("_start", "() -> ()", "call f")
            + main("i32.const f").replace(START, "")
            + extern("f", "() -> ()", "weak")
        },
        "a.o --export=run",
        has=["func undefined_weak:f"],
        calls={"run()": 0, "_start()": TRAP},
    ),
    Case(
        "weak-undefined-function-with-results",
        {"a.s": main("i32.const 5", "call f") + extern("f", "(i32) -> (i32)", "weak")},
        "a.o --export=run",
        has=[r"undefined_weak:f\[\d\] \(i32\) -> \(i32\)"],
        calls={"run()": TRAP},
    ),
    Case(
        "weak-undefined-twice",
        {
            "a.s": func("_start", "() -> ()", "call f", "call other")
            + extern("f", "() -> ()", "weak")
            + extern("other"),
            "b.s": func("other", "() -> ()", "call f") + extern("f", "() -> ()", "weak"),
        },
        "a.o b.o",
        has=["func undefined_weak:f"],
    ),
    Case(
        "weak-undefined-data",
        {"a.s": main("i32.const x") + ".weak x\n.size x, 4\n"},
        "a.o --export=run",
        calls={"run()": 0},
    ),
    Case(
        "weak-undefined-data-offset",
        {"a.s": main("i32.const x+8") + ".weak x\n.size x, 4\n"},
        "a.o --export=run",
        calls={"run()": 0},
    ),
    Case(
        "weak-undefined-in-data",
        {"a.s": main("i32.const 0", "i32.load p") + data("p", ".int32 f") + extern("f", "() -> ()", "weak")},
        "a.o --export=run",
        calls={"run()": 0},
    ),
    Case(
        "weak-undefined-satisfied",
        {"a.s": main("call f") + extern("f", I32, "weak"), "b.s": answer("f", 4)},
        "a.o b.o --export=run",
        calls={"run()": 4},
    ),
    Case(
        "weak-undefined-does-not-extract",
        {
            "a.s": func("_start", "() -> ()", "call f") + extern("f", "() -> ()", "weak"),
            "lib.a": Archive({"b.s": func("f")}),
        },
        "a.o lib.a",
        has=["undefined_weak:f"],
    ),
    Case(
        "weak-undefined-after-archive-extracts-for-strong",
        {
            "a.s": func("_start", "() -> ()", "call f", "call g") + extern("f", "() -> ()", "weak") + extern("g"),
            "b.s": func("g", "() -> ()", "call f") + extern("f"),
            "lib.a": Archive({"c.s": func("f")}),
        },
        "a.o lib.a b.o",
        lacks=["undefined_weak"],
    ),
    Case(
        "comdat-first-wins",
        {
            "a.s": main("call f") + extern("f", I32),
            "b.s": '.section .text.f,"G",@,f,comdat\n'
            ".weak f\n"
            ".type f,@function\n"
            "f:\n"
            ".functype f () -> (i32)\n"
            "i32.const 1\n"
            "end_function\n",
            "c.s": '.section .text.f,"G",@,f,comdat\n'
            ".weak f\n"
            ".type f,@function\n"
            "f:\n"
            ".functype f () -> (i32)\n"
            "i32.const 2\n"
            "end_function\n",
        },
        "a.o b.o c.o --export=run",
        calls={"run()": 1},
    ),
    Case(
        "comdat-drops-strong-duplicates",
        {
            "a.s": main("call f") + extern("f", I32),
            "b.s": '.section .text.f,"G",@,grp,comdat\n'
            ".globl f\n"
            ".type f,@function\n"
            "f:\n"
            ".functype f () -> (i32)\n"
            "i32.const 1\n"
            "end_function\n",
            "c.s": '.section .text.f,"G",@,grp,comdat\n'
            ".globl f\n"
            ".type f,@function\n"
            "f:\n"
            ".functype f () -> (i32)\n"
            "i32.const 2\n"
            "end_function\n",
        },
        "a.o b.o c.o --export=run",
        calls={"run()": 1},
    ),
    Case(
        "comdat-data-and-function",
        {
            f"{name}.s": f'.section .text.f{name},"G",@,grp,comdat\n'
            f".weak f\n"
            f".type f,@function\n"
            f"f:\n"
            f".functype f () -> (i32)\n"
            f"i32.const 0\n"
            f"i32.load v\n"
            f"end_function\n"
            f'.section .data.v,"G",@,grp,comdat\n.weak v\n.type v,@object\n.p2align 2\nv:\n.int32 {value}\n.size v, 4\n'
            + more
            for name, value, more in (("a", 1, main("call f")), ("b", 2, func("other", I32, "call f")))
        },
        "a.o b.o --export=run --export=other",
        calls={"run()": 1, "other()": 1},
    ),
    Case(
        "comdat-cpp",
        {
            "a.cpp": "template <class T> struct Counter { static T count; static T next() { return ++count; } };\n"
            "template <class T> T Counter<T>::count = 40;\n"
            "int other();\n"
            'extern "C" int run() { return other() + Counter<int>::next(); }\n'
            'extern "C" void _start() {}\n',
            "b.cpp": "template <class T> struct Counter { static T count; static T next() { return ++count; } };\n"
            "template <class T> T Counter<T>::count = 40;\n"
            "int other() { return Counter<int>::next() * 100; }\n",
        },
        "a.o b.o --export=run",
        calls={"run()": 4142},
    ),
    Case(
        "type-mismatch-function-data",
        {"a.s": START + func("g", "() -> ()", "call f") + extern("f"), "b.s": data("f", ".int32 1")},
        "a.o b.o",
        exit=1,
        says=["symbol type mismatch: f"],
    ),
    Case(
        "type-mismatch-data-function",
        {"a.s": START + data("f", ".int32 1"), "b.s": func("g", "() -> ()", "call f") + extern("f")},
        "a.o b.o",
        exit=1,
        says=["symbol type mismatch: f"],
    ),
    Case(
        "type-mismatch-global-data",
        {"a.s": START + ".globaltype f, i32\n.globl f\nf:\n", "b.s": func("g", "() -> ()", "i32.const f", "drop")},
        "a.o b.o",
        exit=1,
        says=["symbol type mismatch: f"],
    ),
    Case(
        "type-mismatch-global-types",
        {
            "a.s": ".globaltype f, i32\n" + func("_start", "() -> ()", "global.get f", "drop"),
            "b.s": ".globaltype f, i64\n.globl f\nf:\n",
        },
        "a.o b.o",
        exit=1,
        says=["Global type mismatch"],
    ),
    Case(
        "signature-mismatch",
        {
            "a.s": func("_start", "() -> ()", "i32.const 1", "call f") + extern("f", "(i32) -> ()"),
            "b.s": answer("f", 3) + func("run", I32, "call f"),
        },
        "a.o b.o --export=run",
        says=["function signature mismatch: f"],
        has=["signature_mismatch:f"],
        calls={"_start()": TRAP, "run()": 3},
    ),
    Case(
        "signature-mismatch-definition-first",
        {
            "a.s": answer("f", 3) + func("run", I32, "call f"),
            "b.s": func("_start", "() -> ()", "i32.const 1", "call f") + extern("f", "(i32) -> ()"),
        },
        "a.o b.o --export=run",
        says=["function signature mismatch: f"],
        calls={"_start()": TRAP, "run()": 3},
    ),
    Case(
        "signature-mismatch-fatal",
        {
            "a.s": func("_start", "() -> ()", "i32.const 1", "call f") + extern("f", "(i32) -> ()"),
            "b.s": answer("f", 3),
        },
        "a.o b.o --fatal-warnings",
        exit=1,
        says=["error: function signature mismatch: f"],
    ),
    Case(
        "signature-mismatch-address",
        {"a.s": func("_start", "() -> ()", "i32.const f", "drop") + extern("f", "(i32) -> ()"), "b.s": answer("f", 3)},
        "a.o b.o",
    ),
    Case(
        "signature-mismatch-undefined",
        {
            "a.s": func("_start", "() -> ()", "i32.const 1", "call f", "call g")
            + extern("f", "(i32) -> ()")
            + extern("g"),
            "b.s": func("g", "() -> ()", "call f") + extern("f"),
        },
        "a.o b.o --allow-undefined",
        exit=1,
        says=["error: function signature mismatch: f"],
    ),
    Case(
        "signature-mismatch-weak-undefined",
        {
            "a.s": func("_start", "() -> ()", "i32.const 1", "call f", "call g")
            + extern("f", "(i32) -> ()", "weak")
            + extern("g"),
            "b.s": func("g", "() -> ()", "call f") + extern("f", "() -> ()", "weak"),
        },
        "a.o b.o",
        exit=1,
        says=["error: function signature mismatch: f"],
    ),
    Case(
        "signature-mismatch-weak-definition",
        {
            "a.s": func("_start", "() -> ()", "i32.const 1", "call f") + extern("f", "(i32) -> ()"),
            "b.s": answer("f", 3, "globl weak"),
            "c.s": func("f", "(i32) -> ()"),
        },
        "a.o b.o c.o",
        says=["function signature mismatch: f"],
    ),
    Case(
        "signature-mismatch-archive",
        {
            "a.s": func("_start", "() -> ()", "i32.const 1", "call f") + extern("f", "(i32) -> ()"),
            "lib.a": Archive({"b.s": answer("f", 3)}),
        },
        "a.o lib.a",
        says=[">>> defined as () -> i32 in lib.a(b.o)"],
    ),
    Case(
        "signature-mismatch-three-ways",
        {
            "a.s": func("_start", "() -> ()", "i32.const 1", "call f", "call g")
            + extern("f", "(i32) -> ()")
            + extern("g"),
            "b.s": func("g", "() -> ()", "i64.const 1", "call f") + extern("f", "(i64) -> ()"),
            "c.s": answer("f", 3),
        },
        "a.o b.o c.o",
        says=["function signature mismatch: f"],
    ),
    Case(
        "main-without-arguments",
        {
            "a.c": "int main(void) { return 3; }",
            "b.c": "int __main_argc_argv(int c, char **v); int main(int, char **);\n"
            "int run(void) { return 1; }\n"
            "void _start(void) {}",
        },
        "a.o b.o --export=run --export-if-defined=main "
        "--export-if-defined=__main_void --export-if-defined=__original_main",
    ),
    Case(
        "explicit-name",
        {
            "a.s": func("_start", "() -> ()", "call f")
            + extern("f", "() -> ()", "globl")
            + ".import_module f, mod\n.import_name f, nam\n"
        },
        "a.o",
        has=[r"^import mod\.nam func"],
    ),
    Case(
        "explicit-name-defined-elsewhere",
        {
            "a.s": func("_start", "() -> ()", "call f") + extern("f") + ".import_module f, mod\n.import_name f, nam\n",
            "b.s": func("f"),
        },
        "a.o b.o",
    ),
    Case(
        "alias",
        {"a.c": 'int f(void) { return 6; }\nint g(void) __attribute__((alias("f")));\nvoid _start(void) {}\n'},
        "a.o --export=f --export=g",
        calls={"f()": 6, "g()": 6},
    ),
    Case(
        "alias-weak-overridden",
        {
            "a.c": 'int f(void) { return 6; }\nint g(void) __attribute__((weak, alias("f")));\nvoid _start(void) {}\n',
            "b.c": "int g(void); int run(void) { return g(); }",
            "c.s": answer("g", 8),
        },
        "a.o b.o c.o --export=run --export=f --export=g",
        calls={"run()": 8, "g()": 8, "f()": 6},
    ),
    Case(
        "alias-of-weak-dropped",
        {
            "b.c": "void _start(void) {} int f(void) { return 7; }",
            "a.c": '__attribute__((weak)) int f(void) { return 6; }\nint g(void) __attribute__((alias("f")));\n',
        },
        "b.o a.o --export=f --export=g",
        calls={"g()": 6, "f()": 7},
    ),
    Case(
        "alias-data",
        {
            "a.s": main("i32.const 0", "i32.load y+4")
            + data("x", ".int32 1", ".int32 2", size=8)
            + ".globl y\n.type y,@object\n.set y, x\n.size y, 8\n"
        },
        "a.o --export=run",
        calls={"run()": 2},
    ),
    Case(
        "undefined-option-extracts",
        {"a.s": START, "lib.a": Archive({"b.s": func("f"), "c.s": func("g")})},
        "a.o lib.a --undefined=f --no-gc-sections",
        has=["func f"],
        lacks=["func g"],
    ),
    Case("undefined-option-u-missing", {"a.s": START}, "a.o -u nothing"),
    Case("entry-from-archive", {"lib.a": Archive({"a.s": START})}, "lib.a", has=["export _start"]),
    Case(
        "lazy-by-export", {"a.s": START, "lib.a": Archive({"b.s": func("f")})}, "a.o lib.a --export=f", has=["export f"]
    ),
    Case(
        "lazy-by-export-if-defined",
        {"a.s": START, "lib.a": Archive({"b.s": func("f")})},
        "a.o lib.a --export-if-defined=f",
    ),
    Case(
        "lazy-only-for-undefined",
        {
            "a.s": func("_start", "() -> ()", "call f") + func("f", flags="globl weak"),
            "lib.a": Archive({"b.s": func("f")}),
        },
        "a.o lib.a",
    ),
]
