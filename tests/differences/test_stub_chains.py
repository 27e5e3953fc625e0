"""Stub libraries whose exports link members that need more of them: all is found, in linear work."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from types import FrameType

import pytest

from tests.support.module import read_module
from tests.support.objects import calling_object
from tests.support.toolchain import make_archive, reference_command
from wasmlink_tool.linker import link
from wasmlink_tool.options import Input, LinkOptions


def write_random_stubs(directory: Path, seed: int) -> list[str]:
    """Write members that call what stub libraries declare, whose needs are other members; return the inputs."""
    choose = random.Random(seed)
    count = choose.randrange(4, 14)

    def called() -> dict[str, str]:
        names = choose.sample(range(count), choose.randrange(min(4, count)))
        return {f"s{n}" if n % 3 == 0 else f"g{n}": f"g{n}" for n in names}

    (directory / "start.o").write_bytes(calling_object("_start", {**called(), "g0": "g0"}))
    members = [f"m{number}.o" for number in range(count)]
    for number, member in enumerate(members):
        (directory / member).write_bytes(calling_object(f"f{number}", called()))
    choose.shuffle(members)
    make_archive(directory / "members.a", members)
    lines = [
        f"g{n}: " + ",".join(f"f{m}" for m in choose.sample(range(count), choose.randrange(3))) for n in range(count)
    ]
    choose.shuffle(lines)
    cut = choose.randrange(count)
    for file, part in (("one.so", lines[:cut]), ("two.so", lines[cut:])):
        (directory / file).write_text("#STUB\n" + "\n".join(part) + "\n")
    return ["start.o", "members.a", "one.so", "two.so"]


@pytest.mark.parametrize("seed", range(40))
def test_what_is_linked_imported_and_exported_is_the_reference_s(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its order is that of a hash table, ours the file's."""
    monkeypatch.chdir(tmp_path)
    inputs = write_random_stubs(tmp_path, seed)
    subprocess.run([*reference_command(), *inputs, "-o", "out.wasm"], check=True, capture_output=True)
    expected = read_module((tmp_path / "out.wasm").read_bytes())
    found = read_module(link(LinkOptions(inputs=inputs, output="out.wasm")).module)
    for a, b in (
        (found.imports, expected.imports),
        ([(e.name, e.kind) for e in found.exports], [(e.name, e.kind) for e in expected.exports]),
        (found.names["function"].values(), expected.names["function"].values()),
    ):
        assert sorted(map(str, a)) == sorted(map(str, b))


def test_members_are_linked_in_the_order_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is declared before the one that needs it waits until all names have been looked at."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "start.o").write_bytes(calling_object("_start", {"g2": "g2"}))
    (tmp_path / "m2.o").write_bytes(calling_object("f2", {"g1": "g1", "g3": "g3"}))
    (tmp_path / "m1.o").write_bytes(calling_object("f1", {}))
    (tmp_path / "m3.o").write_bytes(calling_object("f3", {"s4": "g4"}))
    (tmp_path / "m4.o").write_bytes(calling_object("f4", {}))
    (tmp_path / "order.so").write_text("#STUB\ng1: f1\ng2: f2\ng3: f3\ng4: f4\n")
    members = [Input(f"m{number}.o", lazy=True) for number in (1, 2, 3, 4)]
    module = read_module(link(LinkOptions(inputs=["start.o", *members, "order.so"])).module)
    # Imports are looked at once all names have been, in the order of the symbol table.
    assert [name for name in module.names["function"].values() if name[0] == "f"] == ["f2", "f3", "f1", "f4"]


def work_for_chain(directory: Path, length: int) -> int:
    """The calls of functions that a link makes where each member leads to the next through a stub library."""
    for number in range(length):
        member = calling_object(f"f{number}", {f"g{number + 1}": f"g{number + 1}"})
        (directory / f"m{number}.o").write_bytes(member)
    (directory / "start.o").write_bytes(calling_object("_start", {"g0": "g0"}))
    stub = [f"g{number}: f{number}" for number in reversed(range(length))] + [f"g{length}"]
    (directory / "chain.so").write_text("#STUB\n" + "\n".join(stub) + "\n")
    members: list[Input | str] = [Input(f"m{number}.o", lazy=True) for number in range(length)]
    options = LinkOptions(inputs=["start.o", *members, "chain.so"], output="out.wasm")
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        module = link(options)
    finally:
        sys.setprofile(None)
    assert b"f%d" % (length - 1) in module.module
    return calls


def test_a_chain_of_stubs_takes_linear_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    work = [work_for_chain(tmp_path, length) for length in (100, 200, 400)]
    # Where work is linear, this is 2; where it is quadratic, 4.
    assert work[2] - work[1] <= 2.3 * (work[1] - work[0])
