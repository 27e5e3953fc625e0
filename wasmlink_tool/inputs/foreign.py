"""Identify files that the linker cannot link, and suggest a remedy, for the line under the error."""

from __future__ import annotations

from typing import Final, Literal

_COMPILE: Final = "it was compiled for another machine: compile its source for WebAssembly"
_DAMAGED: Final = "it was not written to its end, or is damaged"
_ELF_MACHINES: Final = {
    2: "SPARC", 3: "x86", 4: "m68k", 8: "MIPS", 20: "PowerPC", 21: "PowerPC64", 22: "S390", 40: "ARM", 42: "SuperH",
    43: "SPARC64", 50: "IA-64", 62: "x86-64", 83: "AVR", 94: "Xtensa", 105: "MSP430", 164: "Hexagon", 183: "AArch64",
    190: "CUDA", 224: "AMDGPU", 243: "RISC-V", 247: "BPF", 252: "C-SKY", 258: "LoongArch",
}  # fmt: skip
_ELF_OF_BOTH_SIZES: Final = frozenset({8, 62, 183, 243, 258})
"""ELF machines whose objects have 32 or 64 bits. The first is less usual, and said."""
_ELF_KINDS: Final = {1: "object", 2: "executable", 3: "shared library or executable", 4: "core dump"}
_COFF_MACHINES: Final = {
    0x14C: "x86", 0x8664: "x86-64", 0x1C0: "ARM", 0x1C4: "ARM", 0xAA64: "AArch64", 0xA641: "ARM64EC", 0x200: "IA-64",
}  # fmt: skip
_MACH_MACHINES: Final = {
    7: "x86", 0x1000007: "x86-64", 12: "ARM", 0x100000C: "AArch64", 0x200000C: "ARM64_32", 18: "PowerPC",
    0x1000012: "PowerPC64",
}  # fmt: skip
_MACH_KINDS: Final = {1: "object", 2: "executable", 4: "core dump", 6: "shared library", 8: "bundle", 10: "debug file"}
_JAVA: Final = 43
"""Universal binaries have fewer architectures than this; Java classes, which begin alike, have later versions."""

_BEGINNINGS: Final = (
    (b"!<arch>\n", "an archive inside an archive: extract its members, and archive them again"),
    (b"!<thin>\n", "a thin archive inside an archive: name its members, or extract and archive them again"),
    (b"!<arch>\r", "archive with changed line ends: copy it again, as binary"),
    (b"<bigaf>\n", f"AIX archive: {_COMPILE}"),
    (b"\x1f\x8b", "gzip-compressed data: decompress it"),
    (b"\x1f\x9d", "data of the compress program: decompress it"),
    (b"BZh", "bzip2-compressed data: decompress it"),
    (b"\xfd7zXZ\0", "xz-compressed data: decompress it"),
    (b"\x5d\0\0", "lzma-compressed data: decompress it"),
    (b"\x28\xb5\x2f\xfd", "Zstandard-compressed data: decompress it"),
    (b"\x04\x22\x4d\x18", "lz4-compressed data: decompress it"),
    (b"PK\3\4", "zip archive: unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip archive: unpack it"),
    (b"Rar!\x1a", "RAR archive: unpack it"),
    (b"CPCH", "precompiled header: it is an input of the compiler"),
    (b"gpch", "precompiled header: it is an input of the compiler"),
    (b"rust\0\0\0", "metadata of a Rust crate: it is an input of rustc"),
    (b"\3\2\x23\7", "SPIR-V: compile its source for WebAssembly"),
    (b"\7\x23\2\3", "SPIR-V: compile its source for WebAssembly"),
    (b"ML\xefR", "MLIR bytecode: compile it"),
    (b"BC", "LLVM bitcode of an unknown kind"),
)
_SOURCE: Final = (
    b"#include", b"//", b"/*", b"int ", b"#define", b"extern ", b"#pragma", b"#if", b"static ", b"void ", b"fn ",
    b"use ", b"pub ", b"#![", b"import ", b"module ", b"namespace ", b"typedef ", b"struct ", b"class ",
)  # fmt: skip
_TEXTS: Final = (
    ((b"(module", b"(component"), "WebAssembly text: assemble it (wat2wasm gives modules, not objects to link)"),
    ((b"; ModuleID", b"source_filename =", b"target datalayout", b"target triple"), "LLVM assembly: compile it"),
    ((b"/* GNU ld script", b"OUTPUT_FORMAT", b"GROUP", b"INPUT", b"SECTIONS"), "linker script: name its files"),
    ((b"--- !tapi-tbd",), "stub library of Apple's linker: WebAssembly has none"),
    ((b"#STUB",), "stub library whose first line is not #STUB"),
    ((b"version https://git-lfs",), "Git LFS pointer, not the file: fetch it with git lfs pull"),
    ((b"#!",), "script: run it, and link what it writes"),
    ((b"LIBRARY ", b"EXPORTS"), "module-definition file of a Windows linker: name the symbols with --export"),
    ((b"<!DOCTYPE", b"<html", b"<HTML"), "HTML page, not the file: a download may have failed"),
    ((b"<?xml",), "XML document"),
    ((b'{"', b"{\n", b"{ ", b"{\r", b"{}", b'["', b"[{", b"[\n"), "JSON document"),
    (
        (b".text", b".file", b".globl", b".section", b".functype", b".intel_syntax", b".attribute", b".build_version"),
        "assembly: assemble it first",
    ),
    (_SOURCE, "source: compile it first"),
)
_BYTE_ORDER_MARKS: Final = (
    (b"\xff\xfe\0\0", "UTF-32-LE"),
    (b"\0\0\xfe\xff", "UTF-32-BE"),
    (b"\xff\xfe", "UTF-16-LE"),
    (b"\xfe\xff", "UTF-16-BE"),
)
_LOOKED_AT: Final = 512


def describe(data: bytes, start: int = 0, end: int | None = None) -> str:
    """Describe ``data[start:end]``, which is neither WebAssembly nor LLVM bitcode."""
    end = len(data) if end is None else end
    head = data[start : min(start + _LOOKED_AT, end)]
    if not head:
        return "it is empty"
    if not head.strip(b"\0") and data.count(b"\0", start, end) == end - start:
        return f"nothing but zeros: {_DAMAGED}"
    cut = _cut_short(head)
    if cut:
        return cut
    native = _elf(head) or _mach_o(head) or _windows(head)
    if native:
        return f"{native}: {_COMPILE}"
    for beginning, text in _BEGINNINGS:
        if head.startswith(beginning):
            return text
    if head[257:262] == b"ustar":
        return "tar archive: unpack it"
    return _describe_text(head)


def describe_wasm(data: bytes, start: int, end: int) -> str:
    """Describe ``data[start:end]``, which begins as WebAssembly, if it is a finished module or a component, or ends
    early; otherwise return an empty string."""
    if end - start < 8:
        return f"the first bytes of a WebAssembly file: {_DAMAGED}"
    if int.from_bytes(data[start + 6 : start + 8], "little") == 1:
        return "WebAssembly component: link the objects that it was made from, or compose it with other components"
    if _ends_early(data, start + 8, end):
        return f"the file ends within a section: {_DAMAGED}"
    if b"\7linking" not in data[start:end]:
        return "finished WebAssembly module: link the objects that it was made from, or make it with -r"
    return ""


def _ends_early(data: bytes, pos: int, end: int) -> bool:
    """Return whether the last of the sections in ``data[pos:end]`` extends past the end."""
    while pos < end:
        size = shift = 0
        while True:
            pos += 1
            if pos >= end:
                return True
            size |= (data[pos] & 0x7F) << shift
            shift += 7
            if data[pos] < 0x80 or shift > 35:
                break
        pos += 1 + size
    return pos > end


def _cut_short(head: bytes) -> str:
    """Describe a file that is shorter than what its kind begins with."""
    for beginning, kind in (
        (b"\0asm", "a WebAssembly file"),
        (b"!<arch>\n", "an archive"),
        (b"!<thin>\n", "an archive"),
    ):
        if len(head) > 1 and beginning.startswith(head) and head != beginning:
            return f"the first bytes of {kind}: {_DAMAGED}"
    return ""


def _native(form: str, machine: str | None, kind: str | None, number: int) -> str:
    return " ".join((form, machine or f"{kind or 'file'} for machine {number:#x}", *[kind or "file"] * bool(machine)))


def _elf(head: bytes) -> str:
    if not head.startswith(b"\x7fELF"):
        return ""
    if len(head) < 20:
        return "first bytes of an ELF file"
    order: Literal["big", "little"] = "big" if head[5] == 2 else "little"
    kind, number = int.from_bytes(head[16:18], order), int.from_bytes(head[18:20], order)
    machine = _ELF_MACHINES.get(number)
    if machine and head[4] == 1 and number in _ELF_OF_BOTH_SIZES:
        machine = f"32-bit {machine}"
    return _native("ELF", machine, _ELF_KINDS.get(kind), number)


def _mach_o(head: bytes) -> str:
    for order in ("little", "big"):
        words = [int.from_bytes(head[at : at + 4], order) for at in (0, 4, 12)]
        if words[0] in (0xFEEDFACE, 0xFEEDFACF):
            return _native("Mach-O", _MACH_MACHINES.get(words[1]), _MACH_KINDS.get(words[2]), words[1])
    if head.startswith((b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")):
        if int.from_bytes(head[4:8], "big") >= _JAVA:
            return "Java class"
        return "Mach-O universal binary"
    return ""


def _windows(head: bytes) -> str:
    def number(at: int) -> int:
        return int.from_bytes(head[at : at + 2], "little")

    if number(0) in _COFF_MACHINES and len(head) >= 20:
        return _native("COFF", _COFF_MACHINES[number(0)], "object", 0)
    if head.startswith(b"\0\0\xff\xff") and len(head) >= 20:
        # Version 0 is a member of an import library, 1 an object of link-time code generation, 2 one of many sections.
        what = "import library member" if number(4) == 0 else "object"
        return _native("COFF", _COFF_MACHINES.get(number(6)), what, number(6))
    if not head.startswith(b"MZ"):
        return ""
    at = int.from_bytes(head[60:64], "little")
    if head[at : at + 4] == b"PE\0\0" and len(head) >= at + 24:
        kind = "DLL" if number(at + 22) & 0x2000 else "executable"
        return _native("Windows", _COFF_MACHINES.get(number(at + 4)), kind, number(at + 4))
    return "Windows executable or DLL"


def _describe_text(head: bytes) -> str:
    encoding = ""
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            encoding = f"{name[:6]} "
            head = head[len(mark) :].decode(name, "ignore").encode()
            break
    if any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head):
        return f"unknown binary data that begins with {head[:8].hex(' ')}"
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not begin:
        return f"{encoding}text of white space only"
    line = begin.split(b"\n", 1)[0].rstrip()
    for beginnings, text in _TEXTS:
        if begin.startswith(beginnings):
            return encoding + text
    if b"libtool" in line:
        return "libtool's description of a file: name the archive or object that it lists"
    if line.endswith(b"\\") and b": " in line:
        return "list of dependencies, written by a compiler (-MD)"
    return f"{encoding}text that begins with {line[:40].decode('utf-8', 'backslashreplace')!r}"
