"""Command lines that are wrong: the same status and words as the reference's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from tests.cli.conftest import Runner
from wasmlink_tool.binary.relocations import COMPILED
from wasmlink_tool.cli.reporter import DEFAULT_ERROR_LIMIT

SAME = [
    "",
    "missing.o",
    "empty.o",
    "-",
    "--",
    "--foo --bar missing.o",
    "-o",
    "--entry",
    "-z",
    "-l",
    "-L",
    "-o out.wasm",
    "--whole-archive",
    "-v -O x",
    "-v -z a -z stack-size=x",
    "-v --foo",
    "-v --end-lib",
    "--start-lib --start-lib missing.o",
    "@missing-file",
    "-z foo missing.o",
    "-zfoo --fatal-warnings missing.o",
    "-z stack-size missing.o",
    "-z stack-size= missing.o",
    "-z stack-size=-16 missing.o",
    "-z stack-size=08 missing.o",
    "-z stack-size=0x missing.o",
    "-z stack-size=0xfffffffffffffffff missing.o",
    "-z stack-size=0x10000 missing.o",
    "-z stack-size=0b10000 missing.o",
    "-z stack-size=0o20 missing.o",
    "-z stack-size=1_6 missing.o",
    "-z stack-size=x -z stack-size=65536 missing.o",
    "--initial-memory=0x10000 missing.o",
    "--initial-memory=+65536 missing.o",
    "--initial-memory=9223372036854775808 missing.o",
    "--initial-memory=-9223372036854775808 missing.o",
    "--initial-memory=00000000000000000000065536 missing.o",
    "--initial-memory=x --initial-memory=65536 missing.o",
    "--initial-memory=65536 -i missing.o",
    "--error-limit=99999999999999999999 missing.o",
    "--error-limit=-1 -O x -m x --table-base=x missing.o",
    "--error-limit=2 -O x -m x --table-base=x missing.o",
    "--error-limit 1 -z a -z b --fatal-warnings missing.o",
    "--foo1 --foo2 --foo3 --foo4 --foo5 --foo6 --foo7 --foo8 --foo9 --foo10 --foo11 --foo12 --foo13 --foo14 --foo15 "
    "--foo16 --foo17 --foo18 --foo19 --foo20 --foo21",
    "--build-id=sha1 --build-id=q missing.o",
    "--build-id=q --build-id=sha1 missing.o",
    "--build-id=0xzz missing.o",
    "--build-id=0XAB missing.o",
    "--build-id=q --build-id missing.o",
    "--threads=0 missing.o",
    "--threads=4294967296 missing.o",
    "-threads x missing.o",
    "-threads=x missing.o",
    "--unresolved-symbols=ignore-in-object-files missing.o",
    "--page-size=2 missing.o",
    "--no-growable-memory --max-memory=131072 missing.o",
    "--no-growable-memory --max-memory=0 missing.o",
    "-m wasm16 missing.o",
    "--color-diagnostics=q --rsp-quoting=q missing.o",
    "--color-diagnostics -O x missing.o",
    "--color-diagnostics=always --foo -z bar missing.o",
    "--color-diagnostics --no-color-diagnostics --foo",
    "--no-color-diagnostics --color-diagnostics --foo",
    "--threads=0 --error-limit=x --build-id=q -m q -O q --initial-memory=q --max-memory=q --initial-heap=q "
    "--global-base=q --table-base=q --page-size=q --unresolved-symbols=q --color-diagnostics=q --rsp-quoting=q "
    "-z stack-size=q -z q --no-growable-memory --max-memory=65536 --end-lib --foo -i",
    "-o out.wasm --no-entry empty.o --import-table --export-table",
    "-o out.wasm --no-entry empty.o missing.o --import-table --export-table",
    "--no-entry empty.o --import-table --export-table",
    "empty.o --Bsymbolic --fatal-warnings",
    "missing.o -flavor wasm",
    "-lfoo -l: missing.o -l",
    "--nonsense -lfoo",
    "-z q -lfoo",
    "--page-size=3 missing.o . -lfoo",
    "-o out empty.o missing.o -shared",
    "empty.o -o out --build-id=0x12xyz",
    "empty.o -o out --build-id=0xxyz --threads=0",
    "empty.o -r -shared --export-table --growable-table -o out",
    "empty.o missing.o -r -pie --export-table -o out",
    "empty.o -shared --export-memory --export-table --import-table --max-memory=65536 --no-growable-memory",
    "empty.o -shared --export-memory",
    "empty.o --import-table --export-table --compress-relocations -S -pie -shared",
    "empty.o --import-table --compress-relocations -S -pie -shared --global-base=5 --table-base=5",
    "empty.o -r --compress-relocations -S -pie -Bsymbolic --unresolved-symbols=import-dynamic --global-base=5",
    "empty.o -o out -pie -Bsymbolic --unresolved-symbols=import-dynamic --global-base=5",
    "empty.o -o out -shared -pie --global-base=5",
    "empty.o -o out -pie --table-base=0 --no-entry",
    "empty.o -o out -shared --entry=none --fatal-warnings",
    "--export-table=x missing.o",
    "--gc-sections=x missing.o",
    "--emit-relocsx missing.o",
]


@pytest.mark.parametrize("line", SAME)
def test_same_as_the_reference(line: str, run: Runner, reference: Runner) -> None:
    arguments = line.split(" ") if line else []
    ours, theirs = run(arguments), reference(arguments)
    # wasm-ld's advice names an option that it does not have.
    status, said = theirs.without_hints
    assert ours.without_hints == (status, said.replace("use -error-limit=0 to", "use --error-limit=0 to"))


OURS = [
    ("--data-order=x empty.o -o out", "unknown --data-order value: x\n>>> expected one of input, packed"),
    ("--icf=x empty.o -o out", "unknown --icf value: x\n>>> expected one of none, safe, all"),
    ("--icf= empty.o -o out", "unknown --icf value: \n>>> expected one of none, safe, all"),
    (
        "--build-id=x empty.o -o out",
        "unknown --build-id style: x\n"
        ">>> expected one of none, fast, tree, sha1, md5, sha3, uuid, 0x<hexadecimal digits>",
    ),
    (
        "--unresolved-symbols=x empty.o -o out",
        "unknown --unresolved-symbols value: x\n>>> expected one of report-all, ignore-all, import-dynamic",
    ),
    ("--optimize-for=x empty.o -o out", "unknown --optimize-for value: x\n>>> expected one of raw, gzip"),
    (
        "-Wl,--export=f,-zstack-size=65536 empty.o -o out",
        "unknown argument: -Wl,--export=f,-zstack-size=65536\n"
        ">>> -Wl, is for compilers, which pass options on: write --export=f -zstack-size=65536",
    ),
    (
        "-Xlinker --no-entry empty.o -o out",
        "unknown argument: -Xlinker\n>>> -Xlinker is for compilers, which pass options on: leave it out",
    ),
    ("-r --icf=safe empty.o -o out", "-r and --icf may not be used together"),
    ("-flavor WASM missing.o", "cannot open missing.o: No such file or directory"),
    ("-flavor wasm missing.o", "cannot open missing.o: No such file or directory"),
]


@pytest.mark.parametrize(("line", "message"), OURS)
def test_errors_of_our_own(line: str, message: str, run: Runner) -> None:
    outcome = run(line.split(" "))
    assert (outcome.status, outcome.err) == (1, f"wasm-ld: error: {message}\n")


@pytest.mark.parametrize(
    ("line", "message"),
    [("-flavor gnu empty.o", "Unknown flavor: gnu\n"), ("-flavor", "missing arg value for '-flavor'\n")],
)
def test_flavors(line: str, message: str, run: Runner) -> None:
    """The messages are those of ``lld``, which the reference of these tests may not be."""
    outcome = run(line.split(" "))
    assert (outcome.status, outcome.out, outcome.err) == (1, "", message)


@pytest.mark.skipif(COMPILED, reason="calls of compiled functions are not seen")
def test_names_are_suggested_for_the_errors_that_are_shown(run: Runner) -> None:
    """However many unknown options there are: each search takes a millisecond."""
    unknown = [f"--gc-sectionz{number}" for number in range(10_000)]
    searched = nearest_calls(lambda: run(unknown))
    assert searched == DEFAULT_ERROR_LIMIT


def nearest_calls(action: Callable[[], object]) -> int:
    """Count the searches for a similar name during an action."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_name == "nearest"

    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls


def test_nearest_name_stands_below_an_unknown_one(run: Runner) -> None:
    outcome = run(["--export-al"])
    assert outcome.err == "wasm-ld: error: unknown argument: --export-al\n>>> did you mean '--export-all'?\n"
