"""The generated project: a C program of as many objects and functions as asked for.

Object ``i`` refers to objects below ``i`` only, and its source depends on ``i`` and the number of functions alone. So
the first N objects are a program of their own for every N, and projects of several sizes share their objects; only
``main.c`` differs.
"""

from __future__ import annotations

from collections.abc import Iterator

# fmt: off
_WORDS = (
    "account", "buffer", "cursor", "device", "edge", "frame", "graph", "handle", "index",
    "journal", "kernel", "layer", "message", "node", "offset", "page", "queue", "record",
    "segment", "table", "update", "vector", "window", "yield", "zone",
)
# fmt: on

DEAD_EVERY = 8
"""One in so many functions is named by nobody, so that the sweep has something to do."""

HEADER = """\
#ifndef PROJECT_H
#define PROJECT_H
typedef unsigned int word;
struct context;
typedef int (*handler)(int, const struct context *);
struct point { int x, y; };
struct range { word first, last; const char *label; };
struct context { struct point at; struct range span; word flags; const struct context *outer; char tag[8]; };
struct entry { const char *name; handler call; struct point at; const int *counter; };
enum mode { MODE_IDLE, MODE_READ, MODE_WRITE, MODE_FLUSH, MODE_CLOSED };
int report(const char *what, int value);
#endif
"""

_STATIC_PARAMETERS = ("int", "long long", "double", "int")
"""The parameters of static functions, for several signatures; functions in tables all take an int."""


class _Numbers:
    """A linear congruential generator: the same numbers on every Python."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 2654435761 + 12345) & 0xFFFFFFFF

    def below(self, bound: int) -> int:
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 8) % bound


def _name(unit: int, function: int) -> str:
    return f"{_WORDS[(unit * 7 + function) % len(_WORDS)]}_{unit}_{function}"


def _is_static(function: int) -> bool:
    return function % 3 == 1


def _is_dead(function: int) -> bool:
    return function % DEAD_EVERY == DEAD_EVERY - 1


def _declaration(unit: int, function: int) -> str:
    static, parameter = ("static ", _STATIC_PARAMETERS[function % 4]) if _is_static(function) else ("", "int")
    return f"{static}int {_name(unit, function)}({parameter} value, const struct context *where)"


def _callable_from_outside(functions: int) -> list[int]:
    return [f for f in range(functions) if not _is_static(f) and not _is_dead(f)]


def unit_source(unit: int, functions: int) -> str:
    """The source of object ``unit``."""
    return "\n".join(_unit_lines(unit, functions)) + "\n"


def _unit_lines(unit: int, functions: int) -> Iterator[str]:
    numbers = _Numbers(unit + 1)
    public = _callable_from_outside(functions)
    # At most this many other objects are named: an object of a real project knows a few neighbours.
    neighbours = sorted({numbers.below(unit) for _ in range(6)}) if unit else []
    yield '#include "project.h"'
    for other in neighbours:
        yield f"extern int counter_{other};"
        for function in public:
            yield f"{_declaration(other, function)};"
    yield f"int counter_{unit} = {unit % 17};"
    yield f"static int history_{unit}[{16 + unit % 48}];"
    for function in range(functions):
        yield f"{_declaration(unit, function)};"
    called = [function for function in range(functions) if not _is_dead(function)]
    yield f"const struct entry table_{unit}[] = {{"
    for function in public[::2]:
        name = _name(unit, function)
        yield f'  {{"{name}", {name}, {{{unit}, {function}}}, &counter_{unit}}},'
    yield "};"
    yield f"const word table_{unit}_size = sizeof table_{unit} / sizeof table_{unit}[0];"
    for function in range(functions):
        yield from _function_lines(unit, function, neighbours, public, called, numbers)


def _function_lines(
    unit: int,
    function: int,
    neighbours: list[int],
    public: list[int],
    called: list[int],
    numbers: _Numbers,
) -> Iterator[str]:
    # Calls go to later functions of the object and to objects below it, so that no call chain is a cycle.
    later = [f for f in called if function < f <= function + 12]
    word = _WORDS[numbers.below(len(_WORDS))]
    noinline = "__attribute__((noinline)) " if _is_static(function) else ""
    yield f"{noinline}{_declaration(unit, function)} {{"
    yield f"  int total = (int)value + counter_{unit};"
    shape = numbers.below(4)
    if shape == 0:
        yield f"  for (int round = 0; round < (total & {1 + numbers.below(3)}); round++)"
        yield f"    total += history_{unit}[(word)(round + total) % {16 + unit % 48}u]++;"
    if shape == 1:
        strings = f'"{word}", "{word}_{unit % 40}", "{word}-{numbers.below(9999)}"'
        yield f"  static const char *const labels[] = {{{strings}}};"
        yield "  const char *label = labels[(word)total % 3];"
        yield "  total += label[0];"
    if shape == 2:
        yield f"  struct context inner = {{{{total, {numbers.below(999)}}}, {{1, 2, where->tag}}, 1, where, {{0}}}};"
        yield "  where = &inner;"
    yield "  switch ((enum mode)((word)total % 5)) {"
    if later:
        target = _name(unit, later[numbers.below(len(later))])
        yield f"  case MODE_READ: total += {target}((short)total >> 1, where); break;"
    if neighbours and public:
        other = neighbours[numbers.below(len(neighbours))]
        target = _name(other, public[numbers.below(len(public))])
        yield f"  case MODE_FLUSH: counter_{other} ^= 3; total -= {target}((short)total >> 2, where); break;"
    yield f'  default: total ^= report("{word} of {unit % 25}", total); break;'
    yield "  }"
    yield f"  counter_{unit} += total & 3;"
    yield "  return total;"
    yield "}"


def main_source(units: int) -> str:
    """The source of ``main.c`` for a project of ``units`` objects: calls through every object's table."""
    lines = ["#include <stdio.h>", '#include "project.h"']
    lines.append("int report(const char *what, int value) { return (int)what[0] + value % 7; }")
    for unit in range(units):
        lines.append(f"extern const struct entry table_{unit}[]; extern const word table_{unit}_size;")
    lines.append("static const struct { const struct entry *entries; const word *size; } tables[] = {")
    lines.extend(f"  {{table_{unit}, &table_{unit}_size}}," for unit in range(units))
    lines.append("};")
    lines.append(
        """int main(void) {
  struct context where = {{1, 2}, {3, 4, "main"}, 5, 0, {0}};
  word sum = 0, calls = 0;
  for (word unit = 0; unit < sizeof tables / sizeof tables[0]; unit++)
    for (word i = 0; i < *tables[unit].size; i++, calls++) {
      const struct entry *entry = &tables[unit].entries[i];
      sum = sum * 31 + (word)entry->call((int)(calls % 5), &where) + (word)entry->name[0] + (word)*entry->counter;
    }
  printf("%u calls, sum %u\\n", calls, sum);
  return 0;
}"""
    )
    return "\n".join(lines) + "\n"


def cxx_unit_source(unit: int) -> str:
    """The source of one object of the C++ project: a class hierarchy, and templates of the standard library over it."""
    numbers = _Numbers(unit + 1)
    lines = [
        "#include <algorithm>",
        "#include <iostream>",
        "#include <map>",
        "#include <memory>",
        "#include <sstream>",
        "#include <string>",
        "#include <vector>",
        f"namespace part{unit} {{",
        "struct Node {",
        "  virtual ~Node() = default; virtual std::string show() const = 0; virtual int weight() const = 0;",
        "};",
    ]
    kinds = [f"{_WORDS[(unit + kind) % len(_WORDS)].capitalize()}{kind}" for kind in range(1 + (unit % 8 == 0))]
    for kind in kinds:
        lines.append(
            f"struct {kind} : Node {{\n"
            f'  std::string name = "{kind.lower()} of part {unit}"; std::vector<int> items;\n'
            f"  explicit {kind}(int count) {{\n"
            f"    for (int i = 0; i < count; i++) items.push_back(i * {numbers.below(97)});\n  }}\n"
            f"  std::string show() const override {{ std::ostringstream out; out << name << ' ' << weight();"
            " for (int item : items) out << ',' << item; return out.str(); }\n"
            "  int weight() const override { int sum = 0; for (int item : items) sum += item % 7; return sum; }\n"
            f"  bool operator<(const {kind} &other) const {{ return weight() < other.weight(); }}\n"
            "};"
        )
    lines.append("static std::map<std::string, std::unique_ptr<Node> (*)(int)> makers;")
    lines.append("static struct Register { Register() {")
    lines.extend(
        f'  makers["{kind}"] = [](int count) {{ return std::unique_ptr<Node>(new {kind}(count)); }};' for kind in kinds
    )
    lines.append("} } registered;")
    for kind in kinds:
        lines.append(
            f"int sorted_{kind}(int count) {{\n"
            f"  std::vector<{kind}> all; std::map<int, {kind}> by_weight; std::map<std::string, {kind} *> by_name;\n"
            f"  for (int i = 0; i < count; i++) all.emplace_back((i * {1 + numbers.below(50)}) % 11);\n"
            "  std::sort(all.begin(), all.end());\n"
            "  for (auto &one : all) { by_weight.emplace(one.weight(), one); by_name[one.show()] = &one; }\n"
            "  return static_cast<int>(by_weight.size() * 100 + by_name.size());\n"
            "}"
        )
    calls = " + ".join(f"sorted_{kind}(count)" for kind in kinds)
    lines.append(f"}}\nint run_part{unit}(int count) {{\n  using namespace part{unit};\n  int total = {calls};")
    lines.append(
        "  for (auto &[name, make] : makers) total += static_cast<int>(make(count)->show().size() + name.size());"
    )
    lines.append("  return total;\n}")
    return "\n".join(lines) + "\n"


def cxx_main_source(units: int) -> str:
    """The source of the C++ project's ``main.cpp``."""
    lines = ["#include <iostream>", *(f"int run_part{unit}(int);" for unit in range(units)), "int main() {"]
    lines.append("  long sum = 0;")
    lines.extend(f"  sum = sum * 31 + run_part{unit}({3 + unit % 5});" for unit in range(units))
    lines.append("  std::cout << sum << '\\n';\n}")
    return "\n".join(lines) + "\n"
