"""Names that no compiler writes: nothing raises, overflows a stack, or takes long, and what comes out is bounded."""

from __future__ import annotations

import inspect
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.deadline import processor_time
from wasmlink_tool.binary.relocations import COMPILED
from wasmlink_tool.demangle import demangle, demangle_text

NAMES = [
    line.partition("\t")[0].encode()
    for line in Path(__file__).with_name("names.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]

#: The stack of the threads that SCons runs actions in, in bytes.
STACK = 256 * 1024

#: What a name's text may have, whatever the name: characters, and so many times the name's length.
BOUND = 3 << 20, 16

#: Codes that grammars give a meaning, so that random names get far.
TOKENS = (
    b"_Z N E I J X L T_ T0_ S_ S0_ S1_ St Ss Sa P R O K F v i 1A 2bb A3_ M Dp DT sp sZ Li1E gt pl cl cv C1 D0 Ul Ty Tt"
    b" Tp Tn E_ B1t Z Q rq fp_ sr on dn tl il di dt nw U1q u1q Do DO W1M DC H GV TV Th4_ Tc _R C1a Nv M X Y B_ B0_ B1_"
    b" s_ G_ D L_ p1x Kj1_ u4a_9b _D Qb 0 . _block_invoke"
).split()

mangled_names = st.builds(
    lambda prefix, tokens: prefix + b"".join(tokens),
    st.sampled_from([b"_Z", b"_Z1f", b"_ZN", b"_Z1fI", b"_Z1fIX", b"_R", b"_RIC1a", b"_D3abc", b"___Z", b""]),
    st.lists(st.sampled_from(TOKENS), max_size=60),
)


def check(name: bytes) -> None:
    readable = demangle(name)
    assert len(readable) <= BOUND[0] + BOUND[1] * len(name)
    assert demangle(name) == readable


@given(st.binary(max_size=200))
@example(b"_Z")
@example(b"_R")
@example(b"_D")
def test_any_bytes(name: bytes) -> None:
    check(name)
    check(b"_Z" + name)
    check(b"_R" + name)
    check(b"_D" + name)


@given(mangled_names)
def test_any_tokens(name: bytes) -> None:
    check(name)


@given(st.sampled_from(NAMES), st.integers(0, 60), st.integers(0, 8), st.sampled_from(TOKENS))
def test_any_change_of_a_name(name: bytes, at: int, removed: int, added: bytes) -> None:
    check(name[:at] + added + name[at + removed :])


@given(st.text(max_size=40))
@settings(max_examples=50)
def test_any_text(name: str) -> None:
    demangle_text("_ZN" + name)


def deep_names() -> Iterator[bytes]:
    for depth in (10, 50, 90, 199, 5000):
        yield b"_Z1f" + b"1AI" * depth + b"i" + b"E" * depth
        yield b"_Z1fN" + b"1AIN" * depth + b"1AE" + b"EE" * depth
        yield b"_Z1f" + b"PFv" * depth + b"i" + b"E" * depth
        yield b"_Z1f" + b"A1_" * depth + b"i"
        yield b"_Z1f" + b"M1A" * depth + b"i"
        yield b"_Z1f" + b"U1q" * depth + b"i"
        yield b"_Z1fI" + b"J" * depth + b"i" + b"E" * depth + b"Evv"
        yield b"_Z1fI" + b"Tp" * depth + b"TyiEvv"
        yield b"_Z1fI" + b"Tt" * depth + b"Ty" + b"E" * depth + b"1AEvv"
        yield b"_Z1fIJiE" + b"JT_E" * depth + b"Evv"
        yield b"_Z1fIX" + b"ng" * depth + b"Li1EEEvv"
        yield b"_Z1fIX" + b"pl" * depth + b"Li1E" * (depth + 1) + b"EEvv"
        yield b"_Z1fIX" + b"cl" * depth + b"Li1E" + b"E" * depth + b"EEvv"
        yield b"_Z1fIXil" + b"di1a" * depth + b"Li1EEEEvv"
        yield b"_Z1fIX" + b"rqX" * depth + b"Li1E" + b"E" * depth + b"EEvv"
        yield b"_Z1fIX" + b"stDT" * depth + b"Li1E" + b"E" * depth + b"EEvv"
        yield b"_ZN" + b"Ul" * depth + b"i" + b"E_" * depth + b"E"
        yield b"_Z" + b"Z" * depth + b"1fv" + b"E1xv" * depth
        yield b"_Z" + b"Th1_" * depth + b"1fv"
        yield b"_Z" + b"GV" + b"ZTh1_" * depth + b"1fv" + b"E1x" * depth
        yield b"_RIC1a" + b"R" * depth + b"lE"
        yield b"_RIC1a" + b"FT" * depth + b"E" * depth + b"uE"
        yield b"_RIC1aD" + b"IC1tD" * depth + b"C1tEL_" + b"EEL_" * depth + b"E"
        yield b"_R" + b"Nv" * depth + b"C1a" + b"1b" * depth
    yield b"_RIC1aRB4_E"


def test_depth_in_a_small_stack() -> None:
    """Nesting that doesn't fit is told before the stack overflows, which would end the process."""
    done: list[int] = []

    def run() -> None:
        for name in deep_names():
            check(name)
            done.append(len(name))

    before = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert len(done) == sum(1 for _ in deep_names())


def test_little_depth_left() -> None:
    """A name stays raw if the caller is deep already. Calls of compiled functions do not count."""
    raw = b"_Z1f" + b"1AI" * 40 + b"i" + b"E" * 40
    whole = b"f(" + b"A<" * 40 + b"int" + b">" * 40 + b")"

    def call(depth: int) -> bytes:
        return call(depth - 1) if depth else demangle(raw)

    used = len(inspect.stack(0))
    found = {call(sys.getrecursionlimit() - used - left) for left in range(40, 260, 5)}
    assert found == ({whole} if COMPILED else {raw, whole})


LONG = b"5000" + b"a" * 5000

DIGITS = [b""] + [bytes([digit]) for digit in b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"]

EXPLOSIONS = {
    "types of the types before": b"_Z1f" + b"FvvE" + b"".join(b"FvS%b_S%b_E" % (digit, digit) for digit in DIGITS),
    "templates of templates": b"_Z1f1A" + b"".join(b"1BIS%b_S%b_E" % (digit, digit) for digit in DIGITS[::2]) * 9,
    "a long name, referred to": b"_Z1f" + LONG + b"S_" * 100_000,
    "members of a long name": b"_Z1f" + LONG + (b"NS_" + b"1b" * 200 + b"E") * 300,
    "pointers to a long name": b"_Z1f" + LONG + (b"P" * 200 + b"S_") * 300,
    "a long pack": b"_Z1fIJ" + b"i" * 20_000 + b"EEv" + b"DpPT_" * 3000,
    "pointers to a pack": b"_Z1fIJ" + b"i" * 2000 + b"EEv" + (b"P" * 200 + b"T_") * 300,
    "members of a pack": b"_Z1fIJ" + b"i" * 2000 + b"EEvN" + b"T_" + b"1a" * 200 + b"E",
    "many components": b"_ZN" + b"1a" * 100_000 + b"E",
    "many scopes": b"_Z1fIXsr" + b"1a" * 100_000 + b"E1bEEvv",
    "many tags": b"_Z1f" + b"B1a" * 100_000 + b"v",
    "many pointers": b"_Z1f" + b"P" * 100_000 + b"i",
    "many parameters": b"_Z1f" + b"i" * 100_000,
    "many modules": b"_ZW" + b"1aW" * 50_000 + b"1afv",
    "arguments not yet known": b"_ZN1Acv1BI" + b"T_" * 50_000 + b"EI" + b"i" * 10 + b"Ev",
    "comparisons": b"_Z1fI" + b"XgtLi1ELi2EE" * 5000 + b"Evv",
    "a large number": b"_Z1fIL1A" + b"9" * 100_000 + b"EEvv",
    "a large length": b"_Z" + b"9" * 100_000,
    "a large index": b"_Z1fS" + b"Z" * 100_000 + b"_",
    "a constructor of what looks like tags": b"_Z1f4000" + b"[abi" * 1000 + b"NS_C1E" * 50,
    "tuples of tuples": b"_RIC1aTlllE"
    + b"TB5_B5_B5_E"
    + b"TBg_Bg_Bg_E"
    + b"TBr_Br_Br_E"
    + b"TBC_BC_BC_E" * 3000
    + b"E",
    "a long crate, referred to": b"_RIC1aNtC4000" + b"a" * 4000 + b"1b" + b"B5_" * 100_000 + b"E",
    "many lifetimes": b"_RIC1a" + b"FGzz_Eu" * 300 + b"E",
    "a long name in Punycode": b"_RCu50000" + b"a" * 50_000,
    "a long D name, referred to": b"_D" + LONG + b"Qe" * 10_000 + b"i",
    "underscores": b"_" * 100_000,
}


@pytest.mark.parametrize("name", EXPLOSIONS.values(), ids=EXPLOSIONS.keys())
def test_explosions(name: bytes) -> None:
    # Most take a thousandth of that.
    with processor_time(5):
        check(name)


def test_threads() -> None:
    """Names have nothing in common: any thread may demangle any."""
    expected = [demangle(name) for name in NAMES]
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: [demangle(name) for name in NAMES], range(16)):
            assert found == expected


def test_grammars_are_imported_for_names_of_theirs() -> None:
    program = """
import sys
from tests.support.deadline import processor_time
from wasmlink_tool.binary.relocations import COMPILED
from wasmlink_tool.demangle import demangle
def loaded():
    return sorted(name.rpartition(".")[2] for name in sys.modules if name.startswith("wasmlink_tool.demangle."))
demangle(b"main"); demangle(b"_start"); demangle(b"__wasm_call_ctors"); print(loaded())
demangle(b"_RNvC1a1b"); print(loaded())
demangle(b"_Z1fi"); print(loaded())
demangle(b"_Z1fIXngLi1EEEvv"); print(loaded())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "[]",
        "['rust']",
        "['itanium', 'itanium_operators', 'nodes', 'rust']",
        "['itanium', 'itanium_expressions', 'itanium_operators', 'nodes', 'rust']",
    ]
