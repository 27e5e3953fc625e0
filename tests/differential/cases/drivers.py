"""What compilers' drivers pass: the options of their links, as far as they can matter, over small inputs."""

from tests.differential.asm import START, data, extern, func, target_features
from tests.differential.harness import Archive, Case, Files

LIBC = Archive(
    {"puts.s": func("puts", "(i32) -> (i32)", "i32.const 0"), "used.s": func("used") + data("d", ".int32 1")}
)
MAIN = extern("puts", "(i32) -> (i32)") + func("main", "(i32, i32) -> (i32)", "i32.const 5", "call puts")
CRT = extern("main", "(i32, i32) -> (i32)") + func(
    "_start", "() -> ()", "i32.const 0", "i32.const 0", "call main", "drop"
)
REACTOR = extern("__wasm_call_ctors") + func("_initialize", "() -> ()", "call __wasm_call_ctors")
PROGRAM: Files = {
    "sysroot/lib/wasm32-wasi/libc.a": LIBC,
    "builtins.a": Archive({"t.s": func("__multi3", "(i32) -> ()")}),
    "a.s": MAIN,
    "crt1.s": CRT,
    "crt1-reactor.s": REACTOR,
}
LIBRARIES = "-Lsysroot/lib/wasm32-wasi"
BEHIND = "-lc builtins.a"
ATOMICS = target_features("+atomics", "+bulk-memory")
THREADED: Files = {**PROGRAM, "crt1.s": CRT + ATOMICS, "a.s": MAIN + ATOMICS, "libpthread.a": b"!<arch>\n"}
STACK = "-z stack-size=1048576 --stack-first"
RUST = (
    f"--rsp-quoting=posix --export main --export=__heap_base --export=__data_end {STACK} --allow-undefined "
    "--fatal-warnings --no-demangle crt1-command.o a.o -L lib -l c -L lib -o out.wasm --gc-sections -O0"
)
EMSCRIPTEN_EXPORTS = (
    "--export-if-defined=main --export-if-defined=__start_em_asm --export-if-defined=__stop_em_asm "
    "--export=used --export=__wasm_call_ctors --export-table"
)
EMSCRIPTEN_LIMITS = "-z stack-size=5242880 --initial-memory=16777216 --no-entry --max-memory=16777216"
SWIFT = "--table-base=4096 --global-base=4096 -z stack-size=131072 --fatal-warnings"


def clang(name: str, args: str, files: Files = PROGRAM) -> Case:
    return Case(f"clang-{name}", files, args)


CASES = [
    clang("program", f"-m wasm32 {LIBRARIES} crt1.o a.o {BEHIND}"),
    clang("optimised", f"-m wasm32 {LIBRARIES} crt1.o a.o {BEHIND} --keep-section=target_features"),
    clang("stripped", f"-m wasm32 --strip-all {LIBRARIES} crt1.o a.o {BEHIND} --keep-section=target_features"),
    clang("reactor", f"-m wasm32 {LIBRARIES} crt1-reactor.o --entry _initialize a.o {BEHIND} --export=main"),
    clang("relocatable", f"-m wasm32 {LIBRARIES} -r a.o"),
    clang("bare", "-m wasm32 -Lsysroot/lib --no-entry --export=main a.o --allow-undefined"),
    clang(
        "passed-on",
        f"-m wasm32 -Lsysroot -u used {LIBRARIES} crt1.o -z stack-size=65536 --export-all --no-gc-sections a.o "
        f"{BEHIND}",
    ),
    clang(
        "threads",
        f"-m wasm32 {LIBRARIES} -L. crt1.o a.o --shared-memory -lpthread {BEHIND} --max-memory=1048576 --import-memory",
        THREADED,
    ),
    clang("lto-directory", f"-m wasm32 -Lsysroot/lib/wasm32-wasi/llvm-lto/22 {LIBRARIES} crt1.o a.o {BEHIND}"),
    Case(
        "clang-wasm64",
        {"a.s": "# flags: -target wasm64-freestanding\n" + START},
        "-m wasm64 -Lsysroot/lib a.o",
    ),
    Case(
        "clang-shared",
        {"a.s": func("f") + data("d", ".int32 1")},
        f"-m wasm32 {LIBRARIES} --experimental-pic -shared a.o",
    ),
    Case(
        "rustc-program",
        {"crt1-command.s": CRT, "a.s": MAIN, "lib/libc.a": LIBC},
        f"-flavor wasm {RUST}",
        reference_args=RUST,
        output=False,
    ),
    Case(
        "rustc-library",
        {"a.s": func("add", "(i32, i32) -> (i32)", "i32.const 5") + data("ANSWER", ".int32 42")},
        "--rsp-quoting=posix --export ANSWER --export add --export=__heap_base --export=__data_end "
        f"{STACK} --allow-undefined --fatal-warnings --no-demangle --no-entry --export-dynamic a.o "
        "--gc-sections -O3 --strip-debug",
    ),
    Case(
        "emcc-program",
        {"a.s": MAIN, "lib/libc.a": LIBC},
        f"a.o -Llib -lc --import-undefined --strip-debug {EMSCRIPTEN_EXPORTS} {EMSCRIPTEN_LIMITS} --global-base=1024",
        reference_args=f"a.o -Llib -lc --import-undefined --strip-debug {EMSCRIPTEN_EXPORTS} {EMSCRIPTEN_LIMITS} "
        "--global-base=1024 --no-stack-first",
        has=[r"^memory .256, 256"],
    ),
    Case(
        "emcc-newer",
        {"a.s": MAIN, "lib/libc.a": LIBC},
        f"a.o -Llib -lc --import-undefined --strip-debug {EMSCRIPTEN_EXPORTS} -z stack-size=65536 --no-growable-memory "
        "--initial-heap=16777216 --no-entry --stack-first --table-base=1 --global-base=65536",
    ),
    Case(
        "emcc-side-module",
        {"a.s": func("side", "() -> ()", "call from_main") + extern("from_main")},
        "--whole-archive a.o --no-whole-archive --import-undefined --import-memory --strip-debug --export-dynamic "
        "--no-gc-sections --export-if-defined=__start_em_asm --export-if-defined=malloc --experimental-pic -shared",
    ),
    Case(
        "swift-program",
        {"crt1-command.s": CRT, "a.s": MAIN, "lib/libc.a": LIBC, "args.rsp": "crt1-command.o a.o\n-Llib\n"},
        f"-m wasm32 @args.rsp --static --rpath lib --export-if-defined=main --error-limit=0 {SWIFT} -lc",
        reference_args="-m wasm32 @args.rsp --static --rpath lib --export-if-defined=main --error-limit=0 "
        f"{SWIFT} -lc --no-stack-first",
    ),
]
