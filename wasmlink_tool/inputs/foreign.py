"""Identify files that the linker cannot link, and suggest a remedy, for the line under the error."""

from __future__ import annotations

from typing import Final

_COMPILE: Final = "it was compiled for another machine: compile its source for WebAssembly"
_ELF_MACHINES: Final = {
    3: "x86", 8: "MIPS", 20: "PowerPC", 21: "PowerPC64", 22: "S390", 40: "ARM", 62: "x86-64", 183: "AArch64",
    243: "RISC-V", 247: "BPF", 258: "LoongArch",
}  # fmt: skip
_ELF_KINDS: Final = {1: "object", 2: "executable", 3: "shared library or executable", 4: "core dump"}
_COFF_MACHINES: Final = {0x14C: "x86", 0x8664: "x86-64", 0x1C4: "ARM", 0xAA64: "AArch64"}
_MACH_MACHINES: Final = {7: "x86", 0x1000007: "x86-64", 12: "ARM", 0x100000C: "AArch64"}
_MACH_KINDS: Final = {1: "object", 2: "executable", 6: "shared library", 8: "bundle"}

_BEGINNINGS: Final = (
    (b"!<arch>\n", "an archive inside an archive: extract its members, and archive them again"),
    (b"!<thin>\n", "a thin archive inside an archive: name its members, or extract and archive them again"),
    (b"MZ", f"Windows executable or DLL: {_COMPILE}"),
    (b"\x1f\x8b", "gzip-compressed data: decompress it"),
    (b"BZh", "bzip2-compressed data: decompress it"),
    (b"\xfd7zXZ\0", "xz-compressed data: decompress it"),
    (b"\x28\xb5\x2f\xfd", "Zstandard-compressed data: decompress it"),
    (b"PK\3\4", "zip archive: unpack it"),
    (b"CPCH", "precompiled header: it is an input of the compiler"),
    (b"rust\0\0\0", "metadata of a Rust crate: it is an input of rustc"),
    (b"\xca\xfe\xba\xbe", f"Mach-O universal binary or Java class: {_COMPILE}"),
    (b"BC", "LLVM bitcode of an unknown kind"),
)
_TEXTS: Final = (
    ((b"(module", b"(component"), "WebAssembly text: assemble it (wat2wasm gives modules, not objects to link)"),
    ((b"; ModuleID", b"source_filename =", b"target datalayout", b"target triple"), "LLVM assembly: compile it"),
    ((b"/* GNU ld script", b"OUTPUT_FORMAT", b"GROUP", b"INPUT", b"SECTIONS"), "linker script: name its files"),
    ((b"--- !tapi-tbd",), "stub library of Apple's linker: WebAssembly has none"),
    ((b"#STUB",), "stub library whose first line is not #STUB"),
    ((b"#include", b"//", b"/*", b"int ", b"#define", b"extern "), "source: compile it first"),
)
_LOOKED_AT: Final = 512


def describe(data: bytes, start: int = 0, end: int | None = None) -> str:
    """Describe ``data[start:end]``, which is neither WebAssembly nor LLVM bitcode."""
    head = data[start : min(start + _LOOKED_AT, len(data) if end is None else end)]
    if not head:
        return "it is empty"
    if head.startswith(b"\x7fELF") and len(head) >= 20:
        order: str = "big" if head[5] == 2 else "little"
        kind = int.from_bytes(head[16:18], "big" if order == "big" else "little")
        machine = int.from_bytes(head[18:20], "big" if order == "big" else "little")
        return _native("ELF", _ELF_MACHINES.get(machine), _ELF_KINDS.get(kind))
    magic = int.from_bytes(head[:4], "little")
    if magic in (0xFEEDFACE, 0xFEEDFACF):
        machine, kind = int.from_bytes(head[4:8], "little"), int.from_bytes(head[12:16], "little")
        return _native("Mach-O", _MACH_MACHINES.get(machine), _MACH_KINDS.get(kind))
    coff = int.from_bytes(head[:2], "little")
    if coff in _COFF_MACHINES and len(head) >= 20:
        return _native("COFF", _COFF_MACHINES[coff], "object")
    for beginning, text in _BEGINNINGS:
        if head.startswith(beginning):
            return text
    if head[257:262] == b"ustar":
        return "tar archive: unpack it"
    return _describe_text(head)


def describe_wasm(data: bytes, start: int, end: int) -> str:
    """Describe ``data[start:end]``, which begins as WebAssembly, if it is a finished module or a component; otherwise
    return an empty string."""
    if end - start < 8:
        # A truncated file of any kind.
        return ""
    if int.from_bytes(data[start + 6 : start + 8], "little") == 1:
        return "WebAssembly component: link the objects that it was made from, or compose it with other components"
    if b"\7linking" not in data[start:end]:
        return "finished WebAssembly module: link the objects that it was made from, or make it with -r"
    return ""


def _native(form: str, machine: str | None, kind: str | None) -> str:
    return f"{' '.join(part for part in (form, machine, kind or 'file') if part)}: {_COMPILE}"


def _describe_text(head: bytes) -> str:
    if any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head):
        return f"unknown binary data that begins with {head[:8].hex(' ')}"
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for beginnings, text in _TEXTS:
        if begin.startswith(beginnings):
            return text
    line = begin.split(b"\n", 1)[0][:40].decode("utf-8", "backslashreplace").rstrip()
    return f"text that begins with {line!r}"
