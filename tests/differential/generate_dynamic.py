"""Random position-independent, threaded and 64-bit programs, some of them linked against shared libraries."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.differential.asm import target_features
from tests.differential.generate import FUNCTIONS, IMPORTED, VARIABLES, ObjectSource, zeros
from tests.differential.harness import Case

THREAD_LOCAL = [f"t{i}" for i in range(4)]
LAYOUT = (
    "__heap_base",
    "__heap_end",
    "__data_end",
    "__global_base",
    "__stack_low",
    "__stack_high",
    "__dso_handle",
    "__wasm_first_page_end",
    "__start_items",
    "__stop_items",
)
SECTIONS = (".data", ".data", ".rodata", ".bss", ".bss", "items", ".data.rel.ro", ".custom")
OPTIONS = (
    "-S",
    "-s",
    "--no-gc-sections",
    "--export-all",
    "-Bsymbolic",
    "--no-export-dynamic",
    "--export-dynamic",
    "--import-memory",
    "--import-memory=a,b",
    "--page-size=1",
    "--max-memory=1048576",
    "--initial-memory=262144",
    "--no-merge-data-segments",
    "-O2",
    "--extra-features=extended-const",
    "--extra-features=bulk-memory",
    "--export=d1",
    "--export-if-defined=t1",
    "--export=f3",
    "--export-if-defined=__tls_base",
    "--export-if-defined=__wasm_init_tls",
    "--export-if-defined=__wasm_apply_data_relocs",
    "--export=__wasm_call_ctors",
    "--undefined=f4",
    "--entry=f0",
    "--no-entry",
    "--import-table",
    "--growable-table",
    "--no-stack-first",
    "--soname=libq.so",
    "--rpath=/r",
    "--no-check-features",
    "-M",
    "--print-gc-sections",
    "--wrap=f2",
    "--trace-symbol=d1",
    "--no-growable-memory",
    "--noinhibit-exec",
    "--no-shlib-sigcheck",
    "-Bdynamic",
    "--export-if-defined=__heap_base",
    "--export=__dso_handle",
    "--export-if-defined=__stack_pointer",
)
MODES = ("-shared", "-shared", "-pie", "-pie", "")
POLICIES = (*["--unresolved-symbols=import-dynamic"] * 8, "--import-undefined", "")
LIBRARY_OPTIONS = ("--shared-memory", "-Bsymbolic", "--soname=other.so", "--export-all", "--no-gc-sections")


@dataclass(frozen=True)
class Flavour:
    """Properties that all objects of a program share."""

    bits: int
    threads: bool
    """Objects name the features of threads."""
    thread_local: bool
    """Objects define thread-local data. Without shared memory, wasm-ld takes the wrong base for it in
    position-independent output."""
    pointers: bool
    """Thread-local data may have pointers. In static output, wasm-ld writes those that the dynamic linker knows to the
    first thread's block only."""
    careless: bool
    """References that position-independent output must refuse."""


class DynamicSource(ObjectSource):
    """Writes one object's assembly: its references go by the bases and the global offset table."""

    def __init__(self, random: Random, number: int, count: int, flavour: Flavour) -> None:
        super().__init__(random, number, count)
        self.flavour = flavour
        self.pointer = f"i{flavour.bits}"
        self.globals: dict[str, str] = {}
        self.own: list[str] = []
        """The definitions of this object, chosen before they are written."""

    def read(self, name: str, *, mutable: bool = False) -> str:
        self.globals[name] = "" if mutable else ", immutable"
        return f"global.get {name}"

    def relative(self, base: str, names: list[str], relocation: str, addend: str = "") -> list[str]:
        """An address from one of the module's bases."""
        near = names if self.flavour.careless else [name for name in names if name in self.own]
        if not near:
            return []
        name = self.use(self.random.choice(near))
        constant = f"{self.pointer}.const {name}@{relocation}{addend}"
        return [self.read(base, mutable=base == "__tls_base"), constant, f"{self.pointer}.add", "drop"]

    def use(self, name: str) -> str:
        if name in FUNCTIONS:
            self.type_of(name)
        self.used.add(name)
        return name

    def instruction(self) -> list[str]:
        random = self.random
        function, variable, local = (random.choice(names) for names in (FUNCTIONS, VARIABLES, THREAD_LOCAL))
        match random.randrange(14):
            case 0 | 1 | 2:
                parameters, results = (part.strip(" ()") for part in self.type_of(function).split("->"))
                return [*zeros(parameters), f"call {self.use(function)}", *["drop"] * bool(results)]
            case 3 | 4:
                return [f"global.get {self.use(function)}@GOT", "drop"]
            case 5:
                return self.relative("__table_base", FUNCTIONS, "TBREL")
            case 6 | 7:
                return [f"global.get {self.use(variable)}@GOT", "drop"]
            case 8:
                return self.relative("__memory_base", VARIABLES, "MBREL", random.choice(("", "+4", "-4")))
            case 9:
                return self.relative("__tls_base", THREAD_LOCAL, "TLSREL", random.choice(("", "+4")))
            case 10:
                return [f"global.get {self.use(local)}@GOT@TLS", "drop"]
            case 11:
                return [f"global.get {self.use(random.choice(LAYOUT))}@GOT", "drop"]
            case 12:
                return [self.read("__stack_pointer", mutable=True), "global.set __stack_pointer"]
            case _:
                if self.flavour.careless:
                    return [f"{self.pointer}.const {self.use(variable)}", "drop"]
                return [f"{self.pointer}.const 1", "call_indirect () -> ()"]

    def body(self) -> list[str]:
        return [line for _ in range(self.random.randrange(6)) for line in self.instruction()]

    def pointee(self) -> str:
        return self.random.choice(
            (
                self.use(self.random.choice(FUNCTIONS)),
                self.use(self.random.choice(VARIABLES)) + self.random.choice(("", "+4", "-4")),
                self.use(self.random.choice(VARIABLES)),
                self.use(self.random.choice(LAYOUT)),
                "7",
            )
        )

    def content(self, title: str, *, pointers: bool) -> tuple[list[str], int]:
        """Directives, and how many bytes they make."""
        if ".bss" in title or ".tbss" in title:
            size = self.random.choice((4, 8, 100))
            return [f".skip {size}"], size
        words = [self.flavour.bits if self.random.random() < 0.9 else 32 for _ in range(self.random.randint(1, 3))]
        lines = [f".int{word} {self.pointee() if pointers else 7}" for word in words]
        return lines, sum(words) // 8

    def data(self, name: str, title: str, flags: str, *, pointers: bool) -> None:
        head = f'.section {title},"{flags}",@' if flags or title == "items" else self.section(title)
        lines, size = self.content(title, pointers=pointers)
        self.lines += [
            f".type {name},@object",
            head,
            f".p2align {self.random.choice((0, 2, 3, 4, 6))}",
            *self.binding(name),
            f"{name}:",
            *lines,
            f".size {name}, {size}",
        ]
        self.defined.add(name)

    def variable(self, name: str) -> None:
        title = self.random.choice(SECTIONS)
        self.data(name, title if title == "items" else f"{title}.{name}", "", pointers=True)

    def thread_local(self, name: str) -> None:
        title = self.random.choice((".tdata", ".tbss", ".tbss"))
        # By its name alone a section is thread-local as well.
        flags = self.random.choice(("T", "T", ""))
        self.data(name, f"{title}.{name}", flags, pointers=self.flavour.pointers)

    def constructor(self) -> None:
        super().constructor()
        if self.flavour.bits == 64:
            self.lines[-2:] = [".p2align 3", self.lines[-1].replace(".int32", ".int64")]

    def text(self, *, start: bool) -> str:
        random = self.random
        functions = random.sample(FUNCTIONS, random.randint(0, 4))
        variables = random.sample(VARIABLES, random.randint(0, 4))
        local = random.sample(THREAD_LOCAL, random.randint(0, 2) if self.flavour.thread_local else 0)
        self.own = [*functions, *variables, *local]
        for name in functions:
            self.function(name)
        for name in variables:
            self.variable(name)
        for name in local:
            self.thread_local(name)
        if random.random() < 0.2:
            self.constructor()
        if start:
            body = [*self.body(), *self.body(), *self.body()]
            self.lines += ['.section .text._start,"",@', ".type _start,@function", ".globl _start", "_start:"]
            self.lines += [".functype _start () -> ()", *body, "end_function"]
        for name in sorted(self.used - self.defined):
            if name in FUNCTIONS:
                if name in IMPORTED:
                    self.lines += [f".import_module {name}, host", f".import_name {name}, {IMPORTED[name]}"]
            else:
                self.lines += [f".type {name},@object", f".size {name}, 4"]
            if random.random() < 0.2:
                self.lines.append(f".weak {name}")
        cpu = "mvp+atomics+bulk_memory+mutable_globals+reference_types"
        return "\n".join(
            [
                f"# flags: -target wasm{self.flavour.bits}-freestanding -mcpu={cpu} -Wa,--no-type-check",
                *(f".functype {name} {own}" for name, own in self.signatures.items()),
                *(f".globaltype {name}, {self.pointer}{how}" for name, how in self.globals.items()),
                *self.lines,
                self.features(),
            ]
        )

    def features(self) -> str:
        features = ["+atomics", "+bulk-memory", "+mutable-globals"] if self.flavour.threads else []
        if self.random.random() < 0.5:
            features.append("+extended-const")
        return target_features(*features) if features else ""


def programs(seed: int) -> tuple[list[Case], Case]:
    """The shared libraries of a seed, each a link that writes ``libN.so``, and the program that uses them."""
    random = Random(seed)
    bits = random.choice((32, 32, 64))
    mode = random.choice(MODES)
    threads = random.random() < 0.6
    shared_memory = threads and random.random() < 0.8
    local = threads and (shared_memory or not mode)
    flavour = Flavour(bits, threads, local, shared_memory == bool(mode), random.random() < 0.1)
    wide = ["-m wasm64"] * (bits == 64)

    count = random.randint(1, 4)
    files = {f"o{i}.s": DynamicSource(random, i, count, flavour).text(start=i == 0) for i in range(count)}
    inputs = [name.replace(".s", ".o") for name in files]

    libraries = []
    for i in range(random.choice((0, 0, 1, 2))):
        options = [*wide, *random.sample(LIBRARY_OPTIONS, random.randint(0, 2)), "--unresolved-symbols=import-dynamic"]
        local = "--shared-memory" in options
        source = DynamicSource(random, i, 2, Flavour(bits, True, local, local, False)).text(start=False)
        arguments = f"-o lib{i}.so l{i}.o -shared --experimental-pic {' '.join(options)}"
        libraries.append(Case(f"library-{seed}-{i}", {f"l{i}.s": source}, arguments, output=False, validate=False))
        inputs.append(random.choice((f"lib{i}.so", f"-l{i}")))

    options = [*wide, *random.sample(OPTIONS, random.randint(0, 3)), random.choice(POLICIES)]
    options += [mode, "--experimental-pic" if random.random() < 0.9 else "", "--shared-memory" * shared_memory]
    if libraries:
        options += ["-L.", "-Bdynamic" * (not mode)]
    random.shuffle(inputs)
    return libraries, Case(f"seed-{seed}", dict(files), " ".join([*options, *inputs]), validate=False)
