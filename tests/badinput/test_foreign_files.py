"""Files that are no WebAssembly: the error names the file and says what it is."""

from __future__ import annotations

import gzip
import io
import re
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.archives import HEADER, member
from tests.support.objects import (
    DATA,
    FUNCTION,
    INIT_FUNCTIONS,
    MAGIC,
    SYMBOL_TABLE,
    blob,
    build,
    custom,
    leb,
    linking,
    name,
    section,
    subsection,
    symbol,
    vector,
)
from wasmlink_tool import Input, LinkError, LinkOptions, Severity, link
from wasmlink_tool.inputs.foreign import describe


def elf(machine: int, kind: int = 1, *, big: bool = False, bits: int = 64) -> bytes:
    order = ">" if big else "<"
    identity = b"\x7fELF" + bytes([bits // 32, 2 if big else 1]) + bytes(10)
    return identity + struct.pack(f"{order}HHI", kind, machine, 1) + bytes(40)


def pe(flags: int) -> bytes:
    stub = b"MZ" + bytes(58) + struct.pack("<I", 0x80) + bytes(64)
    return stub + b"PE\0\0" + struct.pack("<HHIIIHH", 0xAA64, 3, 0, 0, 0, 0xF0, flags) + bytes(240)


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.o"))
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.o", b"")
    return buffer.getvalue()


FILES = {
    "ELF x86-64 object": elf(62),
    "ELF AArch64 object": elf(183),
    "ELF PowerPC64 object": elf(21, big=True),
    "ELF RISC-V shared library": elf(243, 3),
    "Mach-O AArch64 object": struct.pack("<IIII", 0xFEEDFACF, 0x100000C, 0, 1) + bytes(40),
    "Mach-O x86-64 shared library": struct.pack("<IIII", 0xFEEDFACF, 0x1000007, 3, 6) + bytes(40),
    "COFF x86-64 object": struct.pack("<HH", 0x8664, 3) + bytes(40),
    "Windows executable": b"MZ\x90\0" + bytes(60),
    "ELF x86 object": elf(3, bits=32),
    "ELF 32-bit RISC-V object": elf(243, bits=32),
    "ELF 32-bit MIPS object": elf(8, bits=32, big=True),
    "ELF object for machine 0x3e7": elf(999),
    "first bytes of an ELF file": elf(62)[:7],
    "Mach-O PowerPC object": struct.pack(">IIII", 0xFEEDFACE, 18, 0, 1) + bytes(40),
    "Mach-O AArch64 debug file": struct.pack("<IIII", 0xFEEDFACF, 0x100000C, 0, 10) + bytes(40),
    "Mach-O universal binary": struct.pack(">II", 0xCAFEBABE, 2) + bytes(40),
    "Java class": struct.pack(">IHH", 0xCAFEBABE, 0, 52) + bytes(40),
    "COFF AArch64 import library member": struct.pack("<HHHHI", 0, 0xFFFF, 0, 0xAA64, 0) + b"f\0f.dll\0" + bytes(8),
    "COFF x86-64 object: it was compiled": struct.pack("<HHHHI", 0, 0xFFFF, 2, 0x8664, 0) + bytes(40),
    "Windows AArch64 DLL": pe(0x2022),
    "Windows AArch64 executable": pe(0x22),
    "7-Zip archive": b"7z\xbc\xaf\x27\x1c" + bytes(20),
    "lz4-compressed": b"\x04\x22\x4d\x18" + bytes(20),
    "AIX archive": b"<bigaf>\n" + bytes(60),
    "changed line ends": b"!<arch>\r\na.o/",
    "SPIR-V": struct.pack("<II", 0x07230203, 0x10000) + bytes(20),
    "first bytes of an archive": b"!<arch",
    "first bytes of a WebAssembly file": b"\0as",
    "nothing but zeros": bytes(2000),
    "UTF-16 source": "#include <stdio.h>\n".encode("utf-16"),
    "UTF-16 text that begins with 'hello'": b"\xfe\xff" + "hello\n".encode("utf-16-be"),
    "UTF-32 text": "hello".encode("utf-32"),
    "white space only": b" \n\n",
    "script: run it": b"#!/usr/bin/env python3\nprint()\n",
    "JSON document": b'{"version": 1}\n',
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
    "HTML page": b"<!DOCTYPE html>\n<title>Not found</title>\n",
    "assembly": b"\t.text\n\t.globl f\n",
    "libtool": b"# libz.la - a libtool library file\ndlname=''\n",
    "list of dependencies": b"a.o: a.c \\\n  a.h\n",
    "module-definition file": b"LIBRARY z\nEXPORTS\n  deflate\n",
    "gzip": gzip.compress(build()),
    "tar archive": tar(),
    "zip archive": zipped(),
    "it is empty": b"",
    "WebAssembly text": b"  (module (func))\n",
    "LLVM assembly": b"; ModuleID = 'a.c'\nsource_filename = \"a.c\"\n",
    "linker script": b"/* GNU ld script */\nGROUP ( libc.so.6 )\n",
    "source": b"#include <stdio.h>\nint main(void) { return 0; }\n",
    "text that begins with 'hello'": b"hello\nworld\n",
    "binary data that begins with 01 02 00": b"\1\2\0\3",
}


@pytest.mark.parametrize("what", FILES)
def test_a_foreign_file_says_what_it_is(what: str, tmp_path: Path) -> None:
    path = tmp_path / "input.o"
    path.write_bytes(FILES[what])
    (error,) = errors(LinkOptions(inputs=[str(path)], output=None, entry=None))
    assert error.splitlines()[0] == f"unknown file type: {path}"
    assert what in error.splitlines()[1]


@pytest.mark.parametrize("length", [4, 7, -1, -40])
def test_an_object_that_was_not_written_to_its_end_says_so(length: int, tmp_path: Path) -> None:
    whole = build()
    (tmp_path / "a.o").write_bytes(whole[:length])
    (tmp_path / "lib.a").write_bytes(HEADER + member("m.o/", whole[:length]))
    for path in ("a.o", "lib.a"):
        inputs = [Input(str(tmp_path / path), whole_archive=True)]
        (error,) = errors(LinkOptions(inputs=inputs, output=None, entry=None))
        assert error.startswith(str(tmp_path / path))
        assert ("m.o" in error) is (path == "lib.a")
        assert error.splitlines()[1].endswith("it was not written to its end, or is damaged")


@pytest.mark.parametrize("what", [*FILES, "archive inside an archive"])
@pytest.mark.parametrize("whole", [False, True])
def test_a_foreign_member_says_what_it_is(what: str, whole: bool, tmp_path: Path) -> None:
    content = FILES[what] if what in FILES else HEADER + member("b.o/", build())
    path = tmp_path / "lib.a"
    path.write_bytes(HEADER + member("a.o/", content))
    (tmp_path / "main.o").write_bytes(build())
    inputs: list[Input | str] = [str(tmp_path / "main.o"), Input(str(path), whole_archive=whole)]
    options = LinkOptions(inputs=inputs, output=None, entry=None, fatal_warnings=True)
    text = "\n".join(errors(options))
    assert what in text
    assert str(path) in text
    assert "a.o" in text


def test_the_page_quotes_the_descriptions() -> None:
    page = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
    _, table = page.read_text(encoding="utf-8").split("| what it is |", 1)
    rows = [row for row in table.split("\n\n", 1)[0].splitlines()[2:] if row]
    quoted = [quote for row in rows for quote in re.findall("`([^`]+)`", row.split(" | ", 1)[0])]
    assert len(quoted) > 10
    archive = HEADER + member("b.o/", build())
    printed = "\n".join(describe(content) for content in [*FILES.values(), archive])
    for quote in quoted:
        assert all(part in printed for part in quote.split("…")), quote


def test_a_library_that_is_not_found_names_the_directories(tmp_path: Path) -> None:
    (tmp_path / "a.o").write_bytes(build())
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "libx.so").touch()
    paths = [str(tmp_path / "one"), str(tmp_path / "two")]
    options = LinkOptions(
        inputs=[str(tmp_path / "a.o"), Input("x", library=True)], output=None, entry=None, library_paths=paths
    )
    (error,) = errors(options)
    assert error.splitlines() == [
        "unable to find library -lx",
        f">>> searched {paths[0]}",
        f">>> found {paths[0]}/libx.so, which -lx does not mean here: name the file",
        f">>> searched {paths[1]} (there is no such directory)",
    ]
    (error,) = errors(LinkOptions(inputs=[Input("x", library=True)], output=None))
    assert "-L" in error


def test_errors_about_features_name_the_archive(tmp_path: Path) -> None:
    used = custom("target_features", vector(b"+" + name("simd128")))
    path = tmp_path / "lib.a"
    path.write_bytes(HEADER + member("m.o/", MAGIC + linking() + used))
    inputs = [Input(str(path), whole_archive=True)]
    (error,) = errors(LinkOptions(inputs=inputs, output=None, entry=None, features=["atomics"]))
    assert error == f"Target feature 'simd128' used by m.o is not allowed.\n>>> m.o is a member of {path}"


def test_errors_about_reserved_symbols_and_constructors_name_the_file(tmp_path: Path) -> None:
    def function(title: str, signature: bytes, *subsections: bytes) -> bytes:
        table = subsection(SYMBOL_TABLE, vector(symbol(FUNCTION, 0, leb(0), name(title))))
        parts = section(1, vector(signature)) + section(3, vector(b"\0")) + section(10, vector(blob(b"\0\x0b")))
        return MAGIC + parts + linking(table, *subsections)

    path = tmp_path / "a.o"
    constructor = subsection(INIT_FUNCTIONS, vector(leb(5) + leb(0)))
    for content in (
        function("__indirect_function_table", b"\x60\0\0"),
        function("f", b"\x60\1\x7f\0", constructor),
    ):
        path.write_bytes(content)
        found = errors(LinkOptions(inputs=[str(path)], output=None, entry=None, gc_sections=False))
        assert all(str(path) in error for error in found)


def errors(options: LinkOptions) -> list[str]:
    with pytest.raises(LinkError) as caught:
        link(options)
    assert caught.value.__cause__ is None
    return [str(entry) for entry in caught.value.diagnostics if entry.severity is Severity.ERROR]


def test_webassembly_that_is_not_linked_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "input.wasm"
    for content, what in (
        (MAGIC + section(1, vector(b"\x60\0\0")) + section(3, vector(b"\0")) + section(10, vector(blob(b"\0\x0b"))),
         "finished WebAssembly module"),
        (b"\0asm\x0d\0\1\0\0\1\0", "WebAssembly component"),
    ):  # fmt: skip
        path.write_bytes(content)
        (error,) = errors(LinkOptions(inputs=[str(path)], output=None, entry=None))
        assert error.startswith(f"{path}: ")
        assert what in error.splitlines()[1]


@pytest.mark.parametrize("kind", ["data", "type"])
def test_errors_about_special_functions_name_the_file(kind: str, tmp_path: Path) -> None:
    def special(title: str) -> bytes:
        one = symbol(FUNCTION, 0, leb(0), name(title))
        if kind == "data":
            one = symbol(DATA, 0, name(title), leb(0), leb(0), leb(4))
        parts = section(1, vector(b"\x60\1\x7f\0")) + section(3, vector(b"\0")) + section(10, vector(blob(b"\0\x0b")))
        parts += section(11, vector(b"\0\x41\0\x0b" + blob(bytes(4))))
        return MAGIC + parts + linking(subsection(SYMBOL_TABLE, vector(one)))

    path = tmp_path / "a.o"
    path.write_bytes(special("__wasm_call_dtors"))
    found = errors(LinkOptions(inputs=[str(path)], output=None, entry=None))
    assert any("__wasm_call_dtors must" in error and str(path) in error for error in found)
    path.write_bytes(special("begin"))
    found = errors(LinkOptions(inputs=[str(path)], output=None, entry=None, start="begin"))
    assert any("start symbol must" in error and str(path) in error for error in found)
