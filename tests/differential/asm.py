"""Short forms of what assembly sources of cases are made of."""

from __future__ import annotations


def func(name: str, signature: str = "() -> ()", *body: str, flags: str = "globl", extra: str = "") -> str:
    """A function in a section of its own. ``flags`` are directives for the symbol: ``globl weak hidden``."""
    lines = [f'.section .text.{name},"",@', f".type {name},@function"]
    lines += [f".{flag} {name}" for flag in flags.split()]
    lines += [extra] if extra else []
    lines += [f"{name}:", f".functype {name} {signature}", *body, "end_function", ""]
    return "\n".join(lines)


def extern(name: str, signature: str = "() -> ()", flags: str = "") -> str:
    """A declaration of a function that is defined elsewhere."""
    return "\n".join([f".functype {name} {signature}", *(f".{flag} {name}" for flag in flags.split()), ""])


def data(
    name: str, *body: str, section: str = "", flags: str = "globl", size: int = 4, align: int = 2, segment: str = ""
) -> str:
    """A data symbol in a segment of its own. ``segment`` are the section's flags: ``S``, ``R``, ``T``."""
    lines = [f".type {name},@object", f'.section {section or ".data." + name},"{segment}",@', f".p2align {align}"]
    lines += [f".{flag} {name}" for flag in flags.split()]
    lines += [f"{name}:", *body, f".size {name}, {size}", ""]
    return "\n".join(lines)


def string(name: str, text: str, section: str = "") -> str:
    """A local string in a mergeable segment of its own."""
    return data(
        name,
        f'.asciz "{text}"',
        section=section or f".rodata.{name}",
        flags="",
        size=len(text) + 1,
        align=0,
        segment="S",
    )


def target_features(*features: str) -> str:
    """A target_features section: ``+atomics``, ``-simd128``."""
    lines = ['.section .custom_section.target_features,"",@', f".int8 {len(features)}"]
    for feature in features:
        lines += [f".int8 {ord(feature[0])}", f".int8 {len(feature) - 1}", f'.ascii "{feature[1:]}"']
    return "\n".join([*lines, ""])


START = func("_start")


def declare_first(source: str) -> str:
    """Repeat all declarations of functions at the top: the assembler wants them before a use."""
    declared = dict.fromkeys(line for line in source.splitlines() if line.startswith(".functype "))
    flags, newline, rest = source.partition("\n") if source.startswith("# flags:") else ("", "", source)
    return "\n".join([flags + newline, *declared, rest])
