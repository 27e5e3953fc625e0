"""The language runtime that a file or symbol belongs to, by the names that toolchains give them."""

from __future__ import annotations

import re
from typing import Final

_ARCHIVES: Final = (
    (re.compile(r"libc\+\+(abi|experimental)?\b|libstdc\+\+|libsupc\+\+|libunwind"), "C++ runtime"),
    (re.compile(r"libclang_rt|libcompiler[-_]rt|libcompiler_builtins|compiler_rt|libgcc|builtins"), "compiler runtime"),
    (
        re.compile(
            r"^lib(std|core|alloc|panic_\w+|unwind|hashbrown|gimli|addr2line|std_detect|rustc_\w+)-[0-9a-f]+\.rlib"
        ),
        "Rust runtime",
    ),
    (re.compile(r"^(lib)?zigrt|ubsan_rt"), "Zig runtime"),
    (re.compile(r"libswiftCore|libswift_|libFoundation"), "Swift runtime"),
    (re.compile(r"^lib(phobos|druntime|tinygo)"), "D runtime"),
    (
        re.compile(
            r"^lib(c|m|rt|pthread|dl|util|crypt|resolv|xnet|setjmp|c-printscan-[\w-]+|c-\w+|wasi-emulated-[\w-]+|dlmalloc|emmalloc)\.a$"
        ),
        "C library",
    ),
)
_START_FILE: Final = re.compile(r"^(S?crt[01in]|crt1-\w+|crtbegin\w*|crtend\w*)\.o(bj)?$")
_SYMBOLS: Final = (
    (
        re.compile(
            rb"_ZN?K?(St|Ss|9__gnu_cxx|10__cxxabiv1)|_ZN?K?S[abdios]|_Z(TV|TS|TI)N?(St|10__cxxabiv1)"
            rb"|_ZnwS|_Zn[wa]|_Zd[la]|__cxa_|__gxx_"
        ),
        "C++ runtime",
    ),
    (
        re.compile(
            rb"_ZN(4core|3std|5alloc|14std_detect|9hashbrown|12panic_unwind)\d"
            rb"|_ZN\d+_\$LT\$.{0,80}(core|alloc|std)\.\.|_R\w*C[0-9a-zA-Z]*_(4core|3std|5alloc)"
            rb"|__rust_|rust_begin_unwind|rust_eh_personality"
        ),
        "Rust runtime",
    ),
)


def runtime_of_file(path: str, member: str = "") -> str:
    """Return the runtime of an archive or object; empty if no toolchain uses its name."""
    base = re.split(r"[/\\]", path)[-1]
    if not member:
        return "start files" if _START_FILE.match(base) else ""
    for pattern, runtime in _ARCHIVES:
        if pattern.search(base):
            return runtime
    return ""


def runtime_of_symbol(name: bytes) -> str:
    """Return the runtime of a symbol in a program's own object: templates and generics are compiled there."""
    if name[:1] == b"_":
        for pattern, runtime in _SYMBOLS:
            if pattern.match(name):
                return runtime
    return ""
