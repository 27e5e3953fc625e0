"""Every option, in every form that it could have, against the reference: the same exist, with the same values."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Runner
from wasmlink_tool.cli.option_row import LATER, Option
from wasmlink_tool.cli.option_table import SEPARATE, all_options, spellings
from wasmlink_tool.cli.parser import Parser, nearest

SENTINEL = "no-such-directory/input.o"
UNSUPPORTED = "is not supported yet"
THEIRS = [option for option in all_options() if not option.ours]


def names(option: Option) -> list[str]:
    return sorted({text.strip("-=") for form in option.forms.split() for text, _, _ in spellings(form)})


def forms_to_try(option: Option) -> list[str]:
    """One and two dashes, bare, with an equals sign, with a value after it, and with a value joined."""
    return [
        dash + name + tail for name in names(option) for dash in ("-", "--") for tail in ("", "=", "=VALUE", "VALUE")
    ]


def test_no_text_is_spelt_twice() -> None:
    texts = [text for option in all_options() for form in option.forms.split() for text, _, _ in spellings(form)]
    assert len(texts) == len(set(texts))


def test_names_are_unique() -> None:
    options = [option.name for option in all_options()]
    assert len(options) == len(set(options))


def test_all_that_the_reference_lists_is_known(reference: Runner) -> None:
    listed = re.findall(r"^  (-[^\s=<\[]+=?)", reference(["--help"]).out, re.MULTILINE)
    assert len(listed) > 110
    known = Parser().spellings
    assert [text for text in listed if text not in known] == []


@pytest.mark.parametrize("option", [o for o in THEIRS if o.name not in ("help", "verbose")], ids=lambda o: o.name)
def test_forms_are_those_of_the_reference(option: Option, run: Runner, reference: Runner) -> None:
    for form in forms_to_try(option):
        # A file that does not exist is opened by a flag that is followed by it, and swallowed by a value's place.
        for arguments in (["-o", "no-such/out", form, SENTINEL], ["-o", "no-such/out", SENTINEL, form]):
            ours, theirs = run(arguments), reference(arguments)
            if UNSUPPORTED in ours.err:
                assert "unknown argument" not in theirs.err, form
                if ours.err.count("cannot open") != theirs.err.count(f"cannot open {SENTINEL}"):
                    # The reference stops early for some values; then there is nothing to compare.
                    assert option.name in ("mllvm", "thinlto-cache-policy", "reproduce"), form
            elif option.name == "mllvm" and "LLVM option parsing" in theirs.err:
                # Only a compiler knows which options there are.
                assert "unknown argument" not in ours.err, form
            elif form.startswith(("-l", "--library")) or option.name == "end-lib":
                # Files that are missing are told in another order, libraries in the link itself.
                assert set(ours.without_hints[1].splitlines()) <= set(theirs.err.splitlines()), form
                assert ours.status == theirs.status == 1
            elif option.name == "allow-undefined-file":
                # The reference stops at the missing input; a missing list may be told besides.
                assert set(theirs.err.splitlines()) <= set(ours.err.splitlines()), form
                assert ours.status == theirs.status == 1
            else:
                assert ours.without_hints == theirs.without_hints, form


@pytest.mark.parametrize("option", [o for o in all_options() if o.status == LATER], ids=lambda o: o.name)
def test_what_is_not_supported_is_one_error(option: Option, run: Runner) -> None:
    for form in option.forms.split():
        for text, kind, value in spellings(form):
            arguments = [text + "1"] if value and kind != SEPARATE else [text, "1"] if value else [text]
            outcome = run(["empty.o", "-o", "out", *arguments, *arguments])
            assert outcome.status == 1
            assert outcome.err == f"wasm-ld: error: {text.removesuffix('=')} is not supported yet\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--export-al", "--export-all"),
        ("--expot=foo", "--export="),
        ("-gc-section", "--gc-sections"),
        ("--initial-memry=65536", "--initial-memory="),
        ("--qqqqqqq", None),
        ("--", None),
    ],
)
def test_nearest_known_name(text: str, expected: str | None) -> None:
    assert nearest(text) == expected
