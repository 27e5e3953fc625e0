"""Random small programs: a few objects and archives whose symbols meet each other in all kinds of ways."""

from __future__ import annotations

from random import Random

from tests.differential.harness import Archive, Case

SIGNATURES = ("() -> ()", "(i32) -> ()", "() -> (i32)", "(i32, i64) -> (i32)", "(f64) -> (f32)")
FUNCTIONS = [f"f{i}" for i in range(12)]
VARIABLES = [f"d{i}" for i in range(8)]
IMPORTED = {"f10": "f10", "f11": "shared", "f6": "shared"}
"""Functions that nothing defines, mostly, and the names under which the host has them."""
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
    return [
        f"{kind.strip()}.const {'0.0' if kind.strip().startswith('f') else 0}"
        for kind in types.split(",")
        if kind.strip()
    ]


class ObjectSource:
    """Writes one object's assembly."""

    def __init__(self, random: Random, number: int, count: int) -> None:
        self.random = random
        self.number = number
        self.count = count
        """Of the program's sources: each name is defined strongly in one of them, mostly."""
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

    def section(self, title: str) -> str:
        if self.random.random() < 0.12:
            return f'.section {title},"G",@,{title.replace(".", "_")},comdat'
        return f'.section {title},"",@'

    def binding(self, name: str) -> list[str]:
        choice = self.random.random()
        owner = int(name[1:]) % self.count == self.number or choice < 0.01
        lines = [f".globl {name}"] if owner else [f".weak {name}"] if choice < 0.9 else []
        return [*lines, f".hidden {name}"] if lines and self.random.random() < 0.15 else lines

    def function(self, name: str) -> None:
        own = self.type_of(name)
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
            self.lines.append(f".export_name {name}, exported_{name}")
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
        for name in sorted(self.used - self.defined):
            if random.random() < 0.2:
                self.lines.append(f".weak {name}")
            if name in IMPORTED and random.random() < 0.98:
                self.lines += [f".import_module {name}, host", f".import_name {name}, {IMPORTED[name]}"]
        declared = [f".functype {name} {own}" for name, own in self.signatures.items()]
        return "\n".join([*declared, *self.lines, ""])


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
