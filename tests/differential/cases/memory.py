"""Memory layout: the linker's own symbols, and every option that sets a size."""

from tests.differential.asm import START, data, func
from tests.differential.harness import Case

SYMBOLS = (
    "__data_end",
    "__heap_base",
    "__heap_end",
    "__global_base",
    "__stack_low",
    "__stack_high",
    "__wasm_first_page_end",
    "__memory_base",
    "__table_base",
    "__dso_handle",
)
BASE = (
    ".globaltype __stack_pointer, i32\n"
    + START
    + "".join(
        func(f"get{name}", "() -> (i32)", f"i32.const {name}")
        for name in SYMBOLS
        if name not in ("__memory_base", "__table_base")
    )
)
BASE += (
    func("sp", "() -> (i32)", "global.get __stack_pointer")
    + data("x", ".int32 1")
    + data("y", ".int8 1", size=1, align=0, section=".rodata.y")
    + data("z", ".skip 100", size=100, section=".bss.z")
)
EXPORTS = (
    " ".join(f"--export=get{name}" for name in SYMBOLS[:7])
    + " --export=get__dso_handle --export=sp --export=x --export=y --export=z"
)
ALL = {"a.s": BASE}


def sized(name: str, args: str, **more: object) -> Case:
    return Case(name, ALL, f"a.o {EXPORTS} {args}", **more)  # type: ignore[arg-type]


def error(name: str, args: str, *says: str) -> Case:
    return Case(name, ALL, f"a.o {EXPORTS} {args}", exit=1, says=says)


CASES = [
    sized(
        "default",
        "",
        calls={
            "get__stack_low()": 0,
            "get__stack_high()": 65536,
            "sp()": 65536,
            "get__global_base()": 65536,
            "get__wasm_first_page_end()": 65536,
        },
    ),
    sized("stack-first", "--stack-first"),
    sized("no-stack-first", "--no-stack-first", calls={"get__global_base()": 1024}),
    sized("no-stack-first-then-first", "--no-stack-first --stack-first"),
    sized("stack-size", "-z stack-size=1024", calls={"sp()": 1024}),
    sized("stack-size-joined", "-zstack-size=2048", calls={"sp()": 2048}),
    sized("stack-size-zero", "-z stack-size=0"),
    sized("stack-size-hex", "-z stack-size=0x4000", calls={"sp()": 0x4000}),
    sized("stack-size-after-data", "--no-stack-first -z stack-size=131072"),
    error("stack-size-unaligned", "-z stack-size=1023", "stack size must be 16-byte aligned"),
    error("stack-size-not-a-number", "-z stack-size=many", "invalid stack-size: many"),
    sized("z-unknown", "-z nonsense", says=["warning: unknown -z value: nonsense"]),
    sized("global-base", "--global-base=70000", calls={"get__global_base()": 70000}),
    sized("global-base-no-stack-first", "--no-stack-first --global-base=4096", calls={"get__global_base()": 4096}),
    sized("global-base-zero-no-stack-first", "--no-stack-first --global-base=0"),
    sized("global-base-odd", "--no-stack-first --global-base=4097"),
    Case(
        "global-base-below-stack",
        ALL,
        f"a.o {EXPORTS} --global-base=1024",
        reference_args=f"a.o {EXPORTS} --global-base=1024 --no-stack-first",
        calls={"get__global_base()": 1024},
    ),
    Case(
        "global-base-below-given-stack",
        ALL,
        f"a.o {EXPORTS} --global-base=1024 -z stack-size=131072",
        reference_args=f"a.o {EXPORTS} --global-base=1024 -z stack-size=131072 --no-stack-first",
        calls={"get__global_base()": 1024},
    ),
    error(
        "global-base-below-first-stack",
        "--global-base=1024 --stack-first",
        "--global-base cannot be less than stack size when --stack-first is used",
    ),
    error("global-base-not-a-number", "--global-base=abc"),
    sized("initial-memory", "--initial-memory=1048576", has=["^memory .16, -"]),
    sized("initial-memory-exact", "--initial-memory=131072", has=["^memory .2, -"]),
    error("initial-memory-too-small", "--initial-memory=65536", "initial memory too small"),
    error("initial-memory-unaligned", "--initial-memory=70000", "initial memory must be"),
    error("initial-memory-too-large", "--initial-memory=8589934592", "initial memory too large"),
    sized("initial-memory-4g", "--initial-memory=4294967296"),
    sized("initial-heap", "--initial-heap=131072"),
    error("initial-heap-unaligned", "--initial-heap=100"),
    error("initial-heap-too-large", "--initial-heap=8589934592"),
    sized("initial-heap-and-memory", "--initial-heap=65536 --initial-memory=1048576"),
    error("initial-heap-and-small-memory", "--initial-heap=131072 --initial-memory=131072"),
    sized("max-memory", "--max-memory=1048576", has=["^memory .2, 16"]),
    error("max-memory-too-small", "--max-memory=65536", "maximum memory too small"),
    error("max-memory-unaligned", "--max-memory=1000000"),
    error("max-memory-too-large", "--max-memory=8589934592"),
    sized("max-memory-4g", "--max-memory=4294967296"),
    error("max-below-initial", "--initial-memory=1048576 --max-memory=131072"),
    sized("no-growable", "--no-growable-memory", has=["^memory .2, 2"]),
    sized("no-growable-initial", "--no-growable-memory --initial-memory=1048576"),
    sized("no-growable-heap", "--no-growable-memory --initial-heap=65536"),
    error("no-growable-max", "--no-growable-memory --max-memory=1048576"),
    error("no-growable-max-initial-differ", "--no-growable-memory --max-memory=1048576 --initial-memory=131072"),
    error(
        "no-growable-max-fits",
        "--no-growable-memory --max-memory=131072",
        "--max-memory is incompatible with --no-growable-memory",
    ),
    error("several-errors", "--initial-memory=100 --max-memory=100 --initial-heap=1 -z stack-size=7"),
    sized("imported-memory-sizes", "--import-memory --initial-memory=1048576 --max-memory=2097152"),
    Case(
        "base-symbols",
        {"a.s": START + func("m", "() -> (i32)", "i32.const __memory_base", "i32.const __table_base", "i32.add")},
        "a.o --export=m",
    ),
    Case(
        "data-symbols-defined-by-object",
        {
            "a.s": START
            + data("__data_end", ".int32 1")
            + data("__heap_base", ".int32 2")
            + func("get", "() -> (i32)", "i32.const __data_end")
        },
        "a.o --export=get --export=__heap_base",
    ),
    Case(
        "no-data",
        {
            "a.s": START
            + func("h", "() -> (i32)", "i32.const __heap_base")
            + func("d", "() -> (i32)", "i32.const __data_end")
        },
        "a.o --export=h --export=d",
        calls={"h()": 65536, "d()": 65536},
    ),
    Case(
        "no-data-no-stack-first",
        {
            "a.s": START
            + func("h", "() -> (i32)", "i32.const __heap_base")
            + func("d", "() -> (i32)", "i32.const __data_end")
        },
        "a.o --export=h --export=d --no-stack-first",
    ),
    Case("optional-symbols-unused", {"a.s": START}, "a.o", lacks=["__heap_base", "__data_end"]),
    sized("data-at-2g", "--global-base=2147483632"),
    Case("page-size-default", {"a.s": START}, "a.o --page-size=65536"),
    Case(
        "stack-pointer-exported",
        {"a.s": BASE},
        "a.o --export=__stack_pointer --no-check-features",
        has=["^export __stack_pointer global"],
    ),
]
