"""Link-time optimisation against the reference, which has the same LLVM as zig's clang.

What the linker decides is compared to the letter: ``resolution.txt``, which ``--save-temps`` writes, has for each
symbol of each module whether its definition prevails and who else sees it. What the compilers make of that is run.
"""

from __future__ import annotations

import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.asm import START
from tests.differential.harness import TRAP, Archive, Case, Files, Result, parsed
from tests.support.toolchain import zig
from wasmlink_tool.cli import main
from wasmlink_tool.toolchain.lto import ENVIRONMENT_VARIABLE

LTO = "// flags: -flto -O2\n"
THIN = "// flags: -flto=thin -O2\n"
MVP = "// flags: -flto -O2 -mno-bulk-memory -mcpu=mvp\n"
THROWS = "// flags: -flto -O2 -fexceptions -fwasm-exceptions\n"
SHARED = "// flags: -flto -O2 -fPIC -fvisibility=default\n"
NATIVE = "// flags: -O2\n"
EXPORT = '__attribute__((export_name("run"))) '
EXPORT_N = '__attribute__((export_name("n"))) '

MAIN = f"int helper(int); {EXPORT}int run(int x) {{ return helper(x) + 1; }}\n"
HELPER = "int helper(int x) { return x * 42; }\nint unused(int x) { return x / 7; }\n"
WEAK = "__attribute__((weak)) int helper(int x) { return 0; }\n"
COPY = f"""
struct big {{ int a[500]; }};
struct big one, two;
{EXPORT}int run(int x) {{ two.a[9] = x; one = two; return one.a[9]; }}
"""
MEMCPY = """
void *memcpy(void *to, const void *from, unsigned long size) {
  char *t = to; const char *f = from;
  for (unsigned long i = 0; i < size; i++) { t[i] = f[i]; __asm__ volatile("" ::: "memory"); }
  return to;
}
"""
INLINE = """
inline int counter() { static int count = 5; return ++count; }
template <class T> struct shape { virtual T area(T x) { return x + 1; } };
"""
SHAPES: Files = {
    "a.cpp": LTO + INLINE + f'shape<int> *make();\nextern "C" {EXPORT}int run(int x) {{ return make()->area(x); }}\n',
    "b.cpp": LTO
    + INLINE
    + """
struct square : shape<int> {
  int factor;
  square() : factor(counter()) {}
  int area(int x) override { return x * factor; }
};
static square one;
shape<int> *make() { return &one; }
""",
}
CONSTRUCTORS = """
extern int order;
__attribute__((constructor(200))) static void late(void) { order = order * 10 + 2; }
__attribute__((constructor(100))) static void early(void) { order = order * 10 + 1; }
"""

CASES = [
    Case("two-modules", {"a.c": LTO + MAIN, "b.c": LTO + HELPER}, "--no-entry a.o b.o", calls={"run(2)": 85}),
    Case("thin", {"a.c": THIN + MAIN, "b.c": THIN + HELPER}, "--no-entry a.o b.o", calls={"run(2)": 85}),
    Case("thin-and-full", {"a.c": LTO + MAIN, "b.c": THIN + HELPER}, "--no-entry a.o b.o", calls={"run(2)": 85}),
    Case("native-caller", {"a.c": NATIVE + MAIN, "b.c": LTO + HELPER}, "--no-entry a.o b.o", calls={"run(2)": 85}),
    Case("native-callee", {"a.c": LTO + MAIN, "b.c": NATIVE + HELPER}, "--no-entry a.o b.o", calls={"run(2)": 85}),
    Case(
        "archive",
        {"a.c": LTO + MAIN, "lib.a": Archive({"n.c": LTO + "int nobody(void) { return 1; }", "b.c": LTO + HELPER})},
        "--no-entry a.o lib.a --trace --why-extract=- -y helper",
        says=["lib.a(b.o)"],
        calls={"run(2)": 85},
    ),
    Case(
        "thin-archive",
        {"a.c": LTO + MAIN, "lib.a": Archive({"b.c": LTO + HELPER}, thin=True)},
        "--no-entry lib.a a.o",
        calls={"run(2)": 85},
    ),
    Case(
        "whole-archive",
        {
            "a.c": LTO + MAIN,
            "lib.a": Archive({"n.c": LTO + f"{EXPORT_N}int n(void) {{ return 1; }}", "b.c": LTO + HELPER}),
        },
        "--no-entry --whole-archive a.o lib.a",
        calls={"run(2)": 85, "n()": 1},
    ),
    Case(
        "start-lib",
        {"a.c": LTO + MAIN, "b.c": LTO + HELPER, "c.c": LTO + f"{EXPORT_N}int n(void) {{ return 1; }}"},
        "--no-entry a.o --start-lib b.o c.o --end-lib",
        has=["^export .*run"],
        lacks=["^export .* n$"],
        calls={"run(2)": 85},
    ),
    Case("weak-loses", {"a.c": LTO + MAIN + WEAK, "b.c": LTO + HELPER}, "--no-entry a.o b.o", calls={"run(2)": 85}),
    Case(
        "weak-stays",
        {"a.c": LTO + MAIN, "b.c": LTO + HELPER, "c.c": LTO + WEAK},
        "--no-entry a.o b.o c.o",
        calls={"run(2)": 85},
    ),
    Case("weak-alone", {"a.c": LTO + MAIN + WEAK}, "--no-entry a.o", calls={"run(2)": 1}),
    Case(
        "weak-loses-to-native",
        {"a.c": LTO + MAIN + WEAK, "b.c": NATIVE + HELPER},
        "--no-entry a.o b.o",
        calls={"run(2)": 85},
    ),
    Case(
        "weak-native-loses",
        {"a.c": NATIVE + MAIN + WEAK, "b.c": LTO + HELPER},
        "--no-entry a.o b.o",
        calls={"run(2)": 85},
    ),
    Case(
        "first-weak-wins",
        {"a.c": LTO + MAIN + WEAK, "b.c": LTO + WEAK.replace("0", "7")},
        "--no-entry b.o a.o",
        calls={"run(2)": 8},
    ),
    Case(
        "duplicate",
        {"a.c": LTO + MAIN, "b.c": LTO + HELPER, "c.c": NATIVE + HELPER},
        "--no-entry a.o b.o c.o",
        exit=1,
        says=["duplicate symbol: helper"],
    ),
    Case(
        "allow-multiple-definition",
        {"a.c": LTO + MAIN, "b.c": LTO + HELPER, "c.c": LTO + HELPER.replace("42", "3")},
        "--no-entry a.o --allow-multiple-definition c.o b.o",
        calls={"run(2)": 7},
    ),
    Case("comdat", SHAPES, "--no-entry a.o b.o", calls={"run(7)": 42}),
    Case(
        "files-of-two-modules",
        {
            name: str(text).replace(LTO, "// flags: -flto=thin -O2 -fwhole-program-vtables -fvisibility=hidden\n")
            for name, text in SHAPES.items()
        },
        "--no-entry a.o b.o",
        calls={"run(7)": 42},
    ),
    Case("comdat-other-order", SHAPES, "--no-entry b.o a.o", calls={"run(7)": 42}),
    Case(
        "comdat-native-first",
        {**SHAPES, "b.cpp": str(SHAPES["b.cpp"]).replace(LTO, NATIVE)},
        "--no-entry b.o a.o",
        calls={"run(7)": 42},
    ),
    Case(
        "comdat-native-last",
        {**SHAPES, "b.cpp": str(SHAPES["b.cpp"]).replace(LTO, NATIVE)},
        "--no-entry a.o b.o",
        calls={"run(7)": 42},
    ),
    Case(
        "constructors",
        {"a.c": LTO + CONSTRUCTORS, "b.c": LTO + f"int order = 9; {EXPORT}int run(void) {{ return order; }}"},
        "--no-entry b.o a.o",
        calls={"run()": 912},
    ),
    Case(
        "libcall-from-native-member",
        {
            "a.c": MVP + COPY,
            "lib.a": Archive({"m.c": NATIVE + MEMCPY}),
        },
        "--no-entry a.o lib.a --why-extract=-",
        says=["lib.a(m.o)"],
        calls={"run(5)": 5},
    ),
    Case(
        "libcall-from-bitcode-member",
        {
            "a.c": MVP + COPY,
            "lib.a": Archive({"m.c": LTO.replace("-flto", "-flto -fno-builtin") + MEMCPY}),
        },
        "--no-entry a.o lib.a --why-extract=-",
        says=["<libcall>"],
        calls={"run(5)": 5},
    ),
    Case("undefined", {"a.c": LTO + MAIN}, "--no-entry a.o", exit=1, says=["out.wasm.lto.o: undefined symbol: helper"]),
    Case(
        "imported",
        {"a.c": LTO + MAIN},
        "--no-entry --allow-undefined a.o",
        heard=["env.helper(2,)"],
        calls={"run(2)": 1},
    ),
    Case("export", {"a.c": LTO + HELPER}, "--no-entry --export=helper a.o", calls={"helper(1)": 42}, lacks=["unused"]),
    Case("export-all", {"a.c": LTO + HELPER}, "--no-entry --export-all a.o", calls={"helper(1)": 42, "unused(7)": 1}),
    Case(
        "no-gc-sections",
        {"a.c": LTO + MAIN, "b.c": LTO + HELPER},
        "--no-entry --no-gc-sections a.o b.o",
        calls={"run(1)": 43},
    ),
    Case(
        "undefined-option",
        {"a.c": LTO + HELPER},
        "--no-entry -u unused --export-if-defined=unused a.o",
        calls={"unused(7)": 1},
    ),
    Case("entry", {"a.c": LTO + HELPER}, "--entry=helper a.o", calls={"helper(1)": 42}),
    Case("no-such-entry", {"a.c": LTO + HELPER}, "a.o", exit=1, says=["entry symbol not defined"]),
    Case(
        "wrap",
        {
            "a.c": LTO + MAIN,
            "b.c": LTO + HELPER,
            "w.c": LTO + "int __real_helper(int); int __wrap_helper(int x) { return __real_helper(x) + 7; }",
        },
        "--no-entry --wrap=helper a.o b.o w.o",
        calls={"run(2)": 92},
    ),
    Case("relocatable", {"a.c": LTO + MAIN, "b.c": LTO + HELPER}, "-r a.o b.o"),
    Case(
        "shared",
        {"a.c": SHARED + MAIN, "b.c": SHARED + HELPER},
        "-shared --experimental-pic a.o b.o",
        has=["^export .*helper"],
        validate=False,
    ),
    Case(
        "levels",
        {"a.c": LTO + MAIN, "b.c": LTO + HELPER},
        "--no-entry --lto-O0 --lto-CGO3 a.o b.o",
        calls={"run(2)": 85},
    ),
    Case(
        "thread-local",
        {
            "a.c": LTO + f"_Thread_local int t = 4; int next(void); {EXPORT}int run(void) {{ return t + next(); }}",
            "b.c": LTO + "extern _Thread_local int t; int next(void) { return ++t; }",
        },
        "--no-entry a.o b.o",
        calls={"run()": 9},
    ),
    Case(
        "used-and-aliases",
        {
            "a.c": LTO
            + 'static int base(int x) { return x + 3; }\nint other(int x) __attribute__((alias("base")));\n'
            + "__attribute__((used)) int kept(void) { return 1; }\n",
            "b.c": LTO + f"int other(int); {EXPORT}int run(int x) {{ return other(x); }}",
        },
        "--no-entry b.o a.o",
        calls={"run(2)": 5},
    ),
    Case(
        "stub-library-needs-bitcode",
        {
            "a.c": NATIVE + f"int hosted(int); {EXPORT}int run(int x) {{ return hosted(x); }}",
            "lib.a": Archive({"n.c": LTO + "int needed(int x) { return x * 2; }"}),
            "host.so": "#STUB\nhosted: needed\n",
        },
        "--no-entry a.o lib.a host.so",
        calls={"needed(4)": 8},
    ),
    Case(
        "too-late",
        {
            "a.c": MVP + COPY,
            "lib.a": Archive(
                {
                    "m.c": NATIVE
                    + MEMCPY.replace("return to", "return next(to)").replace("void", "void *next(); void", 1),
                    "n.c": LTO + "void *next(void *to) { return to; }",
                }
            ),
        },
        "--no-entry a.o lib.a",
        exit=1,
        says=["lib.a(n.o): attempt to add bitcode file after LTO (next)"],
    ),
    Case(
        "signatures-disagree",
        {"a.c": NATIVE + MAIN.replace("helper(int)", "helper(long long)"), "b.c": LTO + HELPER},
        "--no-entry a.o b.o",
        says=["function signature mismatch: helper"],
        calls={"run(2)": TRAP},
    ),
    Case(
        "weak-undefined",
        {
            "a.c": LTO
            + "__attribute__((weak)) int maybe(int); extern int array[] __attribute__((weak));\n"
            + f"{EXPORT}int run(int x) {{ return (maybe ? maybe(x) : 7) + (array ? array[0] : 9); }}",
            "lib.a": Archive({"m.c": LTO + "int maybe(int x) { return 1; }"}),
        },
        "--no-entry a.o lib.a",
        calls={"run(2)": 16},
    ),
    Case(
        "destructors",
        {
            "a.c": LTO
            + "void host(int); void __wasm_call_dtors(void) { host(1); }\n"
            + "__attribute__((constructor)) static void start(void) { host(2); }\n"
            + f"{EXPORT}int run(int x) {{ return x; }}"
        },
        "--no-entry --allow-undefined a.o",
        calls={"run(3)": 3},
        heard=["env.host(2,)", "env.host(1,)"],
    ),
    Case(
        "dynamic-imports",
        {"a.c": LTO + f"extern int far; {EXPORT}int run(void) {{ return far; }}"},
        "--no-entry --unresolved-symbols=import-dynamic --experimental-pic a.o",
        has=["^import .*GOT.mem"],
    ),
    Case(
        "exceptions",
        {
            "a.cpp": THROWS
            + f'extern "C" void may(int); extern "C" {EXPORT}int run(int x)'
            + " { try { may(x); return 1; } catch (...) { return 2; } }",
            "b.cpp": THROWS + 'extern "C" void may(int x) { if (x > 3) throw x; }',
        },
        "--no-entry --allow-undefined --mllvm=-wasm-enable-eh -mllvm -exception-model=wasm a.o b.o",
        has=["tag"],
        validate=False,
    ),
    Case(
        "kinds-disagree",
        {"a.c": LTO + "extern int helper; " + EXPORT + "int run(void) { return helper; }", "b.c": LTO + HELPER},
        "--no-entry b.o a.o",
        exit=1,
        says=["symbol type mismatch: helper"],
    ),
]


WRONG_VALUES = [
    "--lto-O4",
    "--lto-O-1",
    "--lto-Ox",
    "--lto-O",
    "--lto-O9 --lto-CGO9 -O x --lto-partitions=x --initial-memory=y --threads=0",
    "--lto-CGO4",
    "--lto-CGO=2",
    "--lto-partitions=0",
    "--lto-partitions=0 --thinlto-jobs=x",
    "--thinlto-jobs=-1 -shared -pie",
    "--thinlto-jobs=99999999999",
    "--thinlto-cache-policy=foo --thinlto-prefix-replace=a",
    "--thinlto-cache-policy=: --lto-O9",
    "--thinlto-cache-policy=a:",
    "--thinlto-cache-policy=prune_after=",
    "--thinlto-cache-policy=prune_after=1",
    "--thinlto-cache-policy=prune_interval=xs",
    "--thinlto-cache-policy=prune_after=1d",
    "--thinlto-cache-policy=prune_after=1s:cache_size=50",
    "--thinlto-cache-policy=cache_size=101%",
    "--thinlto-cache-policy=cache_size=x%",
    "--thinlto-cache-policy=cache_size_bytes=1kb",
    "--thinlto-cache-policy=cache_size_bytes=",
    "--thinlto-cache-policy cache_size_files=x",
    "--thinlto-prefix-replace=a --thinlto-object-suffix-replace=b --unresolved-symbols=x",
    "--thinlto-prefix-replace=a;b;c",
]


@pytest.mark.parametrize("options", WRONG_VALUES)
def test_wrong_values(options: str, tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    case = Case("wrong-value", {"a.s": START}, f"a.o {shlex.join(options.split(' '))}", exit=1, says=["error: "])
    harness.prepare(case, tmp_path / "both", objects)
    expected = harness.run_reference(case, tmp_path / "both")
    harness.check_expectations(case, expected)
    arguments = harness.command_line(case, reference=False)
    found = harness.run_here(main, arguments, tmp_path / "both", capfdbinary.readouterr)
    assert found.status == expected.status
    assert not harness.compare_diagnostics(expected.stderr, found.stderr)


def compilers() -> list[str]:
    """zig's clang, and what does what the reference does, where it is installed."""
    return ["zig", *(name for name in ("llvm-lto2-22",) if shutil.which(name))]


def same_decisions(expected: Result, found: Result) -> None:
    name = f"{harness.OUTPUT}.resolution.txt"
    assert (name in expected.files) == (name in found.files)
    if name in expected.files:
        assert found.files[name][0].decode() == expected.files[name][0].decode()


@pytest.mark.parametrize("compiler", compilers())
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_case(
    case: Case,
    compiler: str,
    tmp_path: Path,
    objects: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, zig() if compiler == "zig" else compiler)
    case = replace(case, args=f"{case.args} --save-temps")
    for side in ("reference", "ours"):
        harness.prepare(case, tmp_path / side, objects)
    expected = harness.run_reference(case, tmp_path / "reference")
    harness.check_expectations(case, expected)
    arguments = harness.command_line(case, reference=False)
    found = harness.run_here(main, arguments, tmp_path / "ours", capfdbinary.readouterr)

    same_decisions(expected, found)
    assert found.status == expected.status, found.stderr
    assert not harness.compare_diagnostics(expected.stderr, found.stderr)
    assert found.stdout == expected.stdout
    if expected.module is None:
        return
    assert found.module is not None
    if compiler != "zig":
        assert found.module == expected.module
    sides = parsed(expected), parsed(found)
    assert [entry.name for entry in sides[1].exports] == [entry.name for entry in sides[0].exports]
    assert sorted(map(str, sides[1].imports)) == sorted(map(str, sides[0].imports))
    if case.validate:
        harness.validate(found.module)
    if case.calls:
        results, heard = harness.run_module(expected.module, case.calls)
        assert results == case.calls
        assert case.heard is None or heard == list(case.heard)
        assert harness.run_module(found.module, case.calls) == (results, heard)
