"""Objects that differ in everything: a model of each, and random changes of the model.

The units of :mod:`.edited_objects` have one shape. Here functions, data, strings, aliases, COMDAT groups, tags,
globals, types, constructors and custom sections come and go, change places and flags, and several objects share what
the linker orders by first use. What the bytes around a field are does not matter, since nothing runs the module.
:mod:`.varied_encoding` writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from tests.support.objects import (
    DATA,
    EXPORTED,
    FUNCTION,
    GLOBAL,
    HIDDEN,
    LOCAL,
    NO_STRIP,
    TABLE,
    TAG,
    WEAK,
    name,
    vector,
)

TLS, ABSOLUTE = 0x100, 0x200
STRINGS, THREAD_LOCAL, RETAIN = 1, 2, 4
SIGNATURES = tuple(
    b"\x60" + vector(*parameters) + vector(*results)
    for parameters in ((), (b"\x7f",), (b"\x7f", b"\x7e"), (b"\x7d", b"\x7f"))
    for results in ((), (b"\x7f",))
)
NAMES = 8
WORDS = (b"text", b"next", b"ext", b"context", b"xt", b"", b"t", b"other", b"another", b"the other", b"tt")
GROUPS = ("inline0", "inline1", "inline2")
SETS = ("set0", "set1", "other_set")
PROVIDED = ("__heap_base", "__data_end", "__dso_handle", "__global_base", "__stack_low", "__stack_high", "__heap_end")
ADDENDS = (0, 0, 0, 0, 1, 2, 3, 4, 5, 8, 16, -1, -2, -4, -16, 100, 65536, -65536, 0x7FFFFF00, -0x7FFFFF00, 1 << 31)
OWN = frozenset((8, 11, 12, 23))
"""Types that need a definition, here one in the same object."""
WITH_ADDEND = frozenset((3, 4, 5, 8, 9, 11, 21, 23))
IN_CODE = {0: "f", 1: "f", 3: "d", 4: "d", 6: "type", 7: "got", 10: "e", 20: "table", 21: "t"}
RARE_IN_CODE = {2: "f", 5: "d", 11: "own data", 12: "own function", 13: "g", 26: "f"}
IN_DATA = {2: "f", 5: "d"}
RARE_IN_DATA = {**IN_CODE, **RARE_IN_CODE, 7: "g", 23: "own data"}
IN_CUSTOM = {5: "any data", 8: "own function", 9: "section"}
RARE_IN_CUSTOM = {2: "f", 13: "g", 26: "f"}


@dataclass
class Reference:
    type: int
    target: str
    """A symbol's name; a decimal number for a type, ``section N`` for a custom section."""
    addend: int = 0
    filler: int = 0


@dataclass
class Label:
    """A symbol at a place of a chunk."""

    name: str
    flags: int = 0
    offset: int = 0
    size: int = 4


@dataclass
class Chunk:
    """A function, a data segment or a custom section."""

    title: str = ""
    labels: list[Label] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    signature: int = 0
    content: bytes = b""
    """The contents after the fields."""
    alignment: int = 0
    flags: int = 0
    group: str = ""


@dataclass
class Unit:
    number: int
    functions: list[Chunk] = field(default_factory=list)
    segments: list[Chunk] = field(default_factory=list)
    customs: list[Chunk] = field(default_factory=list)
    globals: list[Label] = field(default_factory=list)
    tags: list[Label] = field(default_factory=list)
    constructors: list[tuple[int, str]] = field(default_factory=list)
    features: set[str] = field(default_factory=lambda: {"mutable-globals", "bulk-memory", "atomics"})
    weak_references: set[str] = field(default_factory=set)
    order: int = 0
    """Decides the order of the symbol table."""
    imported: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    """Module, name and type of some of the undefined functions: others have those that all units agree about."""
    is_common: bool = True
    """It has the relocations that compilers write for static links, and no others."""


def signature_of(text: str) -> int:
    """Return the number of a function's type, which all units agree about."""
    return sum(text.encode()) % len(SIGNATURES) if text[0] != "c" else 0


def kind_of(text: str) -> int:
    """Return the kind of the symbol of this name."""
    if text in ("host", "elsewhere", "shared_function", "stubbed", "__wasm_call_ctors", *GROUPS) or text[0] in "flc":
        return DATA if text == "fixed" else FUNCTION
    if text == "__stack_pointer" or text[0] == "g":
        return GLOBAL
    if text[0] == "e":
        return TAG
    return TABLE if text == "__indirect_function_table" else DATA


# Random units and changes


def random_unit(random: Random, number: int, *, is_common: bool) -> Unit:
    """Return a unit that defines its share of the names."""
    unit = Unit(number, is_common=is_common)
    unit.functions.append(Chunk(labels=[Label(f"f{number}")], signature=signature_of(f"f{number}")))
    unit.segments.append(Chunk(f".data.d{number}", [Label(f"d{number}", size=8)], content=bytes(8), alignment=2))
    unit.segments.append(Chunk(f".tdata.t{number}", [Label(f"t{number}", TLS)], content=b"tdat", flags=THREAD_LOCAL))
    unit.globals.append(Label(f"g{number}"))
    unit.tags.append(Label(f"e{number}"))
    unit.customs.append(Chunk(".debug_info"))
    unit.customs.append(Chunk(".debug_str", content=b"abc\0xbc\0"))
    for _ in range(random.randrange(8, 30)):
        change(random, unit)
    return unit


def change(random: Random, unit: Unit) -> str:
    """Change something, and return what."""
    what = random.choice(CHANGES) if random.random() < 0.99 else _change_features
    what(random, unit)
    return what.__name__.strip("_")


def _add_function(random: Random, unit: Unit) -> None:
    text = random.choice(("l0", "l1", "l2", "c0", "c1", f"f{random.randrange(NAMES)}", *GROUPS))
    if any(label.name == text for function in unit.functions for label in function.labels):
        return
    flags = {"l": LOCAL, "f": WEAK, "i": WEAK | HIDDEN * random.randrange(2), "c": LOCAL}[text[0]]
    function = Chunk(labels=[Label(text, flags)], signature=signature_of(text))
    function.group = text if text in GROUPS else ""
    for _ in range(random.randrange(5)):
        _add_reference_to(random, unit, function, IN_CODE if unit.is_common else {**IN_CODE, **RARE_IN_CODE})
    unit.functions.insert(random.randrange(len(unit.functions) + 1), function)
    if text[0] == "c":
        unit.constructors.append((random.choice((100, 100, 65535, 1)), text))


def _remove_function(random: Random, unit: Unit) -> None:
    if len(unit.functions) > 1:
        function = random.choice(unit.functions)
        if function.labels[0].name != f"f{unit.number}" or random.random() < 0.1:
            unit.functions.remove(function)
            names = {label.name for label in function.labels}
            unit.constructors = [pair for pair in unit.constructors if pair[1] not in names]


def _add_segment(random: Random, unit: Unit) -> None:
    kind = random.randrange(6)
    local = f"v{random.randrange(4)}"
    if any(label.name == local for segment in unit.segments for label in segment.labels):
        return
    if kind == 0:
        words = b"".join(word + b"\0" for word in random.sample(WORDS, random.randrange(1, 5)))
        segment = Chunk(f".rodata.str{local}", [Label(local, LOCAL, random.randrange(len(words)), 1)], content=words)
        segment.flags = STRINGS
    elif kind == 1:
        segment = Chunk(
            random.choice(SETS), [Label(local, LOCAL)], content=random.randbytes(4 * random.randrange(1, 4))
        )
        segment.flags = RETAIN * random.randrange(2)
    elif kind == 2:
        group = random.choice(GROUPS)
        segment = Chunk(f".data.{group}", [Label(f"{group}_data", WEAK)], content=random.randbytes(4), group=group)
        if any(label.name == f"{group}_data" for other in unit.segments for label in other.labels):
            return
    elif kind == 3:
        segment = Chunk(f".bss.{local}", [Label(local, LOCAL, size=16)], content=bytes(16))
    else:
        title = random.choice((".data.", ".rodata.", ".data.rel.ro.", ".init_array", "", ".tbss.")) + local
        segment = Chunk(title, [Label(local, LOCAL)], content=random.randbytes(random.randrange(4, 20)))
        if title.startswith(".tbss"):
            segment.flags, segment.content, segment.labels[0].flags = THREAD_LOCAL, bytes(8), LOCAL | TLS
    segment.alignment = random.choice((0, 0, 2, 2, 3, 4, 8))
    if segment.flags & STRINGS:
        segment.alignment = 0
    unit.segments.insert(random.randrange(len(unit.segments) + 1), segment)


def _remove_segment(random: Random, unit: Unit) -> None:
    segment = random.choice(unit.segments)
    if segment.labels[0].name[0] not in "dt" or random.random() < 0.02:
        unit.segments.remove(segment)
    if not unit.segments:
        unit.segments.append(Chunk(".data.d", [Label(f"d{unit.number}")], content=bytes(4)))


def _all_chunks(unit: Unit) -> list[Chunk]:
    return [*unit.functions, *unit.functions, *unit.segments, *unit.customs]


def _add_reference(random: Random, unit: Unit) -> None:
    chunk = random.choice(_all_chunks(unit))
    if any(chunk is function for function in unit.functions):
        types, rare = IN_CODE, RARE_IN_CODE
    elif any(chunk is segment for segment in unit.segments):
        types, rare = IN_DATA, RARE_IN_DATA
        if chunk.flags & STRINGS or chunk.title.startswith((".bss", ".tbss")):
            return
    elif chunk.title in (".debug_str", "producers"):
        return
    else:
        types, rare = IN_CUSTOM, RARE_IN_CUSTOM
    _add_reference_to(random, unit, chunk, types if unit.is_common else {**types, **rare})


def _add_reference_to(random: Random, unit: Unit, chunk: Chunk, types: dict[int, str]) -> None:
    type_ = random.choice(sorted(types))
    target = _target(random, unit, types[type_])
    reference = Reference(type_, target, _addend(random, type_), random.choice((0, 0, 1)))
    chunk.references.insert(random.randrange(len(chunk.references) + 1), reference)


def _addend(random: Random, type_: int) -> int:
    if type_ in (8, 9):
        return random.choice((0, 0, 1, 2, 5))
    return random.choice(ADDENDS[:9] if random.random() < 0.8 else ADDENDS)


def _target(random: Random, unit: Unit, kind: str) -> str:
    own_functions = [label.name for function in unit.functions for label in function.labels]
    plain = [segment for segment in unit.segments if not segment.flags & THREAD_LOCAL]
    own_data = [label.name for segment in plain for label in segment.labels] or [f"d{random.randrange(NAMES)}"]
    threads = [
        label.name for s in unit.segments if s.flags & THREAD_LOCAL for label in s.labels if label.name[0] == "v"
    ]
    number = random.randrange(NAMES)
    functions = [
        *own_functions,
        f"f{number}",
        f"f{number}",
        "host",
        "shared_function",
        "stubbed",
        random.choice(GROUPS),
    ]
    data = [*own_data, *own_data, f"d{number}", f"d{number}", f"d{number}"]
    data += [random.choice(PROVIDED), f"__start_{random.choice(SETS)}", f"__stop_{random.choice(SETS)}", "fixed"]
    choices = {
        "f": functions,
        "own function": own_functions,
        "d": data,
        "own data": own_data,
        "any data": [*data, f"t{number % 5}", *threads],
        "t": [f"t{number % 5}", f"t{unit.number}", *threads],
        "g": [f"g{number}", "__stack_pointer"],
        "got": [f"g{number}", "__stack_pointer", f"d{number}", f"f{number}", f"d{number % 3}", "shared_data"],
        "e": [f"e{number}"],
        "table": ["__indirect_function_table"],
        "type": [str(random.randrange(len(SIGNATURES)))],
        "section": [f"section {random.randrange(len(unit.customs))}"],
    }
    return random.choice(choices[kind])


def _references(unit: Unit) -> list[Reference]:
    return [reference for chunk in _all_chunks(unit) for reference in chunk.references]


def _change_addend(random: Random, unit: Unit) -> None:
    found = [reference for reference in _references(unit) if reference.type in WITH_ADDEND]
    if found:
        reference = random.choice(found)
        reference.addend = _addend(random, reference.type)


def _remove_reference(random: Random, unit: Unit) -> None:
    chunk = random.choice(_all_chunks(unit))
    if chunk.references:
        chunk.references.pop(random.randrange(len(chunk.references)))


def _swap_references(random: Random, unit: Unit) -> None:
    chunk = random.choice(_all_chunks(unit))
    random.shuffle(chunk.references)


def _change_content(random: Random, unit: Unit) -> None:
    chunk = random.choice(_all_chunks(unit))
    if chunk in unit.functions:
        chunk.content = random.randbytes(random.choice((0, 1, 3, 130)))
    elif chunk.flags & STRINGS:
        chunk.content = b"".join(word + b"\0" for word in random.sample(WORDS, random.randrange(1, 5)))
        for label in chunk.labels:
            label.offset = random.randrange(len(chunk.content))
    elif chunk.title == "producers":
        chunk.content = vector(name("language") + vector(name(random.choice(("C", "D"))) + name("1")))
    elif chunk.title == ".debug_str":
        chunk.content = b"".join(word + b"\0" for word in random.sample(WORDS, random.randrange(1, 5)))
    else:
        size = len(chunk.content) if random.random() < 0.6 else random.randrange(4, 20)
        is_zero = chunk.title.startswith((".bss", ".tbss"))
        chunk.content = bytes(size) if is_zero else random.randbytes(size)


def _change_symbols(random: Random, unit: Unit) -> None:
    """Change a label's flags, add an alias or remove one."""
    chunk = random.choice([*unit.functions, *unit.segments])
    label = random.choice(chunk.labels)
    match random.randrange(5):
        case 0:
            label.flags ^= random.choice((WEAK, HIDDEN, EXPORTED, NO_STRIP)) if not label.flags & LOCAL else NO_STRIP
        case 1:
            alias = f"{label.name}_alias" if chunk in unit.functions or chunk.flags & THREAD_LOCAL else ""
            alias = alias or f"d{random.randrange(NAMES)}"
            if not any(known.name == alias for other in _all_chunks(unit) for known in other.labels):
                flags = WEAK | label.flags & TLS
                place = 0 if chunk in unit.functions else random.randrange(5)
                chunk.labels.insert(random.randrange(2), Label(alias, flags, place))
        case 2:
            if len(chunk.labels) > 1:
                removed = chunk.labels.pop(random.randrange(len(chunk.labels)))
                unit.constructors = [pair for pair in unit.constructors if pair[1] != removed.name]
        case 3:
            if chunk in unit.segments:
                label.offset = random.choice((0, 0, 1, 2, max(0, len(chunk.content) - 1)))
        case _:
            chunk.group = random.choice(("", *GROUPS))


def _change_layout(random: Random, unit: Unit) -> None:
    segment = random.choice(unit.segments)
    match random.randrange(4):
        case 0:
            if not segment.flags & STRINGS:
                segment.alignment = random.choice((0, 2, 3, 4, 8))
        case 1:
            segment.flags ^= RETAIN
        case 2:
            random.shuffle(unit.segments)
        case _:
            random.shuffle(unit.functions)


def _change_globals(random: Random, unit: Unit) -> None:
    found = random.choice((unit.globals, unit.tags))
    prefix = "g" if found is unit.globals else "e"
    if found and random.random() < 0.4:
        found.pop(random.randrange(len(found)))
        return
    if unit.globals and random.random() < 0.4:
        # The value that it begins with, and whether it is mutable.
        label = random.choice(unit.globals)
        label.size, label.offset = random.choice((4, 5, 70)), random.choice((0, 0, 0, 1))
        return
    text = random.choice((f"{prefix}{unit.number}", f"{prefix}{unit.number}", f"{prefix}{random.randrange(NAMES)}"))
    if all(label.name != text for label in found):
        found.append(Label(text, 0 if text == f"{prefix}{unit.number}" else WEAK))


def _change_weak_references(random: Random, unit: Unit) -> None:
    targets = sorted(t for t in {r.target for r in _references(unit) if r.type != 6} if kind_of(t) in (FUNCTION, DATA))
    if targets:
        unit.weak_references ^= {random.choice(targets)}


def _change_order(random: Random, unit: Unit) -> None:
    unit.order = random.randrange(4)


def _change_features(random: Random, unit: Unit) -> None:
    unit.features ^= {random.choice(("sign-ext", "simd128", "multivalue"))}


def _change_customs(random: Random, unit: Unit) -> None:
    title = random.choice((".debug_info", ".debug_line", ".debug_str", "note", "producers"))
    if random.random() < 0.4 and len(unit.customs) > 1:
        unit.customs.pop(random.randrange(len(unit.customs)))
        return
    content = b"two\0one\0" if title == ".debug_str" else random.randbytes(random.randrange(9))
    if title == "producers":
        content = vector(name("language") + vector(name(random.choice(("C", "D"))) + name("1")))
    if title in ("producers", ".debug_str") and any(chunk.title == title for chunk in unit.customs):
        return
    unit.customs.insert(random.randrange(len(unit.customs) + 1), Chunk(title, content=content))


def _change_constructors(random: Random, unit: Unit) -> None:
    if unit.constructors:
        at = random.randrange(len(unit.constructors))
        unit.constructors[at] = random.choice((1, 50, 100, 65535)), unit.constructors[at][1]


def _change_imports(random: Random, unit: Unit) -> None:
    """Import a function, by a name of its own now and then."""
    text = random.choice(("host", "host", "elsewhere", f"f{random.randrange(NAMES)}"))
    if random.random() < 0.3:
        unit.imported.pop(text, None)
        return
    type_ = signature_of(text) if random.random() < 0.7 else random.randrange(len(SIGNATURES))
    unit.imported[text] = random.choice(("host", "env", "")), random.choice(("print", text, "")), type_
    reference = Reference(0, text)
    random.choice(unit.functions).references.append(reference)


def _rename(random: Random, unit: Unit) -> None:
    match random.randrange(3):
        case 0:
            label = random.choice(random.choice([*unit.functions, *unit.segments]).labels)
            text = f"l{random.randrange(3)}" if label.name[0] == "l" else f"v{random.randrange(4)}"
            used = {known.name for chunk in _all_chunks(unit) for known in chunk.labels}
            if label.name[0] in "lv" and text not in used:
                for reference in _references(unit):
                    if reference.target == label.name:
                        reference.target = text
                label.name = text
        case 1:
            segment = random.choice(unit.segments)
            prefix, dot, rest = segment.title.partition(".v")
            if dot and not segment.flags & (STRINGS | THREAD_LOCAL) and not prefix.startswith(".bss"):
                segment.title = random.choice((".data", ".rodata", ".data.rel", ".other")) + dot + rest
        case _:
            chunk = random.choice(unit.customs)
            if chunk.title.startswith("note"):
                chunk.title = random.choice(("note", "note2", "note3"))


def _change_signature(random: Random, unit: Unit) -> None:
    function = random.choice(unit.functions)
    if function.labels[0].name[0] == "c":
        # A constructor takes no arguments.
        function.signature = random.randrange(2)
    elif random.random() < 0.4 or function.labels[0].flags & LOCAL:
        function.signature = random.randrange(len(SIGNATURES))


CHANGES = (
    *[_change_addend, _change_content, _add_reference] * 6,
    *[_remove_reference, _swap_references, _add_function, _add_segment] * 3,
    *[_remove_function, _remove_segment, _change_symbols, _change_symbols],
    *[_change_layout, _change_globals, _change_weak_references, _change_order],
    *[_change_customs, _change_constructors, _change_signature, _change_imports, _rename],
)
