"""The compilers' answers are kept, and used only while they can be true."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.scons.conftest import Project
from wasmlink_tool.toolchain.answers import FILE_NAME, Answers

posix = pytest.mark.skipif(os.name == "nt", reason="the fake compiler is a script with an interpreter line")

FAKE = """\
#!{python}
import os, sys
arguments = sys.argv[1:]
with open({log!r}, "a") as log:
    print(os.path.basename(sys.argv[0]), *arguments[-1:], file=log)
if arguments == ["--version"]:
    print("clang version 99\\nInstalledDir: {directory}")
elif "-print-file-name=crt1-command.o" in arguments:
    print({libc!r} + "/crt1-command.o")
elif "-###" in arguments:
    words = ["wasm-ld", {libc!r} + "/crt1-command.o", "-L" + {libc!r}, "-lc", "-o", arguments[-1]]
    print(" " + " ".join('"%s"' % word for word in words), file=sys.stderr)
elif "-c" in arguments:
    source = {libc!r} + "/main.o"
    import shutil
    shutil.copy(source, arguments[arguments.index("-o") + 1])
"""


@pytest.fixture
def libc(tmp_path: Path, project: Project) -> Path:
    """A libc of an empty archive, and of a start file and a compiled program that are the same object."""
    directory = tmp_path / "libc"
    directory.mkdir()
    built = Project(tmp_path / "built")
    built.sconstruct('env.WasmObject("main.c", WASMLIBC=False)\n')
    built.write({"main.c": "__attribute__((weak)) void _start(void) {}\n"})
    built.scons()
    for name in ("crt1-command.o", "main.o"):
        shutil.copy(built.path("main.wasm.o"), directory / name)
    (directory / "libc.a").write_bytes(b"!<arch>\n")
    return directory


def fake_clang(directory: Path, libc: Path, log: Path, *, comment: str = "") -> str:
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / "clang"
    text = FAKE.format(python=sys.executable, log=str(log), libc=str(libc), directory=str(log.parent))
    program.write_text(text + comment, encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def asked(log: Path) -> list[str]:
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return [line.split()[-1] for line in lines]


def use(project: Project, compiler: str, more: str = "") -> None:
    project.sconstruct(f"""\
        env.Replace(WASMTOOLCHAIN="", WASMCC={compiler!r})
        {more}
        env.WasmProgram("app", "main.c")
    """)


@posix
def test_the_compiler_is_asked_once(project: Project, libc: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    compiler = fake_clang(tmp_path / "bin", libc, log)
    use(project, compiler)
    project.write({"main.c": "int main(void) { return 0; }\n"})
    project.scons()
    questions = asked(log)
    assert "-print-file-name=crt1-command.o" in questions
    assert any(question.endswith("probe.wasm") for question in questions)
    assert project.scons().up_to_date
    assert asked(log) == []

    # Another file is another compiler.
    fake_clang(tmp_path / "bin", libc, log, comment="# changed\n")
    project.scons()
    assert "-print-file-name=crt1-command.o" in asked(log)

    # What is gone is not remembered, and a damaged memory is none.
    project.path(FILE_NAME).write_text("{]", encoding="utf-8")
    project.scons()
    assert "-print-file-name=crt1-command.o" in asked(log)
    # Nor is one that another version of the tool wrote, which may have read answers differently.
    kept = json.loads(project.path(FILE_NAME).read_text(encoding="utf-8"))
    project.path(FILE_NAME).write_text(json.dumps({**kept, "reader": "another"}), encoding="utf-8")
    project.scons()
    assert "-print-file-name=crt1-command.o" in asked(log)


@posix
@pytest.mark.parametrize("way", ["argument", "link", "module"])
def test_a_compiler_behind_another_program_is_asked_again(
    project: Project, libc: Path, tmp_path: Path, way: str
) -> None:
    """ccache, as a command or as a link that is called like the compiler, and ``python -m ziglang``: the program that
    is started stays the same when the compiler changes."""
    log = tmp_path / "log"
    compiler = Path(fake_clang(tmp_path / "bin", libc, log))
    starter = tmp_path / "starter" / "ccache"
    starter.parent.mkdir()
    command, text = "ccache clang", 'exec "$@"'
    if way == "link":
        command, text = "clang", f'exec {compiler.parent}/$(basename "$0") "$@"'
        (starter.parent / "clang").symlink_to(starter)
    if way == "module":
        zig = tmp_path / "ziglang" / "zig"
        zig.parent.mkdir()
        (zig.parent / "__init__.py").touch()
        command = f"{starter} -m ziglang cc"
        text = f'[ "$1" = -c ] && echo {zig.parent}/__init__.py || {{ shift 2; exec {zig} "$@"; }}'
        text_of_zig = f'#!/bin/sh\n[ "$1" = version ] && echo 1.0 || {{ shift; exec {compiler} "$@"; }}\n'
        zig.write_text(text_of_zig, encoding="utf-8")
        zig.chmod(0o755)
        compiler = zig
    starter.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    starter.chmod(0o755)
    use(project, command, f'env["ENV"]["PATH"] = "{starter.parent}:{compiler.parent}:/usr/bin:/bin"')
    project.write({"main.c": "int main(void) { return 0; }\n"})
    assert project.scons().steps == ["CC main.wasm.o", "LINK app.wasm"]
    assert asked(log)
    assert project.scons().up_to_date
    assert asked(log) == []

    with open(compiler, "a", encoding="utf-8") as file:
        file.write("# another version\n")
    project.scons()
    assert any("probe.wasm" in question for question in asked(log))


@posix
def test_a_compiler_that_fails_gives_no_answer(project: Project, libc: Path, tmp_path: Path) -> None:
    """A program that a signal ends has printed anything or nothing."""
    log = tmp_path / "log"
    compiler = Path(fake_clang(tmp_path / "bin", libc, log))
    text = compiler.read_text(encoding="utf-8")
    mended = str(tmp_path / "mended")
    killed = f"import os, signal\nif not os.path.exists({mended!r}): os.kill(os.getpid(), signal.SIGTERM)\n"
    targets = "if arguments == ['--print-targets']: print('wasm32')\n"
    compiler.write_text(text.replace("import os, sys\n", killed + "import os, sys\n") + targets, encoding="utf-8")
    project.sconstruct(f"""\
        env.Replace(WASMTOOLCHAIN="")
        env["ENV"]["PATH"] = {str(compiler.parent)!r}
        env.WasmObject("main.c")
    """)
    (compiler.parent / "sh").symlink_to("/bin/sh")
    project.write({"main.c": "int main(void) { return 0; }\n"})
    project.scons()
    assert asked(log) == []
    (tmp_path / "mended").touch()
    project.scons()
    assert "main.c" in asked(log)


@posix
@pytest.mark.parametrize(("jobs", "most"), [("-j1", 1), ("-j3", 2)])
def test_an_interrupt_ends_a_question(project: Project, libc: Path, tmp_path: Path, jobs: str, most: int) -> None:
    """It ends the compiler as well, and then no other question is asked; only a thread may ask once more."""
    log = tmp_path / "log"
    compiler = Path(fake_clang(tmp_path / "bin", libc, log))
    text = compiler.read_text(encoding="utf-8")
    killed = 'if "-###" in arguments:\n    import signal\n    os.kill(os.getpid(), signal.SIGINT)\n'
    compiler.write_text(text.replace("if arguments == [", killed + "if arguments == [", 1), encoding="utf-8")
    use(project, str(compiler))
    project.write({"main.c": "int main(void) { return 0; }\n"})
    outcome = project.scons(jobs, check=False)
    assert outcome.status == 2
    assert "nterrupted" in outcome.output + outcome.errors
    assert "Traceback" not in outcome.errors
    assert sum("probe.wasm" in question for question in asked(log)) <= most


def test_nothing_is_written_without_execution(project: Project) -> None:
    project.sconstruct('env.WasmProgram("app", "main.c")\n')
    project.write({"main.c": "int main(void) { return 0; }\n"})
    before = project.files()
    outcome = project.scons("-n")
    assert outcome.steps == ["CC main.wasm.o", "LINK app.wasm"]
    assert project.files() - before <= {".sconsign.dblite"}


def test_nothing_is_built_by_zig_without_execution(project: Project, tmp_path: Path) -> None:
    project.variables["ZIG_GLOBAL_CACHE_DIR"] = str(tmp_path / "zig-cache")
    project.sconstruct('env.WasmProgram("app", "main.c")\n')
    project.write({"main.c": "int main(void) { return 0; }\n"})
    project.scons("-n")
    assert not (tmp_path / "zig-cache").exists()


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", '{"reader": 1}', '{"reader": 1, "answers": []}', '{"reader": [], "answers": {}}', "[" * 100_000],
)
def test_damaged_memory(tmp_path: Path, text: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(text, encoding="utf-8")
    memory = Answers()
    memory.keep_in(str(path), writable=True)
    question = [sys.executable, "what"]
    assert memory.recall(question) is None
    memory.store(question, "answer")
    again = Answers()
    again.keep_in(str(path), writable=True)
    assert again.recall(question) == "answer"
    assert [entry.name for entry in tmp_path.iterdir()] == [FILE_NAME]


def test_two_processes_remember_both(tmp_path: Path) -> None:
    path = str(tmp_path / FILE_NAME)
    first, second = Answers(), Answers()
    for memory in (first, second):
        memory.keep_in(path, writable=True)
    first.store([sys.executable, "one"], 1)
    second.store([sys.executable, "two"], 2)
    third = Answers()
    third.keep_in(path, writable=False)
    assert (third.recall([sys.executable, "one"]), third.recall([sys.executable, "two"])) == (1, 2)


@posix
def test_the_place_of_a_found_compiler_does_not_count(project: Project, libc: Path, tmp_path: Path) -> None:
    """A machine fetches from the cache what another machine with the same compiler in another place stored."""
    log = tmp_path / "log"
    outputs = []
    for machine in ("one", "two/deeper"):
        compiler = fake_clang(tmp_path / machine / "bin", libc, log)
        checkout = Project(tmp_path / machine / "checkout")
        checkout.sconstruct(f"""\
            env.Replace(WASMTOOLCHAIN="clang")
            env.PrependENVPath("PATH", {os.path.dirname(compiler)!r})
            env.CacheDir({str(tmp_path / "cache")!r})
            env.WasmProgram("app", "main.c")
        """)
        checkout.write({"main.c": "int main(void) { return 0; }\n"})
        outputs.append(checkout.scons().output)
    assert "CC main.wasm.o" in outputs[0]
    assert "Retrieved `main.wasm.o' from cache" in outputs[1]
    assert "Retrieved `app.wasm' from cache" in outputs[1]
