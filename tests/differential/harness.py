"""Links a case with the reference and with this linker, and compares all that can be seen of the two.

A case is a directory of files and a command line. What is compared:

* the exit status;
* standard output, and every file that the link leaves behind, with its mode;
* the diagnostics, after :func:`diagnostics` has made the program's name the same;
* the module, first byte for byte and, where they differ, by meaning, so that a failure can be read;
* what calls of its exports and of the host's functions give, for cases that name some.

What a case expects (``exit``, ``says``, ``has``, ``lacks``, ``calls``) is checked against the reference's result,
so that a case that stopped to mean something fails.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from tests.differential.asm import declare_first
from tests.differential.first_thread import without_relocation
from tests.support.meaning import describe, difference
from tests.support.module import Module, read_module
from tests.support.toolchain import compile_object, make_archive, reference_command

SOURCES = (".s", ".c", ".cpp")
Files: TypeAlias = "Mapping[str, str | bytes | Archive | None]"
OUTPUT = "out.wasm"


@dataclass(frozen=True)
class Archive:
    """An ``ar`` archive of objects, which are compiled from the case's sources or from ``members``'s."""

    members: Mapping[str, str | bytes] | Sequence[str]
    """Names of files of the case, or sources by name: these do not stand beside the archive."""
    style: str = "gnu"
    thin: bool = False
    index: bool = True
    damage: Callable[[bytes], bytes] | None = None
    """A function that damages the archive's bytes."""


@dataclass(frozen=True)
class Case:
    """One link, and what is known about it.

    ``files`` are sources (``a.s`` and ``a.c`` become ``a.o``; their first line may hold ``flags:``), other text or
    bytes as they are, archives, or ``None`` for a directory.
    """

    name: str
    files: Files
    args: str
    """The command line, in shell quoting; ``-o out.wasm`` comes before it."""
    exit: int = 0
    says: Sequence[str] = ()
    """Parts of what the reference prints, diagnostics or standard output."""
    has: Sequence[str] = ()
    """Regular expressions, each of which fits a line of the module's description (:func:`describe`)."""
    lacks: Sequence[str] = ()
    """Regular expressions that fit none."""
    calls: Mapping[str, object] = field(default_factory=dict)
    """Calls of exports and their results: ``{"add(1, 2)": 3}``; ``TRAP`` where one traps."""
    heard: Sequence[str] | None = None
    """Calls of the host's functions that these calls lead to: ``["env.log(1,)"]``."""
    reference_args: str | None = None
    """The reference's command line where the two differ: for an option or a behaviour that is ours."""
    output: bool = True
    """Pass ``-o out.wasm``."""
    bytewise: bool = True
    """The modules must have the same bytes; otherwise their descriptions by :func:`describe` must be equal."""
    ignore: str = ""
    """A regular expression for lines of the description that are not compared."""
    validate: bool = True
    """Wasmtime must accept the module. wasm-ld can be made to write invalid modules."""


TRAP = "trap"


@dataclass
class Result:
    """The result of one link."""

    status: int
    stdout: bytes
    stderr: str
    files: dict[str, tuple[bytes, int]]
    """New and changed files: content and permission bits."""

    @property
    def module(self) -> bytes | None:
        if OUTPUT in self.files:
            return self.files[OUTPUT][0]
        return self.stdout if self.stdout.startswith(b"\0asm") else None


def prepare(case: Case, directory: Path, cache: Path) -> None:
    """Write the case's files, compiled and archived, into ``directory``."""
    directory.mkdir(parents=True)
    for name, content in case.files.items():
        if not isinstance(content, Archive):
            _write(directory, name, content, cache)
    for name, content in case.files.items():
        if isinstance(content, Archive):
            _archive(directory / name, content, cache)


def _write(directory: Path, name: str, content: str | bytes | None, cache: Path) -> str:
    path = directory / name
    if content is None:
        path.mkdir(parents=True)
        return name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        if path.suffix in SOURCES:
            path = path.with_suffix(".o")
            suffix = Path(name).suffix
            content = compile_object(declare_first(content) if suffix == ".s" else content, suffix, cache)
        else:
            content = content.encode()
    path.write_bytes(content)
    return path.relative_to(directory).as_posix()


def _archive(path: Path, archive: Archive, cache: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(archive.members, Mapping):
        names = [_write(path.parent, name, content, cache) for name, content in archive.members.items()]
    else:
        names = [str(Path(name).with_suffix(".o")) if name.endswith(SOURCES) else name for name in archive.members]
    make_archive(path, names, style=archive.style, thin=archive.thin, index=archive.index)
    if isinstance(archive.members, Mapping) and not archive.thin:
        for name in names:
            (path.parent / name).unlink()
    if archive.damage:
        path.write_bytes(archive.damage(path.read_bytes()))


def command_line(case: Case, *, reference: bool) -> list[str]:
    given = case.reference_args if reference and case.reference_args is not None else case.args
    return [*(["-o", OUTPUT] if case.output else []), *shlex.split(given)]


def run_process(command: Sequence[str], arguments: Sequence[str], directory: Path) -> Result:
    """Run a linker as a process in ``directory``."""
    before = _snapshot(directory)
    done = subprocess.run([*command, *arguments], cwd=directory, capture_output=True, check=False, timeout=120)
    after = {name: entry for name, entry in _snapshot(directory).items() if before.get(name) != entry}
    return Result(done.returncode, done.stdout, done.stderr.decode("utf-8", "surrogateescape"), after)


def run_here(
    main: Callable[[list[str]], int],
    arguments: Sequence[str],
    directory: Path,
    capture: Callable[[], tuple[bytes, bytes]],
) -> Result:
    """Run this linker's command in the test's own process: ``capture`` returns what was printed since the last call."""
    before = _snapshot(directory)
    here = Path.cwd()
    capture()
    os.chdir(directory)
    try:
        status = main(list(arguments))
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    finally:
        os.chdir(here)
        sys.stdout.flush()
        sys.stderr.flush()
    stdout, stderr = capture()
    after = {name: entry for name, entry in _snapshot(directory).items() if before.get(name) != entry}
    return Result(status, stdout, stderr.decode("utf-8", "surrogateescape"), after)


def run_reference(case: Case, directory: Path) -> Result:
    return run_process(reference_command(), command_line(case, reference=True), directory)


def _snapshot(directory: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(directory).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@dataclass
class Spoken:
    """One diagnostic: its first line without the program's name, and the ``>>> `` lines under it."""

    text: str
    details: list[str]


def diagnostics(stderr: str) -> list[Spoken]:
    """Standard error as diagnostics, with the program's name taken off."""
    spoken: list[Spoken] = []
    for line in stderr.splitlines():
        if line.startswith(">>> ") and spoken:
            spoken[-1].details.append(line)
        elif line:
            spoken.append(Spoken(re.sub(r"^(?:\S*/)?(?:wasm-ld(?:-\d+)?|wasmlink)(?:\.exe)?: ", "", line), []))
    return spoken


HINTED = re.compile(
    r"undefined symbol|signature mismatch|cannot be used against|"
    r"not defined|not found|unable to find|unknown argument|not recognized|"
    r"unknown file type|neither Wasm object file|reserved symbol must|constructor functions cannot|"
    r"[Ff]eature|disallowed by|not a relocatable|invalid version|missing version|\\.lto\\.o|"
    r"unknown --|unknown -\\w"
)
"""Diagnostics that may carry additional lines: those about a name that nothing provides, or that name no file, about a
file that is cut short, and about a value that an option does not have."""


def compare_diagnostics(reference: str, ours: str) -> str:
    """The difference between what two links printed to standard error; empty when there is none.

    Under a diagnostic, ours has all of the reference's ``>>> `` lines first; any that follow are the additional ones,
    which only diagnostics that :data:`HINTED` describes may have.
    """
    expected, found = _each_symbol_once(diagnostics(reference)), diagnostics(ours)
    for one, other in zip(expected, found, strict=False):
        if HINTED.search(other.text):
            del other.details[len(one.details) :]
    return difference(*([line for one in side for line in (one.text, *one.details)] for side in (expected, found)))


PASSES_OF_THE_REFERENCE = {
    "-- createSyntheticSections",
    "-- createSyntheticSectionsPostLayout",
    "-- populateProducers",
    "-- populateSymtab",
    "-- calculateCustomSections",
    "calculateCustomSections",
}
"""Lines of the reference's ``--verbose`` output that ours does not have."""


def _each_symbol_once(spoken: list[Spoken]) -> list[Spoken]:
    """The reference's diagnostics as ours would be: it reports an undefined symbol again at each reference, advises an
    option that it does not have, and has passes of its own."""
    kept, seen = [], set()
    for entry in spoken:
        if entry.text in PASSES_OF_THE_REFERENCE:
            continue
        found = re.match(r"(\w+): .*?: undefined symbol: (.*)", entry.text)
        if found is not None:
            if found.groups() in seen:
                continue
            seen.add(found.groups())
        entry.text = entry.text.replace("(use -error-limit=0 to see", "(use --error-limit=0 to see")
        kept.append(entry)
    return kept


def check_expectations(case: Case, result: Result) -> None:
    """Check that the case still tests what it was written for."""
    assert result.status == case.exit, f"exit status {result.status}\n{result.stderr}"
    printed = result.stderr + result.stdout.decode("utf-8", "replace")
    for part in case.says:
        assert part in printed, f"{part!r} is not in what was printed:\n{printed}"
    if case.exit == 0 and not case.says:
        assert not result.stderr, result.stderr
    if case.has or case.lacks:
        assert result.module is not None
        lines = describe(read_module(result.module))
        for pattern in case.has:
            assert any(re.search(pattern, line) for line in lines), "\n".join([f"no line fits {pattern!r}:", *lines])
        for pattern in case.lacks:
            assert not any(re.search(pattern, line) for line in lines), "\n".join([f"a line fits {pattern!r}:", *lines])


def compare(case: Case, reference: Result, ours: Result) -> list[str]:
    """All differences between two results, as paragraphs; empty when there is none."""
    problems = []
    if reference.status != ours.status:
        problems.append(f"exit status {ours.status}, the reference's {reference.status}\n{ours.stderr}")
    if said := compare_diagnostics(reference.stderr, ours.stderr):
        problems.append(f"diagnostics:\n{said}")
    if set(reference.files) != set(ours.files):
        problems.append(f"files: {sorted(ours.files)}, the reference's {sorted(reference.files)}")
    for name in reference.files.keys() & ours.files.keys():
        (expected, mode), (found, our_mode) = reference.files[name], ours.files[name]
        if mode != our_mode:
            problems.append(f"{name}: mode {our_mode:o}, the reference's {mode:o}")
        problems += compare_content(case, name, expected, found)
    problems += compare_content(case, "standard output", reference.stdout, ours.stdout)
    return problems


def compare_content(case: Case, name: str, expected: bytes, found: bytes) -> list[str]:
    if expected == found:
        return []
    if expected.startswith(b"\0asm") and found.startswith(b"\0asm"):
        found = without_relocation(found)
        if expected == found:
            return []
    if not expected.startswith(b"\0asm"):
        texts = [content.decode("utf-8", "backslashreplace").splitlines() for content in (expected, found)]
        return [f"{name}:\n{difference(texts[0], texts[1])}"]
    sides = []
    for content in (expected, found):
        lines = describe(read_module(content))
        sides.append([line for line in lines if not (case.ignore and re.search(case.ignore, line))])
    if by_meaning := difference(sides[0], sides[1]):
        return [f"{name} by meaning:\n{by_meaning}"]
    if case.bytewise:
        at = next(
            (i for i, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b), min(len(expected), len(found))
        )
        window = slice(max(0, at - 8), at + 24)
        return [
            f"{name} means the same but differs at {at:#x}: {found[window].hex(' ')}, "
            f"the reference's {expected[window].hex(' ')}"
        ]
    return []


def run_module(module: bytes, calls: Iterable[str]) -> tuple[dict[str, object], list[str]]:
    """Call exports on wasmtime: the results, and the calls of the host's functions.

    The host defines whatever is imported: functions that record their arguments and return zeros, globals that are
    zero, memories and tables of the size asked for.
    """
    import wasmtime  # only cases that call something need it

    config = wasmtime.Config()
    config.shared_memory = True
    store = wasmtime.Store(wasmtime.Engine(config))
    compiled = wasmtime.Module(store.engine, module)
    heard: list[str] = []

    def host(name: str, results: int) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            heard.append(f"{name}{arguments}")
            return None if results == 0 else 0 if results == 1 else [0] * results

        return call

    provided: list[wasmtime.Func | wasmtime.Global | wasmtime.Memory | wasmtime.Table] = []
    for entry in compiled.imports:
        kind = entry.type
        if isinstance(kind, wasmtime.FuncType):
            provided.append(wasmtime.Func(store, kind, host(f"{entry.module}.{entry.name}", len(kind.results))))
        elif isinstance(kind, wasmtime.GlobalType):
            provided.append(wasmtime.Global(store, kind, wasmtime.Val.i32(0)))
        elif isinstance(kind, wasmtime.MemoryType):
            provided.append(wasmtime.Memory(store, kind))
        elif isinstance(kind, wasmtime.TableType):
            provided.append(wasmtime.Table(store, kind, None))
        else:
            raise TypeError(f"the host cannot provide {entry.name}")
    found: dict[str, object] = {}
    instance = wasmtime.Instance(store, compiled, provided)
    exports = instance.exports(store)
    for call in calls:
        name, _, arguments = call.partition("(")
        function = exports[name]
        assert isinstance(function, wasmtime.Func)
        values = [int(value, 0) for value in arguments.rstrip(")").split(",") if value.strip()]
        try:
            found[call] = function(store, *values)
        except wasmtime.Trap:
            found[call] = TRAP
    return found, heard


def validate(module: bytes) -> None:
    """Check that wasmtime accepts the module."""
    import wasmtime

    wasmtime.Module.validate(wasmtime.Engine(), module)


def parsed(result: Result) -> Module:
    """The result's module. For tests beyond the table."""
    assert result.module is not None, result.stderr
    return read_module(result.module)
