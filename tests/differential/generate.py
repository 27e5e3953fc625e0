"""Random small programs: a few objects and archives whose symbols meet each other in all kinds of ways."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from random import Random

from tests.differential.asm import target_features
from tests.differential.harness import Archive, Case

SIGNATURES = ("() -> ()", "(i32) -> ()", "() -> (i32)", "(i32, i64) -> (i32)", "(f64) -> (f32)")
FUNCTIONS = [f"f{i}" for i in range(12)]
VARIABLES = [f"d{i}" for i in range(8)]
IMPORTED = {"f10": "f10", "f11": "shared", "f6": "shared"}
"""Functions that mostly nothing defines, with the names under which the host has them."""
TAGS = {"e0": "", "e1": "i32", "e2": "i32, i64"}
# No assembler defines a global function reference.
GLOBALS = {"g0": "i32", "g1": "externref", "g2": "i64, immutable", "g3": "funcref"}
TABLES = {"t0": "externref", "t1": "funcref", "t2": "externref, 3"}
MORE_SIGNATURES = ("(i32) -> (i32, i64)", "(externref) -> ()", "(i64, i32) -> (f64, f64)")
LINKER_DATA = ("__heap_base", "__data_end", "__dso_handle", "__global_base", "__start_items", "__stop_items", "nowhere")
FEATURES = ("mutable-globals", "sign-ext", "reference-types", "exception-handling", "bulk-memory", "multivalue")
SECTIONS = (".data", ".rodata", ".bss", ".custom", "items", ".data.rel.ro")
OPTIONS = (
    "--no-gc-sections",
    "--export-all",
    "--export-dynamic",
    "--no-stack-first",
    "--strip-debug",
    "--strip-all",
    "--print-gc-sections",
    "--import-memory",
    "--import-table",
    "--export-table",
    "--growable-table",
    "--table-base=7",
    "-O0",
    "--no-merge-data-segments",
    "--features=bulk-memory",
    "--import-undefined",
    "--trace-symbol=f1",
    "--why-extract=why.txt",
    "-Map=out.map",
    "--build-id=sha1",
    "--initial-heap=65536",
    "--max-memory=1048576",
    "-z stack-size=4096",
    "--noinhibit-exec",
    "--allow-multiple-definition",
    "--export-if-defined=f2",
    "--export=f3",
    "--undefined=f4",
    "--entry=f5",
    "--export-if-defined=d1",
    "--trace",
    "--no-check-features",
    "--warn-unresolved-symbols",
    "--export=__heap_base",
    "--fatal-warnings",
    "--error-limit=3",
    "--whole-archive",
    "--start-lib",
)
POLICIES = ("--allow-undefined", "--unresolved-symbols=ignore-all", "--unresolved-symbols=ignore-all", "")


def signature(name: str, random: Random) -> str:
    """The function's type, from its name; now and then another one."""
    number = int(name.removeprefix("f")) if random.random() > 0.004 else random.randrange(5)
    return SIGNATURES[number % len(SIGNATURES)]


def zeros(types: str) -> list[str]:
    """Constants of some types, for the stack."""
    return [
        "ref.null_extern" if kind == "externref" else f"{kind}.const {'0.0' if kind.startswith('f') else 0}"
        for kind in map(str.strip, types.split(","))
        if kind
    ]


class ObjectSource:
    """Writes one object's assembly."""

    def __init__(self, random: Random, number: int, count: int, *, rich: bool = False) -> None:
        self.random = random
        self.rich = rich
        """Write more than functions and data."""
        self.number = number
        self.count = count
        """The number of sources of the program: each name has a strong definition in one of them, mostly."""
        self.items_flags = random.choice(("", "R"))
        self.signatures: dict[str, str] = {}
        self.lines: list[str] = []
        self.defined: set[str] = set()
        self.used: set[str] = set()

    def type_of(self, name: str) -> str:
        return self.signatures.setdefault(name, signature(name, self.random))

    def body(self) -> list[str]:
        random, lines = self.random, []
        for _ in range(random.randrange(5)):
            name, variable = random.choice(FUNCTIONS), random.choice(VARIABLES)
            if self.rich and random.random() < 0.35:
                lines += self.rich_use()
                continue
            match random.randrange(6):
                case 0 | 1 | 2:
                    parameters, results = (part.strip(" ()") for part in self.type_of(name).split("->"))
                    lines += [*zeros(parameters), f"call {name}", *["drop"] * bool(results)]
                    self.used.add(name)
                case 3:
                    self.type_of(name)
                    lines += [f"i32.const {name}", "drop"]
                    self.used.add(name)
                case 4:
                    lines += [f"i32.const {variable}+{random.choice((0, 4, 8))}", "drop"]
                    self.used.add(variable)
                case _:
                    lines += ["i32.const 0", f"i32.load {variable}", "drop"]
                    self.used.add(variable)
        return lines

    def rich_use(self) -> list[str]:
        """Something of another kind than functions and data that everybody uses."""
        random = self.random
        tag, variable, table = random.choice([*TAGS]), random.choice([*GLOBALS]), random.choice([*TABLES])
        match random.randrange(9):
            case 0:
                self.used.add(tag)
                return ["block", "i32.const 0", "br_if 0", *zeros(TAGS[tag]), f"throw {tag}", "end_block"]
            case 1:
                self.used.add(variable)
                return [f"global.get {variable}", "drop"]
            case 2:
                self.used.add(table)
                return [f"table.size {table}", "drop"]
            case 3:
                return [f"i32.const {random.choice(LINKER_DATA)}", "drop"]
            case 4:
                kind = random.choice((*SIGNATURES, *MORE_SIGNATURES))
                parameters, results = (part.strip(" ()") for part in kind.split("->"))
                return [*zeros(parameters), "i32.const 0", f"call_indirect {kind}", *["drop"] * len(zeros(results))]
            case 5:
                prefix = random.choice(("__wrap_", "__real_", "alias_"))
                name = random.choice(FUNCTIONS)
                own = signature(name, random)
                own = self.signatures.setdefault(prefix + name, own)
                parameters, results = (part.strip(" ()") for part in own.split("->"))
                self.used.add(prefix + name)
                return [*zeros(parameters), f"call {prefix}{name}", *["drop"] * bool(results)]
            case 6:
                return ["global.get __stack_pointer", "drop"]
            case 7:
                self.used.add(variable)
                return [f"i32.const alias_{random.choice(VARIABLES)}", "drop"]
            case _:
                self.signatures["__wasm_call_ctors"] = "() -> ()"
                return ["call __wasm_call_ctors"] if random.random() < 0.1 else []

    def declarations(self) -> list[str]:
        """Return the declarations that the assembler needs before the first use."""
        lines = [".globaltype __stack_pointer, i32"]
        for name, own in TAGS.items():
            changed = "i32" if self.random.random() < 0.01 and name not in self.used else own
            lines.append(f".tagtype {name} {changed}")
        for name, own in GLOBALS.items():
            lines.append(f".globaltype {name}, {'f32' if self.random.random() < 0.005 else own}")
        for name, own in TABLES.items():
            lines.append(f".tabletype {name}, {'funcref' if self.random.random() < 0.005 else own}")
        return lines

    def others(self) -> None:
        """Definitions of tags, globals and tables, aliases, wrappers, and custom sections."""
        random = self.random
        self.lines.append('.section .text.others,"",@')
        for name in (*TAGS, *GLOBALS, *TABLES):
            if name not in self.used or name in self.defined:
                continue
            if random.random() < 0.6 and name != "g3":
                owner = int(re.sub(r"\D", "", name)) % self.count == self.number or random.random() < 0.02
                binding = "globl" if owner else "weak" if random.random() < 0.9 else ""
                self.lines += [f".{binding} {name}"] if binding else []
                self.lines += [f".hidden {name}"] if binding and random.random() < 0.1 else []
                self.lines.append(f"{name}:")
                self.defined.add(name)
            elif random.random() < 0.7:
                self.lines += [f".import_module {name}, host", f".import_name {name}, {name}_host"]
        for name in sorted(self.defined & {*FUNCTIONS}):
            if random.random() < 0.2:
                alias = f"alias_{name}"
                self.signatures.setdefault(alias, self.signatures[name])
                if self.signatures[alias] == self.signatures[name] and alias not in self.defined:
                    binding = random.choice(("globl", "weak", "weak"))
                    self.lines += [f".{binding} {alias}", f".type {alias},@function", f".set {alias}, {name}"]
                    self.defined.add(alias)
        for name in sorted(self.defined & {*VARIABLES}):
            if random.random() < 0.2:
                self.lines += [f".{random.choice(('globl', 'weak'))} alias_{name}", f".type alias_{name},@object"]
                self.lines += [f".size alias_{name}, 8", f".set alias_{name}, {name}"]
        for prefix in ("__wrap_", "__real_"):
            for name in FUNCTIONS:
                if prefix + name in self.used and random.random() < 0.5:
                    self.function(prefix + name)
        for _ in range(random.randrange(3)):
            self.custom_section()
        if random.random() < 0.2:
            chosen = random.sample(FEATURES, random.randint(1, 4))
            prefix = "-" if random.random() < 0.1 else "+"
            self.lines.append(target_features(*[prefix + name for name in chosen]))

    def custom_section(self) -> None:
        random = self.random
        title = random.choice((".custom_section.note", ".debug_note", ".custom_section.llvm.func_attr.annotate.a"))
        if title == ".custom_section.note" and random.random() < 0.3:
            self.lines.append('.section .custom_section.note,"G",@,note_group,comdat')
        else:
            self.lines.append(f'.section {title},"",@')
        label = f".L{title.rsplit('.', 1)[-1]}_{len(self.lines)}"
        self.lines.append(f"{label}:")
        for _ in range(random.randrange(4)):
            function = random.choice([*FUNCTIONS])
            self.type_of(function)
            match random.randrange(5):
                case 0:
                    self.lines.append(f".int32 {label}+1")
                case 1 if function in self.defined:
                    self.lines.append(f".int32 {function}")
                case 2:
                    self.lines.append(f".int32 {random.choice(VARIABLES)}+2")
                case 3 if function in self.defined or random.random() < 0.3:
                    self.lines.append(f".int32 {function}@FUNCINDEX")
                case _:
                    self.lines.append(".int16 7")
        if random.random() < 0.4:
            self.lines.append('.section .debug_str,"S",@')
            for text in random.sample(("one", "bone", "two", "a two", ""), 3):
                self.lines.append(f'.asciz "{text}"')

    def section(self, title: str) -> str:
        if self.random.random() < 0.12:
            return f'.section {title},"G",@,{title.replace(".", "_")},comdat'
        return f'.section {title},"",@'

    def binding(self, name: str) -> list[str]:
        choice = self.random.random()
        owner = int(re.sub(r"\D", "", name)) % self.count == self.number or choice < 0.01
        lines = [f".globl {name}"] if owner else [f".weak {name}"] if choice < 0.9 else []
        return [*lines, f".hidden {name}"] if lines and self.random.random() < 0.15 else lines

    def function(self, name: str) -> None:
        own = self.type_of(name) if name in FUNCTIONS else self.signatures[name]
        results = own.split("->")[1].strip(" ()")
        self.lines += [
            self.section(f".text.{name}"),
            f".type {name},@function",
            *self.binding(name),
            f"{name}:",
            f".functype {name} {own}",
        ]
        self.lines += [*self.body(), *zeros(results), "end_function"]
        if self.random.random() < 0.05:
            self.lines.append(f".no_dead_strip {name}")
        if self.random.random() < 0.05:
            # wasm-ld's relocatable output forgets another name.
            self.lines.append(f".export_name {name}, {name if self.rich else 'exported_' + name}")
        self.defined.add(name)

    def variable(self, name: str) -> None:
        random = self.random
        title = random.choice(SECTIONS)
        if title != "items":
            title = f"{title}.{name}"
        content = (
            [".skip 8"] if title.startswith(".bss") else [f".int32 {random.randrange(100)}", f".int32 {self.pointee()}"]
        )
        flags = self.items_flags if title == "items" else "R" if random.random() < 0.08 else ""
        head = f'.section {title},"{flags}",@' if flags or title == "items" else self.section(title)
        self.lines += [
            f".type {name},@object",
            head,
            f".p2align {random.choice((0, 2, 2, 3, 4))}",
            *self.binding(name),
            f"{name}:",
            *content,
            f".size {name}, 8",
        ]
        self.defined.add(name)

    def pointee(self) -> str:
        target = self.random.choice([*FUNCTIONS, *VARIABLES])
        if target in FUNCTIONS:
            self.type_of(target)
        self.used.add(target)
        return target if target in FUNCTIONS or self.random.random() < 0.5 else f"{target}+4"

    def string(self, ident: str) -> None:
        text = self.random.choice(("text", "a text", "ext", "", "other", "another"))
        self.lines += [
            f'.section .rodata.str_{ident},"S",@',
            f"s_{ident}:",
            f'.asciz "{text}"',
            f".size s_{ident}, {len(text) + 1}",
        ]
        self.lines += [
            f'.section .data.ps_{ident},"",@',
            ".p2align 2",
            f".globl ps_{ident}",
            f"ps_{ident}:",
            f".int32 s_{ident}",
            f".size ps_{ident}, 4",
        ]

    def constructor(self) -> None:
        own = self.random.choice(("() -> ()", "() -> (i32)"))
        name = f"init{self.number}"
        self.signatures[name] = own
        self.lines += [
            f'.section .text.{name},"",@',
            f".type {name},@function",
            f"{name}:",
            f".functype {name} {own}",
            *self.body(),
        ]
        self.lines += [*zeros(own.split("->")[1].strip(" ()")), "end_function"]
        self.lines += [
            f'.section .init_array{self.random.choice(("", ".5", ".100"))},"",@',
            ".p2align 2",
            f".int32 {name}",
        ]

    def text(self, *, start: bool) -> str:
        random = self.random
        for name in random.sample(FUNCTIONS, random.randint(1, 4)):
            if name in IMPORTED and random.random() < 0.95:
                continue
            self.function(name)
        for name in random.sample(VARIABLES, random.randint(0, 3)):
            self.variable(name)
        if random.random() < 0.3:
            self.string(f"{self.number}_{random.randrange(1000)}")
        if random.random() < 0.2:
            self.constructor()
        if start:
            self.lines += [
                '.section .text._start,"",@',
                ".type _start,@function",
                ".globl _start",
                "_start:",
                ".functype _start () -> ()",
                *self.body(),
                *self.body(),
                "end_function",
            ]
        if self.rich:
            self.others()
        for name in sorted(self.used - self.defined - {*GLOBALS, *TABLES}):
            if random.random() < 0.2 and name not in TAGS:
                self.lines.append(f".weak {name}")
            if name in IMPORTED and random.random() < 0.98:
                self.lines += [f".import_module {name}, host", f".import_name {name}, {IMPORTED[name]}"]
        declared = [f".functype {name} {own}" for name, own in self.signatures.items()]
        if self.rich:
            declared = [RICH_FLAGS, *declared, *self.declarations()]
        return "\n".join([*declared, *self.lines, ""])


RICH_OPTIONS = (
    *(option for option in OPTIONS if not option.startswith("--features")),
    "--features=bulk-memory,exception-handling,multivalue,mutable-globals,reference-types",
    "--wrap=f1",
    "--wrap=f2",
    "--wrap=f3 --wrap=f4",
    "--wrap=d1",
    "--page-size=1",
    "-O2",
    "--export=alias_f2",
    "--export=g0",
    "--export=e1",
    "--export-if-defined=t0",
    "--export=nothing",
    "-S --compress-relocations",
    "-s --keep-section=note",
    "--no-entry",
    "--extra-features=multivalue",
    "--trace-symbol=__wrap_f1",
    "--undefined=d3",
    "--soname=other",
    "--export-memory=memory",
    "--import-memory=a,b",
    "--error-limit=0",
    "-z muldefs",
)
RICH_FLAGS = "# flags: -mcpu=mvp+reference_types+exception_handling+bulk_memory+mutable_globals+multivalue"
STUB = """#STUB
f10: f2, f3
f4: d1
shared: missing
e1
"""


def rich_program(seed: int, *, relocatable: bool | None = None) -> Case:
    """The same of whatever an object file can hold, in archives of all kinds, with more options."""
    random = Random(f"rich {seed}")
    files: dict[str, str | bytes | Archive | None] = {}
    inputs: list[str] = []
    count = random.randint(2, 6)
    for number in range(count):

        def source(name: str, number: int = number) -> str:
            return ObjectSource(random, number, count, rich=True).text(start=name == "o0.s")

        if number and random.random() < 0.4:
            members = {f"m{number}{letter}.s": source("") for letter in "xyz"[: random.randint(1, 3)]}
            name = f"lib{number}.a"
            thin = random.random() < 0.2
            files[name] = Archive(members, thin=thin, index=random.random() < 0.9)
            if thin and random.random() < 0.5:
                files[f"outer{number}.a"] = Archive([name], thin=True)
                name = f"outer{number}.a"
        else:
            files[f"o{number}.s"] = source(f"o{number}.s")
            name = f"o{number}.o"
        around = random.random()
        if around < 0.06:
            inputs.append(f"--start-lib {name} --end-lib")
        elif around < 0.12:
            inputs.append(f"--whole-archive {name} --no-whole-archive")
        else:
            inputs.append(name)
    if random.random() < 0.15:
        files["libstub.so"] = "".join(
            line + "\n" for line in STUB.splitlines() if line == "#STUB" or random.random() < 0.4
        )
        inputs.insert(random.randrange(len(inputs) + 1), "libstub.so")
    options = random.sample(RICH_OPTIONS, random.randint(0, 4))
    if relocatable or (relocatable is None and random.random() < 0.2):
        options.append("-r")
    elif random.random() < 0.15:
        options.append("--emit-relocs")
    arguments = [*inputs, *options, random.choice(POLICIES)]
    if random.random() < 0.3:
        random.shuffle(arguments)
    ignored = []
    kept = "-r" in options or "--emit-relocs" in options
    if kept:
        # wasm-ld forgets flags of segments, and the places of what it compressed.
        ignored += [
            "linking segment",
            *(["custom build_id"] if any("build-id" in option for option in options) else []),
        ]
        ignored += ["reloc.CODE:"] if "-S --compress-relocations" in options else []
    ignore = f"^({'|'.join(ignored)})" if ignored else ""
    return Case(f"rich-{seed}", files, " ".join(arguments), validate=False, bytewise=not kept, ignore=ignore)


def program(seed: int) -> Case:
    """The program of a seed, with its command line. Nothing is expected of it but that both linkers agree."""
    random = Random(seed)
    files: dict[str, str | bytes | Archive | None] = {}
    inputs: list[str] = []
    count = random.randint(2, 5)
    for number in range(count):
        if number and random.random() < 0.35:
            members = {
                f"m{number}{letter}.s": ObjectSource(random, number, count).text(start=False)
                for letter in "xyz"[: random.randint(1, 3)]
            }
            files[f"lib{number}.a"] = Archive(members)
            inputs.append(f"lib{number}.a")
        else:
            files[f"o{number}.s"] = ObjectSource(random, number, count).text(start=number == 0)
            inputs.append(f"o{number}.o")
    options = random.sample(OPTIONS, random.randint(0, 4))
    arguments = [*inputs, *options, random.choice(POLICIES)]
    if random.random() < 0.3:
        random.shuffle(arguments)
    return Case(f"seed-{seed}", files, " ".join(arguments), validate=False)


def without_contradictions(case: Case) -> Case:
    """Return a program without the contradictions that no option of the linker allows.

    Some programs have them on purpose: objects that import one function from different modules, stub libraries that
    need a symbol which nothing defines, options that exclude each other, and code that is not position-independent in
    a shared library.
    """
    return replace(
        case,
        files={name: _consistent(content) for name, content in case.files.items()},
        args=re.sub(r"(^| )(-shared|-pie|--export-table)(?= |$)", "", case.args),
    )


def _consistent(content: str | bytes | Archive | None) -> str | bytes | Archive | None:
    if isinstance(content, Archive) and isinstance(content.members, Mapping):
        members = {name: _consistent_text(member) for name, member in content.members.items()}
        return replace(content, members=members)
    return _consistent_text(content) if isinstance(content, str) else content


def _consistent_text(content: str | bytes) -> str | bytes:
    if isinstance(content, bytes):
        return content
    names = "|".join(IMPORTED)
    content = re.sub(rf"^\.import_(module|name) ({names}), .*\n", "", content, flags=re.MULTILINE)
    return content.replace("shared: missing\n", "")
