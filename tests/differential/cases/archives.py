"""Archives, libraries and groups of lazy objects."""

from collections.abc import Callable

from tests.differential.asm import START, data, extern, func
from tests.differential.harness import Archive, Case

CALLS = func("_start", "() -> ()", "call f") + extern("f")
F, G = func("f"), func("g")
F_CALLS_G = func("f", "() -> ()", "call g") + extern("g")
G_CALLS_F = func("g", "() -> ()", "call f") + extern("f")
LONG = "a_member_with_a_name_longer_than_sixteen_characters.s"
LONGER = "another_member_with_a_name_longer_than_sixteen_characters.s"


THIN_HEADER = b"!<thin>\n"


def member(name: str, size: int | str, content: bytes, end: str = "`\n") -> bytes:
    """A member as it stands in an archive."""
    return f"{name:<16}{0:<12}{0:<6}{0:<6}{644:<8}{size:<10}{end}".encode() + content


OK = member("ok/", 4, b"abcd")
DAMAGED = {
    "start": b"x",
    "next-header": OK + b"x",
    "first-too-long": member("first/", 99, b"abc"),
    "next-too-long": OK + member("next/", 99, b"abc"),
    "end-of-header": member("first/", 3, b"abc\n", "xx"),
    "size": OK + member("next/", "zz", b"abc\n"),
    "no-size": member("first/", "", b"abc\n"),
    "size-behind-the-index": member("/", 4, b"\0\0\0\0") + member("first/", "zz", b"abc\n"),
    "end-behind-the-names": member("//", 6, b"long/\n") + member("first/", 3, b"abc\n", "x\1"),
    "header-cut-behind-its-name": member("first/", 3, b"")[:30],
    "names-too-long": member("//", 99, b"long/\n"),
    "name-past-end": member("//", 4, b"abcd") + member("/9", 3, b"abc\n"),
    "name-no-number": OK + member("/zz", 3, b"abc\n"),
    "bsd-name-no-number": member("#1/zz", 3, b"abc\n"),
    "bsd-name-too-long": OK + member("#1/9", 3, b"abc\n"),
    "bsd-first-name-too-long": member("#1/9", 3, b"abc\n"),
}
"""What may stand behind an archive's first line and is no archive."""


def stale_index(content: bytes) -> bytes:
    """The archive with a symbol index that names other symbols, as after a member was replaced in place."""
    return content.replace(b"f\0", b"q\0", 1)


def damaged_index(content: bytes) -> bytes:
    """The archive with offsets in its index that point nowhere: the count stays as it is."""
    return content[:72] + b"\xff" * 4 + content[76:]


def damaged_count(content: bytes) -> bytes:
    """The archive with an index that claims to have four thousand million entries."""
    return content[:68] + b"\xff" * 4 + content[72:]


def damaged(name: str, damage: Callable[[bytes], bytes]) -> Case:
    members = {"b.s": F_CALLS_G, "c.s": G, "d.s": func("unused")}
    return Case(
        name,
        {"a.s": CALLS, "lib.a": Archive(members, damage=damage), "good.a": Archive(members)},
        "a.o lib.a",
        reference_args="a.o good.a",
        has=["func f", "func g"],
        lacks=["unused"],
    )


def library(style: str, *, thin: bool = False, index: bool = True) -> Archive:
    return Archive({LONG: F_CALLS_G, "c.s": G, LONGER: func("unused")}, style=style, thin=thin, index=index)


CASES = [
    *(
        Case(
            f"{style}-{'index' if index else 'no-index'}",
            {"a.s": CALLS, "lib.a": library(style, index=index)},
            "a.o lib.a",
            has=["func f", "func g"],
            lacks=["unused"],
        )
        for style in ("gnu", "bsd")
        for index in (True, False)
    ),
    Case(
        "thin",
        {"a.s": CALLS, "lib.a": library("gnu", thin=True)},
        "a.o lib.a",
        has=["func f", "func g"],
        lacks=["unused"],
    ),
    Case("thin-no-index", {"a.s": CALLS, "lib.a": library("gnu", thin=True, index=False)}, "a.o lib.a", has=["func f"]),
    Case("thin-in-directory", {"a.s": CALLS, "sub/lib.a": library("gnu", thin=True)}, "a.o sub/lib.a", has=["func f"]),
    Case("thin-trace", {"a.s": CALLS, "sub/lib.a": library("gnu", thin=True)}, "a.o sub/lib.a --trace", says=["sub/"]),
    damaged("index-stale", stale_index),
    damaged("index-damaged", damaged_index),
    damaged("index-damaged-count", damaged_count),
    Case(
        "order-of-extraction",
        {"a.s": CALLS, "lib.a": Archive({"z.s": func("z"), "g.s": G_CALLS_F, "f.s": F_CALLS_G})},
        "a.o lib.a",
    ),
    Case("archive-before-use", {"a.s": CALLS, "lib.a": Archive({"f.s": F})}, "lib.a a.o", has=["func f"]),
    Case(
        "two-archives-mutual",
        {"a.s": CALLS, "libf.a": Archive({"f.s": F_CALLS_G}), "libg.a": Archive({"g.s": G_CALLS_F})},
        "a.o libf.a libg.a",
    ),
    Case(
        "two-archives-mutual-reversed",
        {"a.s": CALLS, "libf.a": Archive({"f.s": F_CALLS_G}), "libg.a": Archive({"g.s": G_CALLS_F})},
        "libg.a libf.a a.o",
    ),
    Case(
        "first-archive-wins",
        {
            "a.s": CALLS,
            "one.a": Archive({"x.s": F + data("one", ".int32 1")}),
            "two.a": Archive({"y.s": F + data("two", ".int32 2")}),
        },
        "a.o one.a two.a --no-gc-sections --export-all",
        has=["^export one"],
    ),
    Case(
        "first-member-wins",
        {"a.s": CALLS, "lib.a": Archive({"x.s": F + data("one", ".int32 1"), "y.s": F + data("two", ".int32 2")})},
        "a.o lib.a --no-gc-sections --export-all",
        has=["^export one"],
    ),
    Case(
        "object-defines-later",
        {"a.s": CALLS, "lib.a": Archive({"x.s": F}), "b.s": F + data("mine", ".int32 1")},
        "a.o lib.a b.o",
        exit=1,
    ),
    Case(
        "object-defines-earlier",
        {"a.s": CALLS, "lib.a": Archive({"x.s": F}), "b.s": F + data("mine", ".int32 1")},
        "b.o a.o lib.a",
    ),
    Case("same-archive-twice", {"a.s": CALLS, "lib.a": Archive({"x.s": F})}, "a.o lib.a lib.a"),
    Case(
        "extracted-for-data",
        {"a.s": func("_start", "() -> ()", "i32.const d", "drop"), "lib.a": Archive({"x.s": data("d", ".int32 1")})},
        "a.o lib.a",
        has=["^data"],
    ),
    Case(
        "weak-definition-in-archive",
        {"a.s": CALLS, "lib.a": Archive({"x.s": func("f", flags="weak")})},
        "a.o lib.a",
        has=["func f"],
    ),
    Case(
        "hidden-definition-in-archive",
        {"a.s": CALLS, "lib.a": Archive({"x.s": func("f", flags="globl hidden")})},
        "a.o lib.a",
        has=["func f"],
    ),
    Case(
        "whole",
        {"a.s": START, "lib.a": Archive({"b.s": F, "c.s": G})},
        "a.o --whole-archive lib.a --no-gc-sections",
        has=["func f", "func g"],
    ),
    Case(
        "whole-then-not",
        {"a.s": START, "one.a": Archive({"b.s": F}), "two.a": Archive({"c.s": G})},
        "a.o --whole-archive one.a --no-whole-archive two.a --no-gc-sections",
        has=["func f"],
        lacks=["func g"],
    ),
    Case(
        "whole-duplicate",
        {"a.s": START, "lib.a": Archive({"b.s": F, "c.s": F})},
        "a.o --whole-archive lib.a",
        exit=1,
        says=["duplicate symbol: f", ">>> defined in lib.a(b.o)"],
    ),
    Case(
        "whole-thin",
        {"a.s": START, "lib.a": Archive({"b.s": F, "c.s": G}, thin=True)},
        "a.o --whole-archive lib.a --no-gc-sections",
        has=["func g"],
    ),
    Case(
        "whole-no-index",
        {"a.s": START, "lib.a": Archive({"b.s": F, "c.s": G}, index=False)},
        "a.o --whole-archive lib.a --no-gc-sections",
        has=["func g"],
    ),
    Case("empty", {"a.s": START, "lib.a": b"!<arch>\n"}, "a.o lib.a"),
    Case("empty-whole", {"a.s": START, "lib.a": b"!<arch>\n"}, "a.o --whole-archive lib.a"),
    Case("no-version", {"a.s": START, "b.o": b"\0asm"}, "a.o b.o", exit=1, says=["b.o: missing version number"]),
    Case(
        "lazy-metadata-version",
        {"a.s": START, "b.o": b"\0asm\1\0\0\0\0\x09\x07linking\1"},
        "a.o --start-lib b.o",
        exit=1,
        says=["unexpected metadata version: 1 (Expected: 2)"],
    ),
    *(
        Case(
            f"damaged-{name}",
            {"a.s": CALLS, "lib.a": Archive({"b.s": F}, damage=damage)},
            "a.o lib.a",
            exit=1,
            says=[f"lib.a: {says}: truncated or malformed archive"],
        )
        for name, damage, says in (
            ("index-cut", lambda data: data[:80], "failed to parse archive"),
            ("header-cut", lambda data: data[:20], "failed to parse archive"),
            ("member-cut", lambda data: data[:-5], "Archive::children failed"),
            ("terminator", lambda data: data.replace(b"`\n", b"x\x85"), "failed to parse archive"),
            ("size", lambda data: data[:56] + b"ten       " + data[66:], "failed to parse archive"),
            ("rest", lambda data: data + b"rest", "Archive::children failed"),
        )
    ),
    Case(
        "non-wasm-member",
        {"a.s": START, "lib.a": Archive({"notes.txt": "hello\n", "b.s": F})},
        "a.o lib.a",
        says=["warning: lib.a: archive member 'notes.txt' is neither Wasm object file nor LLVM bitcode"],
    ),
    Case(
        "non-wasm-member-extracted",
        {"a.s": CALLS, "lib.a": Archive({"notes.txt": "hello\n", "b.s": F})},
        "a.o lib.a",
        says=["warning"],
        has=["func f"],
    ),
    Case(
        "non-wasm-member-whole",
        {"a.s": START, "lib.a": Archive({"notes.txt": "hello\n", "b.s": F})},
        "a.o --whole-archive lib.a",
        exit=1,
    ),
    Case(
        "non-wasm-member-fatal",
        {"a.s": START, "lib.a": Archive({"notes.txt": "hello\n", "b.s": F})},
        "a.o lib.a --fatal-warnings",
        exit=1,
    ),
    Case("library", {"a.s": CALLS, "lib/libx.a": Archive({"b.s": F})}, "a.o -L lib -l x", has=["func f"]),
    Case("library-joined", {"a.s": CALLS, "lib/libx.a": Archive({"b.s": F})}, "a.o -Llib -lx", has=["func f"]),
    Case(
        "library-long-options",
        {"a.s": CALLS, "lib/libx.a": Archive({"b.s": F})},
        "a.o --library-path=lib --library=x",
        has=["func f"],
    ),
    Case(
        "library-long-options-separate",
        {"a.s": CALLS, "lib/libx.a": Archive({"b.s": F})},
        "a.o --library-path lib --library x",
        has=["func f"],
    ),
    Case("library-path-after", {"a.s": CALLS, "lib/libx.a": Archive({"b.s": F})}, "a.o -lx -Llib", has=["func f"]),
    Case(
        "library-first-path-wins",
        {"a.s": CALLS, "one/libx.a": Archive({"b.s": F}), "two/libx.a": Archive({"c.s": F_CALLS_G, "d.s": G})},
        "a.o -Lone -Ltwo -lx",
        lacks=["func g"],
    ),
    Case("library-colon", {"a.s": CALLS, "lib/other.a": Archive({"b.s": F})}, "a.o -Llib -l:other.a", has=["func f"]),
    Case("library-colon-object", {"a.s": CALLS, "lib/other.s": F}, "a.o -Llib -l:other.o", has=["func f"]),
    Case("library-missing", {"a.s": START}, "a.o -lnothing", exit=1, says=["unable to find library -lnothing"]),
    Case("library-missing-twice", {"a.s": START}, "a.o -lnothing -lnix -l:no.a", exit=1, says=["-lnothing", "-lnix"]),
    Case("library-not-in-current-directory", {"a.s": CALLS, "libx.a": Archive({"b.s": F})}, "a.o -lx", exit=1),
    Case("library-empty-path", {"a.s": CALLS, "libx.a": Archive({"b.s": F})}, "a.o -L. -lx", has=["func f"]),
    Case(
        "start-lib",
        {"a.s": CALLS, "b.s": F, "c.s": G + data("d", ".int32 1")},
        "a.o --start-lib b.o c.o --end-lib --no-gc-sections",
        has=["func f"],
        lacks=["func g"],
    ),
    Case(
        "start-lib-constructors",
        {"a.s": START, "b.s": F + func("init", flags="") + '.section .init_array,"",@\n.p2align 2\n.int32 init\n'},
        "a.o --start-lib b.o --end-lib",
        lacks=["init"],
    ),
    Case(
        "start-lib-extracted-by-dead-code",
        {
            "a.s": START + func("dead", "() -> ()", "call f") + extern("f"),
            "b.s": F
            + data("kept", ".int32 5", section="items", segment="R")
            + func("init", flags="")
            + '.section .init_array,"",@\n.p2align 2\n.int32 init\n',
        },
        "a.o --start-lib b.o --end-lib",
        lacks=["init", "items"],
    ),
    Case(
        "thin-member-missing",
        {"a.s": CALLS, "lib.a": THIN_HEADER + member("gone.o/", 100, b"")},
        "a.o lib.a",
        exit=1,
        says=["lib.a: could not get the buffer for a child of the archive: 'gone.o': No such file or directory"],
    ),
    Case("empty-alone", {"lib.a": b"!<arch>\n"}, "lib.a --no-entry", exit=1, says=["no input files"]),
    *(
        Case(
            f"malformed-{name}",
            {"a.s": CALLS, "lib.a": b"!<arch>\n" + content},
            "a.o lib.a",
            exit=1,
            says=["malformed"],
        )
        for name, content in DAMAGED.items()
    ),
    Case("start-lib-duplicate", {"a.s": CALLS, "b.s": F, "c.s": F}, "a.o --start-lib b.o c.o --end-lib"),
    Case("start-lib-unclosed", {"a.s": CALLS, "b.s": F}, "a.o --start-lib b.o"),
    Case("start-lib-nested", {"a.s": START}, "a.o --start-lib --start-lib --end-lib", exit=1),
    Case("end-lib-alone", {"a.s": START}, "a.o --end-lib", exit=1),
    Case("start-lib-before", {"a.s": CALLS, "b.s": F}, "--start-lib b.o --end-lib a.o", has=["func f"]),
    Case(
        "start-lib-archive",
        {"a.s": CALLS, "lib.a": Archive({"b.s": F})},
        "a.o --start-lib lib.a --end-lib",
        has=["func f"],
    ),
    Case(
        "archive-in-archive-name",
        {"a.s": CALLS, "lib.a": Archive({"b.s": F, "inner.bin": b"!<arch>\n"})},
        "a.o lib.a",
        says=["warning"],
    ),
]
