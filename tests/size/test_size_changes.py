"""The changes between two reports add up, and each new part has a cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential.asm import START, declare_first, extern, func
from tests.support.toolchain import compile_object, make_archive
from wasmlink_tool.cli import main
from wasmlink_tool.size.size_changes import changes_as_markdown, changes_as_text, compare
from wasmlink_tool.size.size_report import Part, SizeReport, from_json


def report_of(directory: Path, source: str, library: dict[str, str], name: str, *options: str) -> SizeReport:
    place = directory / name
    place.mkdir()
    for stem, text in {"main": source, **library}.items():
        (place / f"{stem}.o").write_bytes(compile_object(text, ".s", directory / "cache"))
    if library:
        make_archive(place / "lib.a", [f"{stem}.o" for stem in library])
    inputs = [str(place / "main.o"), *([str(place / "lib.a")] if library else [])]
    assert main(["-o", str(place / "app.wasm"), *inputs, f"--size-report={place / 'r.json'}", *options]) == 0
    report = from_json((place / "r.json").read_bytes())
    assert report.size == (place / "app.wasm").stat().st_size
    return report


CALLER = "\n".join(
    [
        '.file 1 "src" "log.c"',
        '.section .text._start,"",@',
        ".type _start,@function",
        ".globl _start",
        ".functype print () -> ()",
        "_start:",
        ".functype _start () -> ()",
        ".loc 1 41 0",
        "call print",
        "end_function",
        '.section .debug_line,"",@',
        "",
    ]
)
PRINT = declare_first(func("print", "() -> ()", "call helper", *["nop"] * 50) + extern("helper"))
HELPER = func("helper", "() -> ()", *["nop"] * 500)


def test_a_new_member_is_one_change_with_its_caller(tmp_path: Path) -> None:
    library = {"print": PRINT, "helper": HELPER}
    old = report_of(tmp_path, START, library, "old")
    new = report_of(tmp_path, CALLER, library, "new")
    changes = compare(old, new)
    assert changes.delta == new.size - old.size == sum(change.delta for change in changes.changes)
    helper = next(change for change in changes.changes if change.name == "lib.a(helper.o)")
    assert helper is changes.changes[0]
    assert helper.why == "called first by print (lib.a(print.o))"
    text = changes_as_text(changes)
    assert f"+{helper.delta:,} lib.a(helper.o) (new), called first by print (lib.a(print.o))" in text
    member = next(line for line in text.splitlines() if "lib.a(print.o) (new)" in line)
    assert member.endswith("called first by src/log.c:41")
    back = compare(new, old)
    assert sorted(change.delta for change in back.changes) == sorted(-change.delta for change in changes.changes)


def test_a_function_that_grew_is_named(tmp_path: Path) -> None:
    grown = HELPER.replace("nop\n", "nop\nnop\n")
    start = declare_first(func("_start", "() -> ()", "call helper") + extern("helper"))
    old = report_of(tmp_path, start, {"helper": HELPER}, "old")
    new = report_of(tmp_path, start, {"helper": grown}, "new")
    changes = compare(old, new)
    assert [(c.name, c.object, c.delta) for c in changes.changes if c.delta] == [
        ("helper", "lib.a(helper.o)", new.size - old.size)
    ]
    assert [(name, after - before) for name, before, after in changes.sections if before != after] == [
        ("CODE", new.size - old.size)
    ]


def test_a_link_compares_with_an_old_report(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    library = {"print": PRINT, "helper": HELPER}
    old = report_of(tmp_path, START, library, "old")
    capfd.readouterr()
    new = report_of(tmp_path, CALLER, library, "new", f"--size-diff={tmp_path / 'old' / 'r.json'}")
    printed = capfd.readouterr().out
    assert printed.startswith(f"app.wasm: {new.size:,} bytes ({new.size - old.size:+,})\n")
    assert "called first by src/log.c:41" in printed


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "not JSON"),
        ("{}", "not a size report"),
        ('{"format": "wasmlink size report", "version": 99}', "a size report of version 99"),
        ('{"format": "wasmlink size report", "version": 1, "module": 3}', "a damaged size report"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_is_no_report_is_refused(
    content: str, problem: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.json").write_text(content)
    (tmp_path / "main.o").write_bytes(compile_object(START, ".s", tmp_path))
    arguments = ["-o", str(tmp_path / "app.wasm"), str(tmp_path / "main.o"), f"--size-diff={tmp_path / 'old.json'}"]
    assert main(arguments) == 1
    assert f"old.json: {problem}" in capfd.readouterr().err
    assert not (tmp_path / "app.wasm").exists()


def test_markdown_has_no_marks_of_its_own() -> None:
    old = SizeReport("a.wasm", 0)
    part = Part("function", "operator|`<*>", sizes={"CODE": 7}, reason="a|b_c")
    new = SizeReport("a.wasm", 7, [("CODE", 7)], parts=[part])
    row = changes_as_markdown(compare(old, new)).splitlines()[4]
    assert row == "| +7 | 7 | `operator\\|'<*>` |  | a\\|b\\_c |"
