"""Folding changes nothing that a program computes: random programs, run with and without."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.differential import harness
from tests.icf.conftest import Folded, Link
from wasmlink_tool.options import DataOrder

UNITS = 3
PRELUDE = """\
// flags: -O1 -fno-builtin -fdata-sections -ffunction-sections -Wno-everything
typedef int (*function)(int, int);
typedef struct { function call; const int *table; int number; } entry;
#define KEEP __attribute__((noinline))
"""


@dataclass
class Program:
    sources: dict[str, str]
    exports: list[str]


class Generator:
    """Makes functions in families: the members of one are equal, or nearly so."""

    def __init__(self, seed: int) -> None:
        self.choice = random.Random(seed)
        self.functions: list[str] = []
        self.bodies: list[tuple[str, str, int]] = []
        """Name, body, unit."""
        self.tables: list[tuple[str, str, int]] = []
        self.main = ""

    def program(self) -> Program:
        choice = self.choice
        for number in range(choice.randint(1, 4)):
            self._tables(number)
        for number in range(choice.randint(3, 9)):
            self._family(number)
        self.main = self._main()
        return Program({f"u{unit}.c": self.unit(unit) for unit in range(UNITS)}, ["run", "compare"])

    def _tables(self, number: int) -> None:
        """Constants that are equal, or differ in one element."""
        values = [self.choice.randrange(4) for _ in range(self.choice.randint(1, 4))]
        for copy in range(self.choice.randint(2, 4)):
            own = list(values)
            if self.choice.random() < 0.25:
                own[0] += 1
            text = "{" + ", ".join(map(str, own)) + "}"
            self.tables.append((f"t{number}_{copy}", text, self.choice.randrange(UNITS)))

    def _family(self, number: int) -> None:
        """Functions with one body, each with its own callees, which are equal more often than not."""
        choice = self.choice
        copies = choice.randint(2, 5)
        kind = choice.randrange(7)
        factor = choice.randrange(3, 9)
        table = choice.choice(self.tables)[0].split("_")[0]
        for copy in range(copies):
            name = f"f{number}_{copy}"
            odd = choice.random() < 0.2
            near = f"f{choice.randrange(number)}" if number else ""
            callees = [f for f in self.functions if f.startswith(near + "_")] if near else []
            callee = choice.choice(callees) if callees else ""
            if callees and choice.random() < 0.6:
                callee = callees[copy % len(callees)]
            tables = [t for t, _, _ in self.tables if t.startswith(table + "_")]
            own_table = tables[copy % len(tables)]
            step = factor + odd
            if kind == 0 or (kind in (1, 2) and not callee):
                body = f"return a * {step} ^ b;"
            elif kind == 1:
                body = f"return {callee}(a + {step}, b) + 1;"
            elif kind == 2:
                body = f"function f = b & 1 ? {callee} : {callee}; return f(b, a) - {step};"
            elif kind == 3:
                body = f"return b > 0 ? f{number}_{copy}(a + {step}, b - 1) : a;"
            elif kind == 4:
                # Two functions that call each other, in twins of pairs.
                other = f"f{number}_{copy ^ 1}" if copy ^ 1 < copies else name
                body = f"return b > 0 ? {other}(a * {factor}, (b & 15) - 1) : a;"
            elif kind == 5:
                body = f"return a + {own_table}[b & 0] * {step};"
            else:
                body = f"const int *p = {own_table}; return a + sum(p, 1) + {step};"
            self.functions.append(name)
            self.bodies.append((name, body, choice.randrange(UNITS)))

    def unit(self, unit: int) -> str:
        """Return the source of one object."""
        lines = [PRELUDE, "int sum(const int *, int);"]
        lines += [f"int {name}(int, int);" for name in self.functions]
        lines += [f"extern const int {name}[{text.count(',') + 1}];" for name, text, _ in self.tables]
        lines += [
            f"const int {name}[{text.count(',') + 1}] = {text};" for name, text, home in self.tables if home == unit
        ]
        lines += [f"KEEP int {name}(int a, int b) {{ {body} }}" for name, body, home in self.bodies if home == unit]
        lines.append("" if unit else self.main)
        return "\n".join(lines) + "\n"

    def _main(self) -> str:
        choice = self.choice
        addressed = choice.sample(self.functions, choice.randint(0, len(self.functions)))
        entries = [
            f"{{{name}, {choice.choice(self.tables)[0]}, {number}}}" for number, name in enumerate(addressed)
        ] or ["{0, 0, 0}"]
        calls = [f"n = {name}(n & 0xffff, n & 7) ^ (n << 1);" for name in self.functions]
        through = "for (int i = 0; i < N && e[i].call; i++) n += e[i].call(n & 255, i) + e[i].table[0];"
        return f"""
KEEP int sum(const int *p, int n) {{ int s = 0; while (n-- > 0) s += p[n]; return s; }}
enum {{ N = {len(entries)} }};
static entry mutable_entries[] = {{{", ".join(entries)}}};
int run(int n) {{ entry *volatile e = mutable_entries; {through} {" ".join(calls)} return n; }}
int compare(int n) {{
  entry *volatile e = mutable_entries;
  const int *volatile t[] = {{{", ".join(name for name, _, _ in self.tables)}}};
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) n = n * 3 + (e[i].call == e[j].call) + 2 * (e[i].table == e[j].table);
  for (int i = 0; i < sizeof t / sizeof *t; i++)
    for (int j = 0; j < sizeof t / sizeof *t; j++) n = n * 3 + (t[i] == t[j]);
  return n;
}}
"""


CALLS = ["run(1)", "run(77)", "run(-5)", "compare(0)"]


def results(linked: Folded) -> dict[str, object]:
    harness.validate(linked.content)
    return dict(harness.run_module(linked.content, CALLS)[0])


@pytest.mark.parametrize("seeds", [range(start, start + 10) for start in range(0, 40, 10)], ids=lambda s: str(s.start))
def test_random_programs_compute_the_same(seeds: range, folded: Link) -> None:
    counts = dict.fromkeys(("safe", "all"), 0)
    for seed in seeds:
        program = Generator(seed).program()
        options = {"exports": program.exports}
        expected = results(folded("none", program.sources, **options))
        for level in counts:
            linked = folded(level, program.sources, **options)
            counts[level] += len([name for names in linked.folds.values() for name in names])
            found = results(linked)
            # At the fixed point, no two functions are left with the same type and the same bytes.
            module = linked.module
            assert len(set(zip(module.functions, module.code, strict=True))) == len(module.code), (seed, level)
            if level == "all":
                # The one thing that may differ.
                found["compare(0)"] = expected["compare(0)"]
            assert found == expected, (seed, level)
    assert 0 < counts["safe"] < counts["all"]


MODES: dict[str, tuple[str, dict[str, Any]]] = {
    "no collection": ("", {"gc_sections": False}),
    "strings not merged": ("", {"optimize": 0}),
    "compressed": ("", {"compress_relocations": True, "strip_debug": True}),
    "packed": ("", {"data_order": DataOrder.PACKED}),
    "segments apart": ("", {"merge_data_segments": False}),
    "relocations kept": ("-g", {"emit_relocs": True}),
    "code for any address": ("-fPIC", {}),
    "one section": ("-fno-data-sections -fno-function-sections", {}),
    "table exported": ("", {"export_table": True}),
    "everything exported": ("", {"export_all": True}),
    "without optimization": ("-O0", {}),
    "wasm64": ("-target wasm64-freestanding", {"memory64": True}),
}


@pytest.mark.parametrize("mode", MODES)
def test_random_programs_compute_the_same_in_every_mode(mode: str, folded: Link) -> None:
    flags, options = MODES[mode]
    folds = 0
    for seed in (4, 11, 17):
        program = Generator(seed).program()
        sources = {
            name: text.replace("-Wno-everything", f"-Wno-everything {flags}") for name, text in program.sources.items()
        }
        asked = {"exports": program.exports, **options}
        expected = results(folded("none", sources, **asked))
        for level in ("safe", "all"):
            linked = folded(level, sources, **asked)
            folds += len(linked.folds)
            found = results(linked)
            if level == "all":
                found["compare(0)"] = expected["compare(0)"]
            assert found == expected, (seed, level)
    assert folds


def folds_of(linked: Folded) -> set[frozenset[str]]:
    return {frozenset([survivor, *others]) for survivor, others in linked.folds.items()}


def test_folding_does_not_depend_on_the_order_of_the_inputs(folded: Link, tmp_path: Path) -> None:
    for seed in range(100, 106):
        program = Generator(seed).program()
        turned = dict(reversed(program.sources.items()))
        for level in ("safe", "all"):
            one, other = (folded(level, sources, exports=program.exports) for sources in (program.sources, turned))
            assert folds_of(one) == folds_of(other), seed
