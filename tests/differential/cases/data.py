"""Data segments: grouping, order, merging of strings, zero-filled segments, initialisation."""

from tests.differential.asm import START, data, func, string, target_features
from tests.differential.harness import Case


def use(*names: str, start: str = START) -> str:
    """An entry and a function that names symbols."""
    return start + func("use", "() -> ()", *(line for name in names for line in (f"i32.const {name}", "drop")))


STRINGS = (
    string("a", "hello world")
    + string("b", "world")
    + string("c", "hello world")
    + string("d", "other")
    + string("e", "")
)
ZERO = data("z", ".skip 16", section=".bss.z", size=16, flags="")
BULK = target_features("+bulk-memory")
SPREAD = (
    data("a", ".int32 1", section=".data.a")
    + data("b", ".int32 2", section=".data.b")
    + data("c", ".int32 3", section=".rodata.c")
    + data("d", ".int32 4", section=".rodata")
    + data("e", ".int32 5", section=".custom.e")
    + data("f", ".int32 6", section=".custom.f")
    + data("g", ".int32 7", section="plain")
    + data("h", ".int32 8", section=".data.rel.ro.h")
    + data("i", ".int32 9", section=".bss.i")
    + data("j", ".int32 10", section=".tm_clone_table.j")
    + data("k", ".int32 11", section=".rodata.cst4")
)
SPREAD_USE = use(*"abcdefghijk")

CASES = [
    Case(
        "grouping",
        {"a.s": SPREAD_USE + SPREAD},
        "a.o --export=use",
        has=["data .data ", "data .rodata ", "data .custom.e", "data plain"],
    ),
    Case(
        "no-merge",
        {"a.s": SPREAD_USE + SPREAD},
        "a.o --export=use --no-merge-data-segments",
        has=["data .data.a ", "data .rodata.c "],
    ),
    Case(
        "merge-last-wins",
        {"a.s": SPREAD_USE + SPREAD},
        "a.o --export=use --no-merge-data-segments --merge-data-segments",
    ),
    Case(
        "two-objects",
        {
            "a.s": use("x", "y") + data("x", ".int32 1"),
            "b.s": data("y", ".int32 2") + data("w", ".int32 3", section=".rodata.w"),
        },
        "b.o a.o --export=use --export=w",
    ),
    Case(
        "alignment",
        {
            "a.s": use("x", "y", "z")
            + data("x", ".int8 1", size=1, align=0)
            + data("y", ".int64 2", size=8, align=4)
            + data("z", ".int8 3", size=1, align=0)
        },
        "a.o --export=use",
    ),
    Case(
        "alignment-large",
        {
            "a.s": use("x", "y")
            + data("x", ".int8 1", size=1, align=0)
            + data("y", ".int64 2", size=8, align=8, section=".rodata.y")
        },
        "a.o --export=use",
    ),
    Case("alignment-beyond-stack", {"a.s": use("x") + data("x", ".int8 1", size=1, align=17)}, "a.o --export=use"),
    Case("strings", {"a.s": use(*"abcde") + STRINGS}, "a.o --export=use", has=[r"data .rodata .*hello world"]),
    Case("strings-O0", {"a.s": use(*"abcde") + STRINGS}, "a.o --export=use -O0", has=[r"hello world.*hello world"]),
    Case("strings-O2", {"a.s": use(*"abcde") + STRINGS}, "a.o --export=use -O2"),
    Case(
        "strings-across-objects",
        {
            "a.s": use("a", "b") + string("a", "shared") + string("b", "not"),
            "b.s": func("more", "() -> ()", "i32.const c", "drop") + string("c", "shared"),
        },
        "a.o b.o --export=use --export=more",
    ),
    Case(
        "strings-tails",
        {"a.s": use(*"abcd") + string("a", "c") + string("b", "bc") + string("c", "abc") + string("d", "xbc")},
        "a.o --export=use",
    ),
    Case(
        "strings-offset-inside",
        {
            "a.s": START
            + func("use", "() -> (i32)", "i32.const s+2", "i32.load8_u 0")
            + string("s", "hello")
            + string("t", "llo")
        },
        "a.o --export=use",
        calls={"use()": 0x6C},
    ),
    Case(
        "strings-from-data",
        {"a.s": use("p") + data("p", ".int32 s", ".int32 s+3", size=8) + string("s", "string")},
        "a.o --export=use",
    ),
    Case(
        "strings-in-one-segment",
        {
            "a.s": use("s", "t") + '.section .rodata.str,"S",@\n'
            "s:\n"
            '.asciz "one"\n'
            ".size s, 4\n"
            "t:\n"
            '.asciz "two"\n'
            ".size t, 4\n"
            "u:\n"
            '.asciz "one"\n'
            ".size u, 4\n"
        },
        "a.o --export=use",
    ),
    Case(
        "strings-partly-live",
        {"a.s": use("s") + string("s", "live") + string("t", "dead")},
        "a.o --export=use",
        lacks=["dead"],
    ),
    Case(
        "strings-different-names",
        {"a.s": use("s", "t") + string("s", "same", ".rodata.str") + string("t", "same", ".other.str")},
        "a.o --export=use",
    ),
    Case(
        "strings-no-merge",
        {"a.s": use("s", "t") + string("s", "same") + string("t", "same")},
        "a.o --export=use --no-merge-data-segments",
    ),
    Case(
        "strings-no-merge-no-gc",
        {"a.s": use("s") + STRINGS + string("s", "same")},
        "a.o --export=use --no-merge-data-segments --no-gc-sections",
    ),
    Case(
        "strings-mixed-with-data",
        {
            "a.s": use("s", "x", "t")
            + string("s", "same")
            + data("x", ".int32 7", section=".rodata.x")
            + string("t", "same")
        },
        "a.o --export=use",
    ),
    Case(
        "strings-aligned",
        {
            "a.s": use("s", "t")
            + '.section .rodata.str,"S",@\n.p2align 2\ns:\n.asciz "one"\n.size s, 4\n'
            + '.section .rodata.str2,"S",@\n.p2align 2\nt:\n.asciz "no"\n.size t, 3\n'
        },
        "a.o --export=use",
    ),
    Case(
        "strings-utf8",
        {"a.c": 'const char *p[] = {"\\u00e9t\\u00e9", "\\u00e9", "\\xff", "a\\0b", "b"};\nvoid _start(void) {}\n'},
        "a.o --export=p",
    ),
    Case(
        "strings-c",
        {
            "a.c": "// flags: -O0\n"
            "int puts(const char *);\n"
            'void _start(void) { puts("one"); puts("a one"); puts("two"); }\n'
            'const char *q = "e";',
            "b.c": 'const char *r = "two"; const char *w = "wo";',
        },
        "a.o b.o --allow-undefined --export=q --export=r --export=w",
    ),
    Case(
        "strings-wide",
        {"a.c": 'const __WCHAR_TYPE__ *p = L"wide"; const __WCHAR_TYPE__ *q = L"wide";\nvoid _start(void) {}\n'},
        "a.o --export=p --export=q",
    ),
    Case("zero", {"a.s": use("z") + ZERO}, "a.o --export=use", lacks=["^data"]),
    Case(
        "zero-after-data",
        {"a.s": use("z", "x") + ZERO + data("x", ".int32 1")},
        "a.o --export=use",
        has=["data .data"],
        lacks=["data .bss"],
    ),
    Case(
        "zero-large",
        {"a.s": use("z") + data("z", ".skip 200000", section=".bss.z", size=200000)},
        "a.o --export=use",
        has=["^memory .5"],
    ),
    Case(
        "zero-in-data-section",
        {"a.s": use("z", "x") + data("z", ".int32 0") + data("x", ".int32 0")},
        "a.o --export=use",
    ),
    Case(
        "zero-not-in-bss-name", {"a.s": use("z") + data("z", ".skip 16", section=".zeros", size=16)}, "a.o --export=use"
    ),
    Case("bss-with-content", {"a.s": use("z") + data("z", ".int32 7", section=".bss.z")}, "a.o --export=use"),
    Case(
        "zero-no-merge",
        {"a.s": use("z", "y", "x") + ZERO + data("y", ".skip 8", section=".bss.y", size=8) + data("x", ".int32 1")},
        "a.o --export=use --no-merge-data-segments",
    ),
    Case(
        "imported-zero",
        {"a.s": use("z", "x") + ZERO + data("x", ".int32 1")},
        "a.o --export=use --import-memory",
        has=["data .bss"],
    ),
    Case(
        "imported-zero-bulk",
        {"a.s": use("z", "x") + ZERO + data("x", ".int32 1") + BULK},
        "a.o --export=use --import-memory",
        has=["__wasm_init_memory|^start"],
    ),
    Case("imported-only-zero-bulk", {"a.s": use("z") + ZERO + BULK}, "a.o --export=use --import-memory"),
    Case(
        "imported-two-zeros-bulk",
        {"a.s": use("z", "y") + ZERO + data("y", ".skip 8", section=".bss.y", size=8) + BULK},
        "a.o --export=use --import-memory --no-merge-data-segments",
    ),
    Case(
        "imported-data-bulk",
        {"a.s": use("x", "y") + data("x", ".int32 1") + data("y", ".int32 1", section=".rodata.y") + BULK},
        "a.o --export=use --import-memory",
    ),
    Case(
        "imported-zero-bulk-run",
        {
            "a.s": START
            + func("get", "() -> (i32)", "i32.const 0", "i32.load x", "i32.const 0", "i32.load z", "i32.add")
            + ZERO
            + data("x", ".int32 41")
            + BULK
        },
        "a.o --export=get --import-memory",
        calls={"get()": 41},
    ),
    Case(
        "imported-zero-features-option",
        {"a.s": use("z", "x") + ZERO + data("x", ".int32 1")},
        "a.o --export=use --import-memory --features=bulk-memory",
    ),
    Case(
        "imported-zero-extra-features",
        {"a.s": use("z", "x") + ZERO + data("x", ".int32 1")},
        "a.o --export=use --import-memory --extra-features=bulk-memory,bulk-memory-opt",
    ),
    Case(
        "imported-zero-bulk-and-constructor",
        {
            "a.s": use("z", "x")
            + ZERO
            + data("x", ".int32 1")
            + BULK
            + func("init", flags="")
            + '.section .init_array,"",@\n.p2align 2\n.int32 init\n'
        },
        "a.o --export=use --import-memory",
    ),
    Case("bulk-not-imported", {"a.s": use("z", "x") + ZERO + data("x", ".int32 1") + BULK}, "a.o --export=use"),
    Case(
        "c-mixture",
        {
            "a.c": "int zero[10]; int one = 1; const int two[] "
            "= {2, 3}; static int three = 3; int *four "
            "= &three; double five = 5;\n"
            "int sum(void) { return zero[3] + one + two[1] + three + *four + (int)five; }\n"
            "void _start(void) { three++; zero[3]++; }\n"
        },
        "a.o --export=sum",
        calls={"sum()": 15},
    ),
    Case("empty-segment", {"a.s": use("x", "y") + data("x", size=0) + data("y", ".int32 1")}, "a.o --export=use"),
    Case("only-empty-segment", {"a.s": use("x") + data("x", size=0)}, "a.o --export=use"),
    Case(
        "section-name-dots",
        {
            "a.s": use(*"abcd")
            + data("a", ".int32 1", section=".data")
            + data("b", ".int32 1", section=".database")
            + data("c", ".int32 1", section=".rodata.")
            + data("d", ".int32 1", section="data.x")
        },
        "a.o --export=use",
    ),
    Case(
        "tls-sections-without-threads",
        {"a.s": use("t", "x") + data("t", ".int32 1", section=".tdata.t", segment="T") + data("x", ".int32 2")},
        "a.o --export=use",
        exit=1,
        says=["'atomics' feature must be used in order to use thread-local storage"],
    ),
    Case(
        "tls-relocation-without-threads",
        {
            "a.c": "// flags: -mcpu=mvp+atomics+bulk_memory\n"
            "_Thread_local int t = 5; _Thread_local int z; int get(void) { return t + z; }\n"
            "void _start(void) {}\n"
        },
        "a.o --export=get",
    ),
]
