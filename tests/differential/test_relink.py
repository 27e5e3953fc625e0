"""Objects that ``-r`` wrote, linked again: by either linker, from either linker.

However it came about, the program must be that of the direct link: the results of its exports, what the host hears, and
what is exported, imported and defined.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.differential import harness
from tests.differential.asm import START, data, extern, func, string, target_features
from tests.differential.cases.liveness import constructor
from tests.differential.harness import Archive, Case, Files
from tests.support.module import Module
from tests.support.toolchain import reference_command

I32 = "() -> (i32)"
LINKERS = ("reference", "ours")


@dataclass(frozen=True)
class Program:
    """Objects that are linked at once, and in two steps: the first ones by ``-r``, then the result with the others."""

    name: str
    files: Files
    first: str
    """The arguments of the first step."""
    others: str = ""
    """Inputs of the second step."""
    options: str = ""
    calls: dict[str, object] = field(default_factory=dict)
    heard: list[str] | None = None
    bytewise: bool = False
    """Linking our own object again must give the bytes of our direct link."""
    runs: bool = True
    reference_objects: bool = True
    """The object of the reference's first step can itself be linked to the same program."""
    same_data: bool = True
    """The data must have the same size: strings of an object that ``-r`` wrote are not merged with others."""


def comdat(name: str, value: int) -> str:
    return (
        f'.section .text.{name},"G",@,grp,comdat\n.weak {name}\n.type {name},@function\n{name}:\n'
        f".functype {name} () -> (i32)\ni32.const {value}\ni32.const d\ni32.load 0\ni32.add\nend_function\n"
        f'.section .data.d,"G",@,grp,comdat\n.weak d\n.type d,@object\n.p2align 2\nd:\n.int32 {value}\n.size d, 4\n'
    )


LOG = extern("log", "(i32) -> ()") + ".import_module log, env\n.import_name log, log\n"
C = (
    "int g(int); static int h(int x) { return x * 3; }\n"
    "int (*table[])(int) = {g, h};\nint zero[100]; static int own = 4; int *where = &own;\n"
    "int run(int i) { zero[i] = 2; return table[i & 1](i) + zero[i] + *where; }\n"
)
C2 = (
    'static const char *names[] = {"zero", "one"}; static int own = 5;\n'
    "int g(int x) { return x + names[x & 1][0] + own++; }\n"
)
ENTRY = {"m.s": START}
THREADS = target_features("+atomics", "+bulk-memory", "+mutable-globals")
TLS_FLAGS = "# flags: -mcpu=mvp+atomics+bulk_memory+mutable_globals\n"
GET = ".globaltype __tls_base, i32\n" + func(
    "run", I32, "global.get __tls_base", "i32.const t@TLSREL", "i32.add", "i32.load 0"
)
TLS = TLS_FLAGS + GET + data("t", ".int32 5", section=".tdata.t", segment="T") + THREADS


def says(name: str, number: int, priority: str = "") -> str:
    return constructor(name, f"i32.const {number}", "call log", priority=priority)


PROGRAMS = [
    Program(
        "c",
        {**ENTRY, "a.c": C, "b.c": C2},
        "a.o b.o",
        "m.o",
        "--export=run",
        {"run(1)": 9, "run(2)": 2 + 122 + 5 + 6},
    ),
    Program("c-one-object-each", {**ENTRY, "a.c": C, "b.c": C2}, "a.o", "b.o m.o", "--export=run", {"run(1)": 9}),
    Program(
        "c-debug",
        {**ENTRY, "a.c": "// flags: -g\n" + C, "b.c": "// flags: -g\n" + C2 + "int unused(int z) { return z; }\n"},
        "a.o b.o",
        "m.o",
        "--export=run",
        {"run(1)": 9},
    ),
    Program(
        "c-no-gc",
        {**ENTRY, "a.c": C, "b.c": C2 + "int unused(int z) { return z; }\n"},
        "a.o b.o",
        "m.o",
        "--no-gc-sections --export=run",
        {"run(1)": 9},
    ),
    Program(
        "pic-objects",
        {**ENTRY, "a.c": "// flags: -fPIC\n" + C, "b.c": "// flags: -fPIC\n" + C2},
        "a.o b.o",
        "m.o",
        "--export=run",
        {"run(1)": 9},
    ),
    Program(
        "wasm64",
        {
            "m.s": "# flags: -target wasm64-freestanding\n" + START,
            "a.c": "// flags: -target wasm64-freestanding\n" + C,
            "b.c": "// flags: -target wasm64-freestanding\n" + C2,
        },
        "-m wasm64 a.o b.o",
        "m.o",
        "-m wasm64 --export=run",
        {"run(1)": 9},
        same_data=False,
    ),
    Program(
        "constructors",
        {
            "a.s": LOG + says("c", 3, "300") + says("z", 9),
            "b.s": LOG + says("a", 1, "1") + says("y", 8),
            "m.s": func("_start", "() -> ()", "call __wasm_call_ctors")
            + extern("__wasm_call_ctors")
            + LOG
            + says("m", 4, "200"),
        },
        "a.o b.o",
        "m.o",
        "",
        {"_start()": None},
        ["env.log(1,)", "env.log(4,)", "env.log(3,)", "env.log(9,)", "env.log(8,)"],
    ),
    Program(
        "comdat-kept",
        {
            **ENTRY,
            "a.s": comdat("f", 1) + func("run", I32, "call f"),
            "b.s": comdat("f", 2) + func("other", I32, "call f"),
        },
        "a.o b.o",
        "m.o",
        "--export=run --export=other",
        {"run()": 2, "other()": 2},
    ),
    Program(
        "comdat-lost-in-second-step",
        {
            **ENTRY,
            "a.s": comdat("f", 1) + func("run", I32, "call f"),
            "b.s": comdat("f", 2) + func("other", I32, "call f"),
        },
        "b.o",
        "",
        "a.o m.o --export=run --export=other",
        {"run()": 4, "other()": 4},
    ),
    Program(
        "comdat-cpp",
        {
            **ENTRY,
            **{
                n: "template <class T> struct C { static T n; static T next() { return ++n; } };\n"
                "template <class T> T C<T>::n = 40;\n" + f'extern "C" int run_{n[0]}() {{ return C<int>::next(); }}\n'
                for n in ("a.cpp", "b.cpp")
            },
        },
        "a.o b.o",
        "m.o",
        "--export=run_a --export=run_b",
        {"run_a()": 41, "run_b()": 42},
    ),
    Program(
        "weak-overridden-in-second-step",
        {
            "a.s": func("f", I32, "i32.const 1", flags="weak") + func("run", I32, "call f"),
            "m.s": START + func("f", I32, "i32.const 2"),
        },
        "a.o",
        "m.o",
        "--export=run",
        {"run()": 2},
    ),
    Program(
        "weak-undefined",
        {
            **ENTRY,
            "a.s": func("run", I32, "i32.const w", "i32.const f", "i32.add") + extern("f", I32, "weak") + ".weak w\n",
        },
        "a.o",
        "m.o",
        "--export=run",
        {"run()": 0},
    ),
    Program(
        "weak-undefined-defined-in-second-step",
        {"a.s": func("run", I32, "call f") + extern("f", I32, "weak"), "m.s": START + func("f", I32, "i32.const 2")},
        "a.o",
        "m.o",
        "--export=run",
        {"run()": 2},
    ),
    Program(
        "weak-reference-beside-archive",
        {
            **ENTRY,
            "a.s": func("run", I32, "i32.const f") + extern("f", I32, "weak"),
            "lib.a": Archive({"f.s": func("f", I32, "i32.const 2")}),
        },
        "a.o lib.a",
        "m.o",
        "--export=run",
        {"run()": 0},
        reference_objects=False,
    ),
    Program(
        "hidden",
        {
            **ENTRY,
            "a.s": func("f", I32, "i32.const 3", flags="globl hidden"),
            "b.s": func("run", I32, "call f") + extern("f", I32),
        },
        "a.o b.o",
        "m.o",
        "--export-dynamic",
        {"run()": 3},
    ),
    Program(
        "local-names",
        {
            **ENTRY,
            **{
                n: func("own", I32, f"i32.const {v}", flags="")
                + func(f"run_{n[0]}", I32, "call own", "i32.const 0", "i32.load d", "i32.add")
                + data("d", f".int32 {v * 10}", flags="")
                for n, v in (("a.s", 1), ("b.s", 2))
            },
        },
        "a.o b.o",
        "m.o",
        "--export=run_a --export=run_b",
        {"run_a()": 11, "run_b()": 22},
    ),
    Program(
        "aliases",
        {
            **ENTRY,
            "a.c": 'int f(void) { return 6; }\nint g(void) __attribute__((alias("f")));\n'
            'int h(void) __attribute__((weak, alias("f")));\n',
        },
        "a.o",
        "m.o",
        "--export=f --export=g --export=h",
        {"f()": 6, "g()": 6, "h()": 6},
    ),
    Program(
        "alias-overridden",
        {
            "a.c": "int f(void) { return 6; }\nint g(void) __attribute__((weak, "
            'alias("f")));\nint run(void) { return g(); }\n',
            "m.s": START + func("g", I32, "i32.const 8"),
        },
        "a.o",
        "m.o",
        "--export=run --export=f",
        {"run()": 8, "f()": 6},
    ),
    Program(
        "import-attributes",
        {
            **ENTRY,
            "a.s": func("run", I32, "i32.const 4", "call g")
            + extern("g", "(i32) -> (i32)")
            + ".import_module g, host\n.import_name g, fn\n",
        },
        "a.o",
        "m.o",
        "--export=run",
        {"run()": 0},
        ["host.fn(4,)"],
    ),
    Program(
        "export-names",
        {**ENTRY, "a.s": func("f", I32, "i32.const 4", extra=".export_name f, f")},
        "a.o",
        "m.o",
        "",
        {"f()": 4},
    ),
    Program(
        "export-names-other-than-symbols",
        {
            **ENTRY,
            "a.c": '__attribute__((export_name("outer"))) int f(void) { return 4; }\n'
            '__attribute__((weak, export_name("w2"))) int w(void) { return 6; }\n',
            "b.c": '__attribute__((export_name("w3"))) int w(void) { return 7; }\n',
        },
        "a.o b.o",
        "m.o",
        "",
        {"outer()": 4, "w3()": 7},
        reference_objects=False,
    ),
    Program(
        "weak-tables",
        {
            **ENTRY,
            **{
                n: "# flags: -mcpu=mvp+reference_types\n.tabletype t, externref, "
                + f"{v}\n"
                + func(f"run_{n[0]}", I32, "table.size t")
                + ".weak t\nt:\n"
                for n, v in (("a.s", 1), ("b.s", 2))
            },
        },
        "a.o b.o",
        "m.o",
        "--export=run_a --export=run_b",
        {"run_a()": 1, "run_b()": 1},
        reference_objects=False,
    ),
    Program(
        "used",
        {
            **ENTRY,
            "a.c": "__attribute__((used)) static int f(void) { return 1; }\n"
            "__attribute__((used)) int x = 3;\nint run(void) { return x; }\n",
        },
        "a.o",
        "m.o",
        "--export=run",
        {"run()": 3},
    ),
    Program(
        "strings",
        {
            **ENTRY,
            "a.s": string("s", "hello") + func("run", I32, "i32.const 0", "i32.load8_u s+1"),
            "b.s": string("s", "hello") + string("u", "llo") + func("other", I32, "i32.const 0", "i32.load8_u u+2"),
        },
        "a.o b.o",
        "m.o",
        "--export=run --export=other",
        {"run()": ord("e"), "other()": ord("o")},
        same_data=False,
    ),
    Program(
        "zero-and-alignment",
        {
            **ENTRY,
            "a.s": data("z", ".skip 40", section=".bss.z", size=40)
            + data("b", ".int8 1", size=1, align=0)
            + data("w", ".int64 7", size=8, align=5)
            + func(
                "run",
                I32,
                "i32.const w",
                "i32.const 31",
                "i32.and",
                "i32.const 0",
                "i32.load z",
                "i32.add",
                "i32.const 0",
                "i32.load8_u b",
                "i32.add",
            ),
        },
        "a.o",
        "m.o",
        "--export=run",
        {"run()": 1},
    ),
    Program(
        "start-stop",
        {
            **ENTRY,
            "a.s": data("i", ".int32 1", section="items", segment="R"),
            "b.s": data("j", ".int32 2", ".int32 3", section="items", segment="R", size=8)
            + func("run", I32, "i32.const __stop_items", "i32.const __start_items", "i32.sub"),
        },
        "a.o b.o",
        "m.o",
        "--export=run",
        reference_objects=False,
    ),
    Program(
        "type-index",
        {
            **ENTRY,
            "a.s": func("run", I32, "i32.const f", "call_indirect () -> (i32)") + func("f", I32, "i32.const 9"),
            "b.s": func("use", "() -> ()", "i64.const 0", "i32.const 0", "call_indirect (i64) -> ()"),
        },
        "b.o a.o",
        "m.o",
        "--export=run --export=use",
        {"run()": 9, "use()": harness.TRAP},
    ),
    Program(
        "globals-tables",
        {
            **ENTRY,
            "a.s": "# flags: -mcpu=mvp+reference_types+mutable_globals\n"
            ".globaltype g, i32\n.tabletype t, externref, 3\n"
            + func("run", I32, "i32.const 5", "global.set g", "global.get g", "table.size t", "i32.add")
            + ".globl g\ng:\n.globl t\nt:\n"
            + target_features("+mutable-globals", "+reference-types"),
        },
        "a.o",
        "m.o",
        "--export=run",
        {"run()": 8},
    ),
    Program(
        "tags",
        {
            **ENTRY,
            "a.s": "# flags: -mcpu=mvp+exception_handling\n.tagtype e i32\n"
            + func("run", "() -> ()", "i32.const 1", "throw e"),
            "b.s": "# flags: -mcpu=mvp+exception_handling\n.tagtype e i32\n.globl e\ne:\n",
        },
        "a.o b.o",
        "m.o",
        "--export=run",
        runs=False,
    ),
    Program(
        "tls-shared",
        {"m.s": TLS_FLAGS + START + THREADS, "a.s": TLS},
        "a.o",
        "m.o",
        "--shared-memory --export=run",
        runs=False,
    ),
    Program("tls-lowered", {**ENTRY, "a.s": TLS}, "a.o", "m.o", "--export=run", {"run()": 5}),
    Program(
        "custom-sections",
        {**ENTRY, **{n: func(n[0]) + f'.section .custom_section.note,"",@\n.ascii "{n}"\n' for n in ("a.s", "b.s")}},
        "a.o b.o",
        "m.o",
        "--export=a --export=b",
    ),
    Program(
        "absolute-debug-references",
        {
            **ENTRY,
            **{
                n: func(n[0])
                + data(f"x_{n[0]}", ".int32 1")
                + f'.section .debug_note,"",@\n.Lnote:\n.int32 {n[0]}\n.int32 x_{n[0]}+4\n.int32 .Lnote\n'
                for n in ("a.s", "b.s")
            },
        },
        "a.o b.o",
        "m.o",
        "--export=a --export=b --export=x_a",
    ),
    Program(
        "wrap-in-second-step",
        {
            "a.s": func("run", I32, "call f") + extern("f", I32),
            "b.s": func("f", I32, "i32.const 1"),
            "m.s": START + func("__wrap_f", I32, "call __real_f", "i32.const 10", "i32.add") + extern("__real_f", I32),
        },
        "a.o b.o",
        "m.o",
        "--wrap=f --export=run",
        {"run()": 11},
    ),
    Program(
        "archive-in-first-step",
        {
            "m.s": func("_start", "() -> ()", "call f", "drop") + extern("f", I32),
            "a.s": func("run", I32, "call f") + extern("f", I32),
            "lib.a": Archive({"f.s": func("f", I32, "i32.const 2"), "g.s": func("never", I32, "i32.const 3")}),
        },
        "a.o lib.a",
        "m.o",
        "--export=run",
        {"run()": 2},
        bytewise=True,
    ),
    Program(
        "archive-in-second-step",
        {
            **ENTRY,
            "a.s": func("run", I32, "call f") + extern("f", I32),
            "lib.a": Archive({"f.s": func("f", I32, "i32.const 2")}),
        },
        "a.o",
        "m.o lib.a",
        "--export=run",
        {"run()": 2},
    ),
]


@pytest.fixture
def step(
    tmp_path: Path, objects: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[[str, str, list[str]], None]:
    """One link, by either linker, of files in the directory of a test. Fails if the link does."""
    from wasmlink_tool.cli import main

    def run(linker: str, output: str, arguments: list[str]) -> None:
        case = Case("", {}, "", output=False)
        command = [*harness.command_line(case, reference=False), "-o", output, *arguments]
        if linker == "ours":
            result = harness.run_here(main, command, tmp_path / "work", capfdbinary.readouterr)
        else:
            result = harness.run_process(reference_command(), command, tmp_path / "work")
        assert result.status == 0, f"{linker}: {arguments}\n{result.stderr}"
        assert not result.stderr, result.stderr

    return run


def shape(module: Module) -> dict[str, object]:
    """Return the properties that must not depend on the steps, in no order, without locations and numbers."""
    kept = [name for name in module.sections if not name.startswith("custom:reloc.")]
    return {
        "sections": kept,
        "imports": sorted(
            (
                entry.module,
                entry.name,
                entry.kind,
                str(module.types[entry.type] if isinstance(entry.type, int) else entry.type),
            )
            for entry in module.imports
        ),
        "exports": sorted((entry.name, entry.kind) for entry in module.exports),
        "functions": sorted(
            (module.names.get("function", {}).get(index, ""), str(module.types[number]))
            for index, number in enumerate(module.functions, len(module.imported("func")))
        ),
        "bodies": sorted(len(body) for body in module.code),
        "globals": sorted((entry.type, entry.mutable) for entry in module.globals),
        "tables": [(element, str(limits)) for element, limits in module.tables],
        "memories": [str(limits) for limits in module.memories],
        "tags": len(module.tags),
        "elements": [len(element.functions) for element in module.elements],
        "data": [(segment.flags, len(segment.content)) for segment in module.data],
        "customs": sorted((name, len(content)) for name, content in module.customs if name != "name"),
    }


def prepare(program: Program, tmp_path: Path, objects: Path) -> None:
    harness.prepare(Case(program.name, program.files, ""), tmp_path / "work", objects)


@pytest.mark.parametrize("program", [pytest.param(program, id=program.name) for program in PROGRAMS])
def test_two_steps(
    program: Program, tmp_path: Path, objects: Path, step: Callable[[str, str, list[str]], None]
) -> None:
    prepare(program, tmp_path, objects)
    directory = tmp_path / "work"
    first, others, options = program.first.split(), program.others.split(), program.options.split()
    inputs = [argument for argument in first if not argument.startswith("-") and argument != "wasm64"]
    for linker in LINKERS:
        step(linker, f"{linker}.wasm", ["--soname=same", *inputs, *others, *options])
        step(linker, f"{linker}.o", ["-r", *first])
    expected = shape(harness.parsed(harness.Result(0, (directory / "reference.wasm").read_bytes(), "", {})))
    modules: dict[str, bytes] = {}
    for made, used in itertools.product(LINKERS if program.reference_objects else LINKERS[1:], LINKERS):
        output = f"{made}-{used}.wasm"
        step(used, output, ["--soname=same", f"{made}.o", *others, *options])
        module = (directory / output).read_bytes()
        found = shape(harness.parsed(harness.Result(0, module, "", {})))
        if not program.same_data:
            found["data"] = expected["data"]
        assert found == expected, f"{used} of {made}'s object"
        if program.runs:
            harness.validate(module)
            results, heard = harness.run_module(module, program.calls)
            assert results == program.calls, f"{used} of {made}'s object"
            assert program.heard is None or heard == program.heard
        assert modules.setdefault(made, module) == module, f"the two linkers make different modules of {made}'s object"
        if program.bytewise and used == made == "ours":
            assert module == (directory / "ours.wasm").read_bytes()


@pytest.mark.parametrize("program", [pytest.param(program, id=program.name) for program in PROGRAMS])
def test_an_object_linked_alone_stays_what_it_is(
    program: Program, tmp_path: Path, objects: Path, step: Callable[[str, str, list[str]], None]
) -> None:
    """A second ``-r`` over the result of the first changes nothing."""
    prepare(program, tmp_path, objects)
    directory = tmp_path / "work"
    target = ["-m", "wasm64"] if "wasm64" in program.first else []
    step("ours", "one.o", ["--soname=same", "-r", *program.first.split()])
    step("ours", "two.o", ["--soname=same", "-r", *target, "one.o"])
    step("ours", "three.o", ["--soname=same", "-r", *target, "two.o"])
    assert (directory / "two.o").read_bytes() == (directory / "three.o").read_bytes()
