"""A program under edits, one for each class of edit that programmers make: what a link after each has to decide.

The program is text alone, so that whoever compiles it chooses with what: freestanding objects for tests, libc and
libc++ for the benchmark. Units call each other in a chain that begins at unit 0; what each unit has beside that is
there for some edit to change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

GROUPS = 5
"""A header of its own for each; an edit of one changes a fifth of the units."""
LIBRARY = ("first", "second", "third")
"""Members of the program's own library; nothing needs the last one."""


@dataclass
class Program:
    """The sources of a program: text by file name, and how they are linked."""

    suffix: str
    units: int
    hosted: bool
    """Whether there is a standard library."""
    texts: dict[str, str] = field(default_factory=dict)
    optimize: dict[str, str] = field(default_factory=dict)
    """The optimisation level of files that do not have the default."""
    order: list[str] = field(default_factory=list)
    """The files that are linked as objects."""
    members: list[str] = field(default_factory=list)
    """The members of the library, which comes last."""

    @property
    def middle(self) -> int:
        return self.units // 2

    def name(self, unit: int) -> str:
        return f"unit{unit}{self.suffix}"

    def replace(self, unit: int, old: str, new: str) -> None:
        text = self.texts[self.name(unit)]
        assert old in text, f"{old!r} is not in unit {unit}"
        self.texts[self.name(unit)] = text.replace(old, new, 1)

    def add(self, unit: int, *, before: str = "", statement: str = "") -> None:
        """Add declarations and definitions before a unit's function, and a statement to it."""
        if before:
            self.replace(unit, "/* more */", f"{before}\n/* more */")
        if statement:
            self.replace(unit, "/* do more */", f"{statement}\n  /* do more */")


def program(suffix: str, units: int, *, hosted: bool, functions: int = 2) -> Program:
    """The program before any edit.

    :param suffix: ``.c`` or ``.cpp``.
    :param functions: of each unit, beside those that edits are about.
    """
    made = Program(suffix, units, hosted)
    for unit in range(units):
        made.texts[made.name(unit)] = _unit(made, unit, functions)
        made.order.append(made.name(unit))
    for member in LIBRARY:
        name = f"lib_{member}{suffix}"
        made.texts[name] = (
            f"{_linkage(suffix)} int library_{member}(int x) {{ static int calls = 5; return x * ++calls; }}\n"
        )
        made.members.append(name)
    return made


def _linkage(suffix: str) -> str:
    return 'extern "C"' if suffix == ".cpp" else "extern"


def _group(group: int) -> str:
    return (
        f"static inline int group{group}(int x) {{ return x * 3 + {group}; }}\n"
        f'static const char *group{group}_name(void) {{ return "group {group}"; }}\n'
    )


def _unit(made: Program, unit: int, functions: int) -> str:
    extern = _linkage(made.suffix)
    group = unit % GROUPS
    is_last = unit == made.units - 1
    lines = ["#define NOINLINE __attribute__((noinline))"]
    if made.hosted:
        lines += (
            ["#include <map>", "#include <string>", "#include <vector>", "#include <cstdlib>"]
            if made.suffix == ".cpp"
            else ["#include <stdlib.h>", "#include <string.h>", "#include <stdio.h>"]
        )
    lines += [
        _group(group),
        *(f"{extern} int unit{n}_live(int);" for n in sorted({unit + 1, (unit + 2) % made.units, 0}) if n < made.units),
        f"{extern} int library_first(int); {extern} int library_second(int);",
        f"static volatile int state{unit} = {unit + 1};",
        f'static const char *const name{unit} = "the name of unit {unit}";',
        "int *address_taken(int *);" if made.suffix == ".c" else "",
        f"{extern} int unit{unit}_dead(int x) {{ return x * 7 + state{unit}; }}",
        f"static NOINLINE int helper{unit}(int x) {{ return x ^ state{unit}; }}",
        f"static NOINLINE int other{unit}(int x) {{ return x + (int)(long)name{unit}; }}",
        f"static int (*volatile table{unit}[])(int) = {{helper{unit}, other{unit}}};",
    ]
    for number in range(functions):
        lines.append(
            f"static NOINLINE int more{unit}_{number}(int x) "
            f"{{ for (int i = 0; i < x; i++) state{unit} += i * {number + 3} ^ {unit}; return x + {number}; }}"
        )
    if made.suffix == ".cpp":
        lines += [
            "template <int N> NOINLINE int made(int x) { static int calls; return x * N + ++calls; }",
            "struct Base { virtual int area(int x) { return x; } virtual int edge(int x) { return x + 1; } };",
            f"struct Shape{unit} : Base {{ int area(int x) override {{ return x * {unit}; }} /* virtual */ }};",
            f"static Shape{unit} shape{unit}; static Base *volatile base{unit} = &shape{unit};",
        ]
        if made.hosted:
            lines.append(
                f"static NOINLINE int contained{unit}(int x) {{ std::map<std::string, std::vector<int>> all; "
                f'all[std::string(name{unit}) + std::to_string(x)].push_back(x); all["x"].push_back({unit}); '
                "return (int)all.size(); }"
            )
    lines += ["/* more */", f"{extern} NOINLINE int unit{unit}_live(int x) {{", "  if (x < 0) return 0;"]
    lines += [f"  state{unit} += x;", f"  x += 1000 + group{group}(x) + *group{group}_name();"]
    lines += [f"  state{unit} += more{unit}_{number}(x);" for number in range(functions)]
    lines.append(f"  state{unit} += table{unit}[x & 1](x) + helper{unit}(3);")
    if unit == 0:
        lines.append("  state0 += library_first(x) + library_second(x);")
    if made.suffix == ".cpp":
        lines.append(f"  state{unit} += made<{unit % 4}>(x) + base{unit}->area(x) + base{unit}->edge(x);")
        if made.hosted:
            lines.append(f"  state{unit} += contained{unit}(x);")
    elif made.hosted:
        lines.append(f'  printf("%s %d\\n", name{unit}, x); state{unit} += (int)strlen(name{unit});')
    lines.append("  /* do more */")
    lines.append(f"  return state{unit};" if is_last else f"  return unit{unit + 1}_live(x - 1) + state{unit};")
    lines.append("}")
    if unit == 0:
        lines.append(f"{extern} int __wrap_library_second(int x) {{ return x + 3; }}")
        entry = f"{extern} int main(void)" if made.hosted else f"{extern} int _start(void)"
        lines.append(f"{entry if made.suffix == '.c' or not made.hosted else 'int main()'} {{ return unit0_live(5); }}")
    return "\n".join(lines) + "\n"


Edit = Callable[[Program], None]


def _constant(p: Program) -> None:
    p.replace(p.middle, "x += 1000", "x += 1001")


def _statement_added(p: Program) -> None:
    p.add(p.middle, statement=f"for (int i = 0; i < (x & 7); i++) state{p.middle} += i * x ^ 3;")


def _statement_removed(p: Program) -> None:
    p.replace(p.middle, f"  state{p.middle} += x;\n", "")


def _call_live(p: Program) -> None:
    p.add(p.middle, statement=f"state{p.middle} += unit{p.middle + 2}_live(x - 9);")


def _call_dead(p: Program) -> None:
    unit = p.middle + 2
    p.add(
        p.middle,
        before=f"{_linkage(p.suffix)} int unit{unit}_dead(int);",
        statement=f"state{p.middle} += unit{unit}_dead(x);",
    )


def _call_library(p: Program) -> None:
    """Call a function of an archive member that was not linked before."""
    if p.hosted:
        p.add(p.middle, statement=f'state{p.middle} += (int)strtod(name{p.middle}, 0) + abs(atoi("12"));')
    else:
        declaration = f"{_linkage(p.suffix)} int library_third(int);"
        p.add(p.middle, before=declaration, statement=f"state{p.middle} += library_third(x);")


def _new_function(p: Program) -> None:
    p.add(
        p.middle,
        before=f"static NOINLINE int added(int x) {{ return state{p.middle} * x; }}",
        statement=f"state{p.middle} += added(x) + added(4);",
    )


def _removed_function(p: Program) -> None:
    p.replace(p.middle, f" + helper{p.middle}(3)", "")
    p.replace(p.middle, f"{{helper{p.middle}, other", f"{{other{p.middle}, other")


def _new_global(p: Program) -> None:
    p.add(p.middle, before="int added_global[3] = {1, 2, 3}; int added_zeros[40];")
    p.add(p.middle, statement=f"state{p.middle} += added_global[x & 1] + added_zeros[x & 3]++;")


def _new_string(p: Program) -> None:
    p.add(p.middle, statement=f'state{p.middle} += (int)(long)"a string that is new " + x;')


def _changed_string(p: Program) -> None:
    p.replace(p.middle, f"the name of unit {p.middle}", f"another name of unit {p.middle}")


def _new_address(p: Program) -> None:
    """A function gets a place in the table."""
    p.add(
        p.middle,
        before=f"static int (*volatile added_pointer)(int) = unit{p.middle + 1}_live;",
        statement=f"state{p.middle} += added_pointer(x - 9);",
    )


def _new_type(p: Program) -> None:
    """A function of a signature that the program did not have."""
    before = "static NOINLINE long long wide(double x, long long y) { return (long long)x + y; }"
    p.add(p.middle, before=before, statement=f"state{p.middle} += (int)wide(x, x);")


def _new_vtable(p: Program) -> None:
    p.add(
        p.middle,
        before="struct Added : Base { int area(int x) override { return x * 9; } "
        "int edge(int x) override { return x; } }; static Added added; static Base *volatile added_base = &added;",
        statement=f"state{p.middle} += added_base->area(x) + added_base->edge(x);",
    )


def _new_virtual(p: Program) -> None:
    p.replace(p.middle, "/* virtual */", "int edge(int x) override { return x * 5; }")


def _signature(p: Program) -> None:
    extern, unit = _linkage(p.suffix), p.middle
    p.replace(
        unit, f"{extern} NOINLINE int unit{unit}_live(int x)", f"{extern} NOINLINE int unit{unit}_live(int x, int y)"
    )
    p.replace(unit, "x += 1000", "x += y + 1000")
    for other in range(p.units):
        text = p.texts[p.name(other)]
        if other != unit:
            text = text.replace(f"int unit{unit}_live(int);", f"int unit{unit}_live(int, int);")
        p.texts[p.name(other)] = text.replace(f"return unit{unit}_live(x - 1)", f"return unit{unit}_live(x - 1, x)")


def _header(p: Program) -> None:
    group = p.middle % GROUPS
    for unit in range(group, p.units, GROUPS):
        p.replace(unit, f"return x * 3 + {group};", f"x ^= 5; return x * 4 + {group};")


def _new_file(p: Program) -> None:
    extern = _linkage(p.suffix)
    name = "added" + p.suffix
    p.texts[name] = f"static int own = 4;\n{extern} int added_file(int x) {{ return x * own++; }}\n"
    p.order.insert(p.middle, name)
    p.add(p.middle, before=f"{extern} int added_file(int);", statement=f"state{p.middle} += added_file(x);")


def _removed_file(p: Program) -> None:
    unit = p.units - 2
    p.order.remove(p.name(unit))
    for other in range(p.units):
        text = p.texts[p.name(other)].replace(f"unit{unit}_live(x - 1)", f"unit{unit + 1}_live(x - 1)")
        p.texts[p.name(other)] = text


def _moved_file(p: Program) -> None:
    p.order.insert(1, p.order.pop(p.middle))


def _comdat(p: Program) -> None:
    """The first unit instantiates what another one did until then."""
    p.add(0, statement="state0 += made<3>(x);")


def _member(p: Program) -> None:
    name = f"lib_first{p.suffix}"
    p.texts[name] = p.texts[name].replace("calls = 5;", 'calls = 6; calls += *(volatile const char *)"new";')


def _optimized(p: Program) -> None:
    p.optimize[p.name(p.middle)] = "-O2"


EDITS: Mapping[str, Edit] = {
    "a constant": _constant,
    "a statement added": _statement_added,
    "a statement removed": _statement_removed,
    "a call to a live function": _call_live,
    "a call to a dead function": _call_dead,
    "a call into the library": _call_library,
    "a new static function": _new_function,
    "a static function removed": _removed_function,
    "a new global": _new_global,
    "a new string literal": _new_string,
    "a string literal changed": _changed_string,
    "the address of a function": _new_address,
    "a new signature": _new_type,
    "a new vtable": _new_vtable,
    "a new virtual method": _new_virtual,
    "a signature changed across files": _signature,
    "a header of a fifth of the files": _header,
    "a new file": _new_file,
    "a file removed": _removed_file,
    "a file moved in the list": _moved_file,
    "a template instantiated elsewhere": _comdat,
    "a member of a library": _member,
    "another optimization level": _optimized,
}
"""The classes of edits by name; those for C++ do nothing in C."""
OF_CXX = ("a new vtable", "a new virtual method", "a template instantiated elsewhere")
