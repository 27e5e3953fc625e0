"""Mutations of objects, archives and texts that keep most of their structure: random bytes seldom get past a header."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

NUMBERS = (0, 1, 2, 3, 4, 5, 8, 16, 63, 64, 127, 128, 200, 255, 256, 1023, 1024, 65535, 65536, 65537, 0x7FFFFFFF)
LARGE = (0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 1 << 32, (1 << 32) + 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 1 << 70)
NAMES = (
    b"", b"f", b"g", b"h", b"d", b"main", b"_start", b"run", b"memory", b"__stack_pointer", b"__heap_base",
    b"__data_end",
    b"__indirect_function_table", b"__wasm_call_ctors", b"__wasm_call_dtors", b"__tls_base", b"__tls_size",
    b"__memory_base", b"__table_base", b"__dso_handle", b"__wrap_f", b"__real_f", b"__start_x", b"__stop_x",
    b"__linear_memory", b"__wasm_init_memory", b"__wasm_apply_data_relocs", b"__main_argc_argv", b"__original_main",
    b"_ZN1aC1Ev", b"_Z1fIiEvT_", b"_RNvC1a1b", b"_D1a1bFZv", b"\xff\xfe\x80", b"a\0b", b"n" * 300, b"GOT.func", b"env",
    b"linking", b"reloc.CODE", b"reloc.DATA", b"name", b"producers", b"target_features", b"dylink.0", b".debug_info",
    b".debug_str", b".debug_line", b"metadata.code.branch_hint", b"__component_type", b".init_array",
)  # fmt: skip
MAGIC = b"\0asm\1\0\0\0"

Section = tuple[int, bytes]
Mutation = Callable[[Random, bytes], bytes]


def uleb(value: int, width: int = 0) -> bytes:
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        if value or len(out) + 1 < width:
            out.append(byte | 0x80)
        else:
            out.append(byte)
            return bytes(out)


def read_uleb(data: bytes, position: int) -> tuple[int, int]:
    """The number and where it ends.

    :raises IndexError: it does not end.
    """
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def number(random: Random, old: int = 0) -> bytes:
    """A number as LEB128: an interesting one, or the old one or its neighbour, in more or fewer bytes than it needs."""
    value = random.choice((*NUMBERS, *NUMBERS, *LARGE, old, old + 1, max(0, old - 1), old ^ 1, old * 2))
    return uleb(value, random.choice((0, 0, 0, 1, 2, 5, 5, 10, 11)))


def blob(content: bytes) -> bytes:
    return uleb(len(content)) + content


# Sections


def split(data: bytes) -> tuple[list[Section], bytes]:
    """The sections of a module, and what follows the last whole one."""
    position, found = 8, []
    while position < len(data):
        try:
            size, start = read_uleb(data, position + 1)
        except IndexError:
            break
        if start + size > len(data):
            break
        found.append((data[position], data[start : start + size]))
        position = start + size
    return found, data[position:]


def join(sections: list[Section], tail: bytes = b"") -> bytes:
    return MAGIC + b"".join(bytes([identity & 0xFF]) + blob(content) for identity, content in sections) + tail


def mutate_object(random: Random, data: bytes) -> bytes:
    """An object with one change."""
    sections, tail = split(data)
    if not sections or random.random() < 0.06:
        return mutate_bytes(random, data)
    if random.random() < 0.15:
        _change_order(random, sections)
        return join(sections, tail)
    at = random.randrange(len(sections))
    if random.random() < 0.6:
        # Where linkers look closest.
        rich = [i for i, section in enumerate(sections) if section[0] == 0]
        at = random.choice(rich) if rich else at
    identity, content = sections[at]
    sections[at] = identity, _mutate_section(random, identity, content)
    return join(sections, tail)


def _change_order(random: Random, sections: list[Section]) -> None:
    at, other = random.randrange(len(sections)), random.randrange(len(sections))
    match random.randrange(5):
        case 0:
            del sections[at]
        case 1:
            sections.insert(other, sections[at])
        case 2:
            sections[at], sections[other] = sections[other], sections[at]
        case 3:
            sections[at] = random.choice((*range(15), 0x7F, 0xFF)), sections[at][1]
        case _:
            sections[at] = sections[at][0], sections[other][1]


def _mutate_section(random: Random, identity: int, content: bytes) -> bytes:
    if identity != 0:
        return _mutate_vector(random, content) if random.random() < 0.4 else mutate_numbers(random, content)
    try:
        length, start = read_uleb(content, 0)
    except IndexError:
        return content
    title, body = content[start : start + length], content[start + length :]
    if random.random() < 0.04:
        title = random.choice(NAMES)
    elif title == b"linking":
        body = _mutate_linking(random, body)
    elif title == b"dylink.0":
        body = _mutate_parts(random, body, {})
    elif title.startswith(b"reloc."):
        body = _mutate_relocations(random, body)
    else:
        body = mutate_numbers(random, body)
    return blob(title) + body


def _mutate_vector(random: Random, content: bytes) -> bytes:
    """Another count, the elements as they are."""
    try:
        count, start = read_uleb(content, 0)
    except IndexError:
        return content
    return number(random, count) + content[start:]


def _mutate_linking(random: Random, body: bytes) -> bytes:
    try:
        version, position = read_uleb(body, 0)
    except IndexError:
        return mutate_numbers(random, body)
    head = uleb(version) if random.random() < 0.99 else number(random, version)
    return head + _mutate_parts(random, body[position:], {7: _mutate_groups, 8: _mutate_symbols})


def _mutate_parts(random: Random, body: bytes, known: dict[int, Mutation]) -> bytes:
    """Change one of the subsections, or their order."""
    parts: list[Section] = []
    position = 0
    try:
        while position < len(body):
            size, start = read_uleb(body, position + 1)
            parts.append((body[position], body[start : start + size]))
            position = start + size
    except IndexError:
        return mutate_numbers(random, body)
    if not parts or random.random() < 0.05:
        return mutate_numbers(random, body)
    if random.random() < 0.1:
        _change_order(random, parts)
    else:
        at = random.randrange(len(parts))
        kind, content = parts[at]
        parts[at] = kind, known.get(kind, mutate_numbers)(random, content)
    return b"".join(bytes([kind & 0xFF]) + blob(content) for kind, content in parts)


def _mutate_groups(random: Random, content: bytes) -> bytes:
    """Change COMDAT groups: their names, flags and members; a member may be in several of them."""
    groups: list[tuple[bytes, int, list[tuple[int, int]]]] = []
    try:
        count, position = read_uleb(content, 0)
        for _ in range(count):
            size, start = read_uleb(content, position)
            flags, position = read_uleb(content, start + size)
            entries, position = read_uleb(content, position)
            members = []
            for _ in range(entries):
                kind, position = read_uleb(content, position)
                index, position = read_uleb(content, position)
                members.append((kind, index))
            groups.append((content[start : start + size], flags, members))
    except IndexError:
        return mutate_numbers(random, content)
    if not groups:
        return mutate_numbers(random, content)
    title, flags, members = groups[at := random.randrange(len(groups))]
    all_members = [member for _, _, some in groups for member in some] or [(1, 0)]
    match random.randrange(7):
        case 0:
            groups.append((b"again", 0, [random.choice(all_members)]))
        case 1:
            groups.append((title, flags, list(members)))
        case 2:
            members.append(random.choice(all_members))
        case 3:
            members.append((random.randrange(6), random.choice(NUMBERS)))
        case 4:
            groups[at] = random.choice(NAMES), flags, members
        case 5:
            groups[at] = title, random.choice(NUMBERS), members
        case _:
            if members:
                members.pop(random.randrange(len(members)))
    return uleb(len(groups)) + b"".join(
        blob(title) + uleb(flags) + uleb(len(some)) + b"".join(uleb(kind) + uleb(index) for kind, index in some)
        for title, flags, some in groups
    )


def _mutate_symbols(random: Random, content: bytes) -> bytes:
    """Symbols apart, so that one field of one of them changes and the rest is still read."""
    try:
        count, position = read_uleb(content, 0)
        symbols = []
        for _ in range(count):
            fields, position = _read_symbol(content, position)
            symbols.append(fields)
    except IndexError:
        return mutate_numbers(random, content)
    if not symbols:
        return number(random)
    at, other = random.randrange(len(symbols)), random.randrange(len(symbols))
    match random.randrange(8):
        case 0:
            symbols[at], symbols[other] = symbols[other], symbols[at]
        case 1:
            symbols.insert(at, list(symbols[other]))
        case 2:
            del symbols[at]
        case 3:
            symbols[at][0] = bytes([random.randrange(7)])
        case 4:
            old, _ = read_uleb(symbols[at][1], 0)
            flag = 1 << random.randrange(10)
            symbols[at][1] = uleb(old ^ flag)
        case 5:
            names = [i for i, field in enumerate(symbols[at]) if i > 1 and len(field) > 2]
            if names:
                symbols[at][random.choice(names)] = blob(random.choice(NAMES))
        case _:
            field = random.randrange(1, len(symbols[at]))
            symbols[at][field] = number(random, read_uleb(symbols[at][field], 0)[0])
    total = len(symbols) if random.random() < 0.97 else random.choice(NUMBERS)
    return uleb(total) + b"".join(b"".join(fields) for fields in symbols)


def _read_symbol(content: bytes, position: int) -> tuple[list[bytes], int]:
    """The fields of a symbol as bytes, and where it ends."""
    fields = [content[position : position + 1]]
    kind = content[position]
    start = position + 1

    def field() -> int:
        nonlocal start
        value, end = read_uleb(content, start)
        fields.append(content[start:end])
        start = end
        return value

    def text() -> None:
        nonlocal start
        length, end = read_uleb(content, start)
        if end + length > len(content):
            raise IndexError
        fields.append(content[start : end + length])
        start = end + length

    flags = field()
    if kind == 1:
        text()
        if not flags & 0x10:
            field(), field(), field()
    else:
        field()
        if kind != 3 and (not flags & 0x10 or flags & 0x40):
            text()
    return fields, start


WITH_ADDEND = frozenset((3, 4, 5, 8, 9, 11, 14, 15, 16, 17, 21, 22, 23, 25))


def _mutate_relocations(random: Random, body: bytes) -> bytes:
    try:
        target, position = read_uleb(body, 0)
        count, position = read_uleb(body, position)
        entries = []
        for _ in range(count):
            fields = [body[position : position + 1]]
            position += 1
            for _ in range(3 if fields[0][0] in WITH_ADDEND else 2):
                _, end = read_uleb(body, position)
                fields.append(body[position:end])
                position = end
            entries.append(fields)
    except IndexError:
        return mutate_numbers(random, body)
    if not entries:
        return mutate_numbers(random, body)
    at, other = random.randrange(len(entries)), random.randrange(len(entries))
    match random.randrange(7):
        case 0:
            entries[at], entries[other] = entries[other], entries[at]
        case 1:
            entries.insert(at, list(entries[other]))
        case 2:
            del entries[at]
        case 3:
            entries[at][0] = bytes([random.randrange(28)])
        case 4:
            target = random.choice((target, target + 1, max(0, target - 1), *NUMBERS))
        case _:
            field = random.randrange(1, len(entries[at]))
            entries[at][field] = number(random, read_uleb(entries[at][field], 0)[0])
    total = len(entries) if random.random() < 0.97 else random.choice(NUMBERS)
    return uleb(target) + uleb(total) + b"".join(b"".join(fields) for fields in entries)


def mutate_numbers(random: Random, content: bytes) -> bytes:
    """A number or a few bytes of a section changed, wherever they are."""
    if not content:
        return number(random)
    at = random.randrange(len(content))
    match random.randrange(6):
        case 0 | 1:
            try:
                old, end = read_uleb(content, at)
            except IndexError:
                old, end = 0, len(content)
            return content[:at] + number(random, old) + content[min(end, at + 11) :]
        case 2:
            return content[:at] + blob(random.choice(NAMES)) + content[at + random.randrange(9) :]
        case 3:
            return (
                content[:at]
                + bytes([random.choice((0, 1, 0x0B, 0x41, 0x60, 0x70, 0x7F, 0x80, 0xFF))])
                + content[at + 1 :]
            )
        case 4:
            return content[: at + 1]
        case _:
            return content[:at] + content[at + random.randrange(1, 6) :]


def mutate_bytes(random: Random, data: bytes) -> bytes:
    """A change without knowledge."""
    changed = bytearray(data)
    if not changed:
        return bytes(random.randrange(256) for _ in range(random.randrange(20)))
    at = random.randrange(len(changed))
    match random.randrange(6):
        case 0:
            changed[at] ^= 1 << random.randrange(8)
        case 1:
            changed[at] = random.randrange(256)
        case 2:
            del changed[at:]
        case 3:
            del changed[at : at + random.randint(1, 16)]
        case 4:
            changed[at:at] = random.choice((b"\0", b"\xff\xff\xff\xff\x0f", b"\x80" * 12, bytes(100)))
        case _:
            other = random.randrange(len(changed))
            piece = changed[at : at + random.randint(1, 64)]
            changed[other : other + len(piece)] = piece
    return bytes(changed)


# Archives

DIALECTS = ("gnu", "bsd", "thin", "gnu64", "plain", "bsd64")


def archive(members: list[tuple[bytes, bytes]], dialect: str, random: Random | None = None) -> bytes:
    """An archive of (name, contents). With ``random``, one field of one header is wrong."""
    out = bytearray(b"!<thin>\n" if dialect == "thin" else b"!<arch>\n")
    names = bytearray()
    damaged = random.randrange(len(members) + 1) if random is not None else -1
    index = {"gnu": b"/", "gnu64": b"/SYM64/", "bsd": b"__.SYMDEF", "bsd64": b"__.SYMDEF_64"}.get(dialect)
    if index is not None:
        width = 8 if dialect.endswith("64") else 4
        out += _member(index, bytes(width), random if damaged == len(members) else None)
    titles = []
    for title, _ in members:
        if dialect.startswith("bsd"):
            titles.append(b"#1/%d" % len(title))
        elif dialect != "plain" and len(title) > 4:
            titles.append(b"/%d" % len(names))
            names += title + b"/\n"
        else:
            titles.append(title[:15] + b"/")
    if names:
        out += _member(b"//", bytes(names), None)
    for i, ((title, contents), header) in enumerate(zip(members, titles, strict=True)):
        body = title + contents if dialect.startswith("bsd") else contents
        out += _member(header, body, random if i == damaged else None, thin=dialect == "thin")
    return bytes(out)


def _member(title: bytes, body: bytes, random: Random | None, *, thin: bool = False) -> bytes:
    fields = [title[:16].ljust(16), b"0".ljust(12), b"0".ljust(6), b"0".ljust(6), b"644".ljust(8)]
    fields += [b"%-10d" % len(body), b"`\n"]
    if random is not None:
        at = random.choice((0, 0, 5, 5, 6))
        new = random.choice(
            (b"", b"-1", b"99999999", b"9999999999", b"0x10", b"1_0", b"/0", b"/99999", b"#1/9", b"#1/-1", b"//", b"/ ",
             b"0", b"1", b"%d" % (len(body) + 1), b"\xff\xfe", b"#1/%d" % random.choice(NUMBERS),
             b"/%d" % random.choice(NUMBERS))
        )  # fmt: skip
        fields[at] = new[: len(fields[at])].ljust(len(fields[at]))
    return b"".join(fields) + (b"" if thin else body + b"\n" * (len(body) % 2))


# Texts


def mutate_text(random: Random, text: bytes) -> bytes:
    """Lines and words of a list, a stub library or a response file."""
    lines = text.split(b"\n")
    at = random.randrange(len(lines))
    match random.randrange(7):
        case 0:
            lines[at] = random.choice(NAMES)
        case 1:
            lines.insert(at, random.choice(lines))
        case 2:
            del lines[at]
        case 3:
            lines[at] = lines[at] + b": " + b",".join(random.choice(NAMES) for _ in range(random.randrange(4)))
        case 4:
            lines[at] = random.choice((b"'", b'"', b"\\", b"@r.rsp", b"@x", b"\t \t", b"#", b"%", b"\0")) + lines[at]
        case 5:
            lines[at] = lines[at] * random.choice((2, 3, 50))
        case _:
            return mutate_bytes(random, text)
    return b"\n".join(lines)


def mutate(random: Random, data: bytes) -> bytes:
    """One change of the kind that suits what the bytes are."""
    if data.startswith(b"\0asm"):
        return mutate_object(random, data)
    if data.startswith((b"!<arch>", b"!<thin>", b"BC", b"\xde\xc0")) or not data:
        return mutate_bytes(random, data)
    return mutate_text(random, data)
