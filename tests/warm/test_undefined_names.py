"""Every object that names an undefined symbol declares it otherwise: the module imports, or traps for, the new
declaration."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.warm.assembled import relink

FLAGS = "# flags: -target wasm32-freestanding -mcpu=mvp+exception_handling+mutable_globals\n"
MEMBER = ".import_module x, m\n.import_name x, n\n"
OTHER_NAME, OTHER_MODULE = MEMBER.replace("n\n", "o\n"), MEMBER.replace("m\n", "p\n")
CALLS = {
    "plain": ".functype x () -> ()\n",
    "with a result": ".functype x () -> (i32)\n",
    "with two results": ".functype x () -> (i32, i64)\n",
    "imported": ".functype x () -> ()\n" + MEMBER,
    "from another module": ".functype x () -> ()\n" + OTHER_MODULE,
    "by another name": ".functype x () -> ()\n" + OTHER_NAME,
    "imported, with a result": ".functype x () -> (i32)\n" + MEMBER,
    "weak": ".functype x () -> ()\n.weak x\n",
    "weak, with a result": ".functype x () -> (i32)\n.weak x\n",
}
GLOBALS = {
    "of 32 bits": ".globaltype x, i32, immutable\n" + MEMBER,
    "of 64 bits": ".globaltype x, i64, immutable\n" + MEMBER,
    "mutable": ".globaltype x, i32\n" + MEMBER,
    "by another name": ".globaltype x, i32, immutable\n" + OTHER_NAME,
}
TAGS = {"of 32 bits": ".tagtype x i32\n", "of 64 bits": ".tagtype x i64\n"}
OPTIONS = ["", "--allow-undefined", "--import-undefined", "--unresolved-symbols=ignore-all"]


def function(text: str, *body: str, name: str = "_start") -> str:
    lines = "\n ".join([f".functype {name} () -> ()", *body, "end_function"])
    return f"{FLAGS}{text}.globl {name}\n{name}:\n {lines}\n"


def calling(text: str, name: str = "_start") -> str:
    results = text.partition("-> (")[2].partition(")")[0]
    return function(text, "call x", *["drop"] * len(results.split()), name=name)


def source(kind: str, text: str) -> str:
    if kind == "function":
        return calling(text)
    if kind == "global":
        return function(text, "global.get x", "drop")
    return function(text, f"{text.split()[-1]}.const 1", "throw x")


CASES = [
    (kind, before, after)
    for kind, texts in (("function", CALLS), ("global", GLOBALS), ("tag", TAGS))
    for before in texts
    for after in texts
    if before != after
]
TEXTS = {"function": CALLS, "global": GLOBALS, "tag": TAGS}


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options or "report")
@pytest.mark.parametrize(("kind", "before", "after"), CASES, ids=["-".join(case) for case in CASES])
def test_declared_otherwise(
    kind: str, before: str, after: str, options: str, tmp_path: Path, objects: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = function("", name="other")
    steps = [[source(kind, TEXTS[kind][declaration]), other] for declaration in (before, after, before)]
    relink(steps, tmp_path, objects, capfd, "--no-check-features", *options.split())
