"""Whole inputs to start from: each shows the linker something that the others do not."""

from __future__ import annotations

import re
from pathlib import Path

from tests.differential.asm import declare_first
from tests.differential.cases import all_cases
from tests.support.objects import build
from tests.support.toolchain import compile_object
from wasmlink_tool import LinkOptions, link
from wasmlink_tool.options import UnresolvedPolicy

SOURCES = {
    "c.o": (
        ".c",
        "// flags: -g -O1\n"
        "struct item { int weight; const char *name; };\n"
        'static struct item items[3] = {{1, "one"}, {2, "two"}, {3, "one and two"}};\n'
        "int zero[20]; extern int host(int); extern int f(void); __attribute__((weak)) extern int g(void);\n"
        "__attribute__((constructor)) static void init(void) { zero[3] = items[1].weight; }\n"
        "int (*functions[])(int) = {host};\n"
        '__attribute__((export_name("run"))) int run(int i) {\n'
        "  return functions[0](items[i].weight) + f() + (g ? g() : 0);\n}\n"
        "int main(int argc, char **argv) { return run(argc); }\nvoid _start(void) { main(0, 0); }\n",
    ),
    "cpp.o": (
        ".cpp",
        "// flags: -g -O0\n"
        "template <class T> struct box { T value; virtual T get() { return value; } virtual ~box() {} };\n"
        "template struct box<int>; template struct box<double>;\n"
        "void operator delete(void *, unsigned long) noexcept {}\n"
        "inline int shared(int x) { static int calls; return x + ++calls; }\n"
        'extern "C" int __cxa_guard_acquire(long long *) { return 1; }\n'
        'extern "C" int f() { box<int> b; return shared(b.get()); }\n',
    ),
    "pic.o": (
        ".c",
        "// flags: -fPIC -O1\n"
        "extern int d; int e = 4; static int s; int *p[] = {&d, &e, &s}; extern int h(int); int (*q)(int) = h;\n"
        "int g(void) { return d + e + *p[1] + h(s++) + (h == q); }\n",
    ),
    "tls.o": (
        ".c",
        "// flags: -O1 -matomics -mbulk-memory -pthread\n"
        "_Thread_local int t = 5; _Thread_local int u[10]; extern _Thread_local int v; int *at(void) { return &t; }\n"
        "int h(int i) { return t++ + u[i] + __atomic_add_fetch(&t, 1, 5); }\n",
    ),
    "world.o": (
        ".c",
        "// flags: -O1\n"
        '__attribute__((import_module("a:b/host"), import_name("f"))) void imported(int, int, int *);\n'
        '__attribute__((import_module("$root"), import_name("g"))) int other(int);\n'
        "static char heap[1000]; static int used;\n"
        '__attribute__((export_name("cabi_realloc"))) void *grow(void *old, int size, int align, int new) {\n'
        "  used += new + 8 & -8; return heap + used % 900; }\n"
        '__attribute__((export_name("run"))) int *run(int *list, int length) {\n'
        "  static int result[2]; imported((int)list, length, result); result[1] = other(length); return result; }\n",
    ),
    "lto.o": (".c", "// flags: -flto -O1\nextern int h(int); int g(void) { return h(3); }\n"),
}

WORLD = b"""package a:b;
interface types { record pair { a: u8, b: string } variant v { none, some(pair) } resource r { get: func() -> u32; } }
interface host { use types.{pair}; f: func(l: list<pair>) -> result<u32, string>; }
world w { import host; import g: func(i: s32) -> s32; export run: func(l: list<u32>) -> string; }
"""
"""Describes what ``world.o`` imports and exports, nearly."""


def _shared_library(cache: Path, contents: bytes) -> bytes:
    """Return a shared library that defines ``g`` and ``e``, needs another, and has a run path."""
    path = cache / "pic.o"
    path.write_bytes(contents)
    options = LinkOptions(inputs=[str(path)], output=None, shared=True, soname="lib.so", runtime_paths=["run/path"])
    options.unresolved_symbols = UnresolvedPolicy.IMPORT_DYNAMIC
    return link(options).module


_OPTION = re.compile(r"--?[A-Za-z]")


def build_corpus(cache: Path, cases: int = 400) -> tuple[dict[str, bytes], dict[str, tuple[str, ...]]]:
    """Return files by name, and the options of each differential case: from sources of our own and from the cases,
    whose objects' names begin with the case's.

    :param cases: how many of those are compiled, at most: they are spread evenly over all.
    """
    cache.mkdir(parents=True, exist_ok=True)
    files = {"hand.o": build()}
    for name, (suffix, text) in SOURCES.items():
        files[name] = compile_object(text, suffix, cache)
    files["list.txt"] = b"# names\nhost\nf\ng\nh\n"
    files["stub.so"] = b"#STUB\nhost: f,g\nh\n"
    files["script.ld"] = b"/* GNU ld script */\nOUTPUT_FORMAT(wasm)\nGROUP ( a.o AS_NEEDED ( libx.a ) )\n"
    files["world.wit"] = WORLD
    files["lib.so"] = _shared_library(cache, files["pic.o"])
    options: dict[str, tuple[str, ...]] = {}
    found = [case for _, case in all_cases()]
    step = max(1, len(found) // cases) if cases else len(found) + 1
    for number, case in enumerate(found, 1):
        words = case.args.split()
        options[case.name] = tuple(w for w in words if _OPTION.match(w) and not w.startswith(("-o", "-l", "-L")))
        if number % step or "wasm64" in case.args:
            continue
        for title, content in case.files.items():
            suffix = Path(title).suffix
            if not isinstance(content, str) or suffix not in (".s", ".c", ".cpp"):
                continue
            try:
                text = declare_first(content) if suffix == ".s" else content
                files[f"{case.name}-{Path(title).stem}.o"] = compile_object(text, suffix, cache)
            except RuntimeError:
                continue
    return files, options
