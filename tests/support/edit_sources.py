"""The units of a project under edits: C++ with what a linker tells apart, and edits that it can hardly see.

A unit's *variant* decides what it defines and asks for, its *shade* what it does with that. A function that nothing
calls names everything first, and so gives the symbols the same order in all shades of a variant.
"""

from __future__ import annotations

import random

UNITS = 10
VARIANTS = 6
SHADES = 6

MAIN = 'extern "C" int unit0_first(int); extern "C" void _start() { unit0_first(1); }\n'
_DEBUG = (
    ("-gdwarf-4",),
    ("-gdwarf-5",),
    ("-gdwarf-4", "-fdebug-types-section"),
    ("-gdwarf-5", "-fdebug-types-section"),
    ("-g1",),
    ("-g0",),
)
_WORDS = ("value", "a_value", "another_value", "alue", "count", "account", "x", "index", "the_index", "unt")
"""Some are tails of others."""
_SIZES = (0, 1, 2, 3, 5, 20, 60, 100, 130, 200)
"""Instructions that fill a body, which has sizes of one byte and of two then."""


def asks_in_vain(unit: int, variant: int) -> bool:
    """Return whether a unit needs functions that nothing defines."""
    return unit == 3 and variant == VARIANTS - 1


class _Unit:
    def __init__(self, unit: int, variant: int, shade: int) -> None:
        self.unit = unit
        self.variant = variant
        self.structure = random.Random(f"{unit} {variant}")
        self.choice = random.Random(f"{unit} {variant} {shade}")
        self.shade = shade
        # The first variant of each unit changes in nothing but bodies and the contents of data.
        self.risk = 0.0 if not variant else self.structure.choice((0.05, 0.3))
        self.globals: list[str] = []
        self.functions: list[str] = []
        """Names of functions int (int)."""
        self.data: list[str] = []
        """Expressions that name data."""

    def text(self) -> str:
        self._declare()
        has, of = self.structure.random, self.structure.choice
        for piece in (
            self._inline,
            self._template,
            self._guarded,
            self._virtual,
            self._strings,
            self._kept,
            self._array,
            self._bindings,
            self._borders,
            self._sizes,
            self._thread_local,
            self._constructors,
        ):
            if has() < 0.4:
                piece()
        lines = list(self.globals)
        anchor = [f"  sink = (long)&{name}; sink = {name}(x);" for name in self.functions]
        anchor += [f"  sink = (long)&{name};" for name in self.data]
        lines += [f'extern "C" int unit{self.unit}_anchor(int x) {{', *anchor, "  return x; }"]
        live = [name for name in (*self.functions, *self.data) if has() < 0.6]
        middle = len(live) // 2
        after = (self.unit + 1) % UNITS
        helper = f"helper{self.unit}"
        lines += self._function(f"static __attribute__((noinline)) int {helper}(int x)", live[:middle], live)
        calls = f"x > {self.unit} ? {helper}(x) : unit{after}_first(x + 1)"
        lines += self._function(f'extern "C" int unit{self.unit}_first(int x)', live[middle:], live, calls)
        if of((True, False)):
            lines += self._function(f'extern "C" int unit{self.unit}_second(int x)', live[:1], live)
        if has() < 0.3:
            lines += self._function(f'extern "C" int unit{self.unit}_dead(int x)', live, self.functions)
        return "\n".join(lines) + "\n"

    def _declare(self) -> None:
        after = (self.unit + 1) % UNITS
        self.globals += [
            "static volatile long sink;",
            f'extern "C" int unit{after}_first(int);',
            f'extern "C" int unit{after}_second(int) __attribute__((weak));',
            f"int table{self.unit}[{4 + self.structure.randrange(3)}] = {{{self.unit}, {self.shade}, 7}};",
            f"int zeros{self.unit}[{8 * self.structure.randrange(1, 4)}];",
        ]
        self.functions.append(f"unit{after}_second")
        self.data += [f"table{self.unit}", f"zeros{self.unit}"]
        if asks_in_vain(self.unit, self.variant):
            self.globals.append('extern "C" int missing_one(int); extern "C" int missing_two(int);')
            self.functions += ["missing_one", "missing_two"]

    # What a body does

    def _function(self, head: str, uses: list[str], may: list[str], result: str = "x") -> list[str]:
        """A function that names ``uses`` in each shade, and some more of ``may`` in some."""
        pick = self.choice
        statements = [self._use(name) for name in uses]
        if pick.random() < self.risk:
            pick.shuffle(statements)
        if may and pick.random() < self.risk / 4:
            statements.append(self._use(pick.choice(may)))
        word = pick.choice(_WORDS)
        statements.append(f"int {word}_ = x + {pick.randrange(1, 9)}; sink = {word}_;")
        statements.append(self._filler())
        return [head + " {", *("  " + statement for statement in statements), f"  return {result};", "}"]

    def _use(self, name: str) -> str:
        address, call = f"sink = (long)&{name};", f"sink = {name}(x);"
        if name not in self.functions:
            return address if self.choice.random() >= self.risk else f"sink = *(volatile char *)&{name};"
        forms = [call, address, call + " " + address, address + " " + call]
        usual = random.Random(f"{self.unit} {self.variant} {name}").choice(forms)
        return self.choice.choice(forms) if self.choice.random() < self.risk else usual

    def _value(self) -> int:
        """Never zero: zeros go to segments of their own."""
        return self.choice.randrange(1, 9)

    def _filler(self) -> str:
        size = self.choice.choice(_SIZES)
        if self.choice.random() < 0.01:
            size = 16400
        return f'asm volatile(".rept {size}\\n nop\\n .endr");' if size else ""

    # What a unit has

    def _shared(self, kind: str) -> str:
        """A name that other units may have, too."""
        return f"{kind}{self.structure.randrange(3)}"

    def _inline(self) -> None:
        for name in sorted({self._shared("shared"), self._shared("shared")}):
            self.globals.append(
                f"inline __attribute__((noinline)) int {name}(int x) "
                f'{{ {self._filler()} asm volatile(""); return x * {self.unit}; }}'
            )
            self.functions.append(name)

    def _template(self) -> None:
        self.globals.append(
            "template <int N> __attribute__((noinline)) int made(int x) "
            f'{{ {self._filler()} asm volatile(""); return x * N + {self.choice.randrange(3)}; }}'
        )
        numbers = sorted({self.structure.randrange(4) for _ in range(2)})
        self.functions += [f"made<{number}>" for number in numbers]

    def _guarded(self) -> None:
        name = self._shared("guarded")
        self.globals.append(
            f"inline __attribute__((noinline)) int {name}(int x) "
            f"{{ static int once = unit{(self.unit + 1) % UNITS}_first(x); return once + x; }}"
        )
        self.functions.append(name)

    def _virtual(self) -> None:
        name = self._shared("Shape")
        self.globals += [
            f"struct {name} {{ int {self.choice.choice(_WORDS)}_;",
            f"  virtual int area(int x) {{ return x + {self.unit}; }}",
            f"  virtual int edge(int x) {{ {self._filler()} return x; }} }};",
            f"static {name} object;",
            f"{name} *volatile shape{self.unit} = &object;",
        ]
        self.data.append(f"shape{self.unit}")

    def _strings(self) -> None:
        words = self.structure.sample(_WORDS, 3)
        self.globals.append(f"extern const char *const words{self.unit}[] = {{{', '.join(map(_quoted, words))}}};")
        self.data.append(f"words{self.unit}")

    def _kept(self) -> None:
        self.globals.append(f"__attribute__((used, retain)) static int kept = {self._value()};")
        self.globals.append(f"__attribute__((used)) int used{self.unit} = {self._value()};")

    def _array(self) -> None:
        self.globals += [
            'extern "C" int __start_entries[], __stop_entries[];',
            f'__attribute__((section("entries"), used)) int entry{self.unit} = {self._value()};',
        ]
        self.data += ["__start_entries", "__stop_entries", f"entry{self.unit}"]

    def _bindings(self) -> None:
        unit = self.unit
        weak = self._shared("weak")
        for name, attributes in (
            (weak, "weak"),
            (f"hidden{unit}", 'visibility("hidden")'),
            (f"protected{unit}", 'visibility("protected")'),
        ):
            self.globals.append(
                f'extern "C" __attribute__(({attributes}, noinline)) int {name}(int x) '
                f'{{ {self._filler()} asm volatile(""); return x + {unit}; }}'
            )
        self.globals.append(f'extern "C" int alias{unit}(int) __attribute__((alias("hidden{unit}")));')
        self.globals.append(f"__attribute__((weak)) int {self._shared('weak_data')}_ = {unit};")
        self.functions += [weak, f"hidden{unit}", f"alias{unit}"]

    def _borders(self) -> None:
        name = self._shared("imported")
        self.globals += [
            f'extern "C" __attribute__((import_module("host"), import_name("{name}"))) int {name}(int);',
            f'extern "C" __attribute__((export_name("out{self.unit}"))) int exported{self.unit}(int x) '
            f"{{ {self._filler()} return x; }}",
        ]
        self.functions += [name, f"exported{self.unit}"]

    def _sizes(self) -> None:
        self.globals += [
            f"alignas(256) int aligned{self.unit} = {self._value()};",
            f"int nothing{self.unit}[0];",
            f'char odd{self.unit}[] = "{"x" * self.structure.randrange(1, 9)}";',
        ]
        self.data += [f"aligned{self.unit}", f"nothing{self.unit}", f"odd{self.unit}"]

    def _thread_local(self) -> None:
        self.globals.append(f"thread_local int local{self.unit} = {self._value()};")
        self.data.append(f"local{self.unit}")

    def _constructors(self) -> None:
        priority = self.structure.choice(("", "(200)", "(300)"))
        self.globals.append(
            f"__attribute__((constructor{priority})) static void start(void) {{ sink = {self._value()}; }}"
        )
        self.globals.append(f"int computed{self.unit} = unit{(self.unit + 1) % UNITS}_first({self._value()});")


def _quoted(text: str) -> str:
    return f'"{text}"'


def unit_source(unit: int, variant: int, shade: int) -> tuple[str, tuple[str, ...]]:
    """One of the texts that a unit has in the course of the edits, and the compiler's flags for it."""
    flags = random.Random(f"flags {unit} {variant}")
    chosen = (*flags.choice(_DEBUG), "-fno-rtti", "-fno-threadsafe-statics", "-fno-vectorize")
    if flags.random() < 0.2:
        # Addresses are read from globals then, also where the output is not position-independent.
        chosen += ("-fPIC",)
    if flags.random() < 0.2:
        chosen += ("-matomics", "-mbulk-memory")
    return _Unit(unit, variant, shade).text(), chosen
