"""``--reproduce``: what is in the tar, beside the reference's, and that the link can be repeated from it."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.cli.conftest import Runner
from tests.differential.asm import declare_first, extern, func
from tests.support.toolchain import compile_object, make_archive
from wasmlink_tool.cli.option_table import EITHER, FLAG, SEPARATE, all_options, spellings
from wasmlink_tool.version import __version__


def contents(path: Path) -> dict[str, str]:
    """The members that are texts."""
    with tarfile.open(path) as tar:
        return {
            name.partition("/")[2]: file.read().decode()
            for name in tar.getnames()
            if name.endswith(".txt") and (file := tar.extractfile(name)) is not None
        }


def members(path: str) -> list[str]:
    with tarfile.open(path) as tar:
        return tar.getnames()


def without_version(tar: bytes) -> bytes:
    """A tar without the blocks of the member that tells the linker's version, which is its second one."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        _, version, after, *_ = opened.getmembers()
    assert version.name.endswith("/version.txt")
    return tar[: version.offset] + tar[after.offset :]


@pytest.fixture
def project(workdir: Path) -> Path:
    """A program in several files, in ``project/``, which becomes the working directory."""
    top = workdir / "project"
    (top / "lib dir").mkdir(parents=True)
    os.chdir(top)
    sources = {
        "main.o": func("_start", "() -> ()", "call f", "call g", "call h", "call host")
        + "".join(map(extern, ("f", "g", "h", "host"))),
        "f.o": func("f"),
        "lib dir/g.o": func("g"),
        "h.o": func("h"),
    }
    for name, source in sources.items():
        (top / name).write_bytes(compile_object(declare_first(source), ".s", workdir))
    make_archive(top / "f.a", ["f.o"])
    make_archive(top / "lib dir" / "libg.a", ["g.o"], thin=True)
    (top / "names.txt").write_text("host\n")
    (top / "inner.rsp").write_text("'-Llib dir' -lg --allow-undefined-file=names.txt")
    (top / "outer.rsp").write_text("@inner.rsp --Map=../out.map")
    (workdir / "out").mkdir()
    return top


ARGUMENTS = ["main.o", "f.a", "../project/h.o", "@outer.rsp", "-o", "../out/a b.wasm", '--soname=x "y\\z']


def test_links_again_elsewhere(
    project: Path, run: Runner, reference: Runner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outcome = run([*ARGUMENTS, "--reproduce=../out/repro.tar"])
    assert (outcome.status, outcome.err) == (0, "")
    module = (project.parent / "out" / "a b.wasm").read_bytes()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with tarfile.open(project.parent / "out" / "repro.tar") as tar:
        tar.extractall(elsewhere)
    os.chdir(elsewhere / "repro")
    shutil.rmtree(project)
    for linker in (run, reference):
        again = linker(["@response.txt"])
        assert (again.status, again.err) == (0, "")
        assert Path("a b.wasm").read_bytes() == module
        assert Path("out.map").exists()
        os.unlink("a b.wasm")


def test_the_references_tar(project: Path, run: Runner, reference: Runner) -> None:
    """Byte for byte, but for the version. Without what only our tars have: see the option's note."""
    long = Path(*["directory" * 3] * 9)
    long.mkdir(parents=True)
    shutil.copy("h.o", long)
    shutil.copy("h.o", "n" * 150)
    inputs = ["main.o", "./f.a", "../project/h.o", "f.a", str(long / "h.o"), "n" * 150, "--allow-multiple-definition"]
    tars = []
    for linker in (run, reference):
        outcome = linker([*inputs, "--allow-undefined", "--reproduce", "out.x.tar", "--export=f", "-o", "out.wasm"])
        assert outcome.status == 0
        tars.append(without_version(Path("out.x.tar").read_bytes()))
    assert tars[0] == tars[1]
    assert len(members("out.x.tar")) == 7


def test_thin_archives_and_lists_are_complete(project: Path, run: Runner) -> None:
    run([*ARGUMENTS, "--reproduce=all.tar"])
    place = project.as_posix().lstrip("/")
    files = ["main.o", "f.a", "h.o", "lib dir/libg.a", "lib dir/g.o", "names.txt"]
    assert members("all.tar") == [
        "all/response.txt",
        "all/version.txt",
        *(f"all/{place}/{name}" for name in files),
    ]
    assert contents(project / "all.tar")["response.txt"].splitlines() == [
        f"{place}/main.o",
        f"{place}/f.a",
        f"{place}/h.o",
        f'-L "{place}/lib dir"',
        "-l g",
        f"--allow-undefined-file={place}/names.txt",
        "--Map out.map",
        '-o "a b.wasm"',
        '--soname "x \\"y\\\\z"',
    ]
    assert contents(project / "all.tar")["version.txt"].startswith(f"wasmlink {__version__} (compatible with LLD 22; ")


def test_same_inputs_same_tar(project: Path, run: Runner) -> None:
    tars = []
    for _ in range(2):
        run([*ARGUMENTS, "--reproduce=r.tar"])
        tars.append(Path("r.tar").read_bytes())
        os.utime("main.o", (1, 1))
    assert tars[0] == tars[1]


#: Options that response.txt has in another way than the reference's, or that it hasn't got.
OTHERWISE = ("L", "allow-undefined-file", "features", "extra-features", "reproduce", "help", "version")


def test_options_in_their_own_form(workdir: Path, run: Runner, reference: Runner) -> None:
    """Every spelling of every option, as the reference writes it down."""
    arguments = []
    for option in all_options():
        if option.ours or option.name in OTHERWISE:
            continue
        for form in option.forms.split(" "):
            for text, kind, _ in spellings(form):
                arguments += {FLAG: [text], SEPARATE: [text, "1"]}.get(kind, [text + "1"])
                arguments += [text, "a b"] if kind == EITHER else []
    responses = []
    for linker in (run, reference):
        linker([*arguments, "--reproduce=r.tar"])
        responses.append(contents(workdir / "r.tar")["response.txt"].splitlines())
    assert responses[0] == responses[1]
    assert len(responses[0]) > 200


@pytest.mark.parametrize("path", ["missing/r.tar", "", "."])
def test_cannot_be_written(path: str, run: Runner, reference: Runner) -> None:
    arguments = ["empty.o", "-o", "out.wasm", "--no-entry", f"--reproduce={path}"]
    ours, theirs = run(arguments), reference(arguments)
    assert ours.without_hints == theirs.without_hints
    assert ours.status == 1


def test_environment(workdir: Path, run: Runner, reference: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLD_REPRODUCE", "environment.tar")
    for linker in (run, reference):
        assert linker(["empty.o", "-o", "out.wasm", "--no-entry", "--reproduce=option.tar"]).status == 0
        assert not Path("environment.tar").exists()
        assert linker(["empty.o", "-o", "out.wasm", "--no-entry"]).status == 0
        names = members("environment.tar")
        assert names[-1].endswith("/empty.o")
        os.unlink("environment.tar")


def test_a_link_that_fails(workdir: Path, run: Runner, reference: Runner) -> None:
    """The case that the option is for: the tar is there, with all that was read."""
    (workdir / "bad.o").write_bytes(b"bad")
    for linker in (run, reference):
        assert linker(["empty.o", "bad.o", "none.o", "-o", "out.wasm", "--reproduce=r.tar"]).status == 1
        names = [name.rpartition("/")[2] for name in members("r.tar")]
        assert names == ["response.txt", "version.txt", "empty.o", "bad.o"]
        assert contents(workdir / "r.tar")["response.txt"].splitlines()[2].endswith("/none.o")
        os.unlink("r.tar")


def test_paths_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    import ntpath

    from wasmlink_tool.cli import reproduce

    monkeypatch.setattr(reproduce, "os", type("os", (), {"path": ntpath, "sep": "\\", "name": "nt"}))
    assert reproduce.place("C:\\dir\\..\\a.o") == "C/a.o"
