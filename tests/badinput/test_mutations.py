"""Real objects and archives with random damage: an error that names the file, or a link, and nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.badinput.support import attempt
from tests.support.objects import build
from tests.support.toolchain import compile_object, make_archive

ROUNDS = 12
MUTATIONS = 80
"""The number of damaged inputs in each round, for each of the inputs."""

C_SOURCE = """// flags: -g -O1
struct item { int weight; const char *name; };
static struct item items[3] = {{1, "one"}, {2, "two"}, {3, "one and two"}};
int zero[20];
extern int host(int);
__attribute__((constructor)) static void init(void) { zero[3] = items[1].weight; }
int (*functions[])(int) = {host};
int run(int i) { return functions[0](items[i].weight) + items[i].name[0] + zero[i]; }
"""
CPP_SOURCE = """// flags: -g -O0
template <class T> struct box { T value; virtual T get() { return value; } virtual ~box() {} };
template struct box<int>;
template struct box<double>;
void operator delete(void *, unsigned long) noexcept {}
inline int shared(int x) { static int calls; return x + ++calls; }
extern "C" int __cxa_guard_acquire(long long *) { return 1; }
extern "C" int run(box<int> *b) { return shared(b->get()); }
"""
INTERESTING = (0x00, 0x01, 0x02, 0x0B, 0x10, 0x40, 0x60, 0x7F, 0x80, 0xFE, 0xFF)


def mutate(content: bytes, random_source: random.Random) -> bytes:
    """One to four changes of the kinds that break parsers: bytes, runs, lengths, order."""
    changed = bytearray(content)
    for _ in range(random_source.randint(1, 4)):
        if not changed:
            break
        position = random_source.randrange(len(changed))
        match random_source.randrange(8):
            case 0:
                changed[position] = random_source.choice(INTERESTING)
            case 1:
                changed[position] ^= 1 << random_source.randrange(8)
            case 2:
                changed[position:position] = random_source.choice(
                    (b"\0", b"\xff\xff\xff\xff\x0f", b"\x80" * 12, b"\x7f")
                )
            case 3:
                del changed[position : position + random_source.randint(1, 8)]
            case 4:
                del changed[position:]
            case 5:
                changed[position : position + 5] = b"\xff\xff\xff\xff\x0f"
            case 6:
                piece = changed[position : position + random_source.randint(1, 64)]
                other = random_source.randrange(len(changed))
                changed[other : other + len(piece)] = piece
            case _:
                changed[position] = (changed[position] + random_source.choice((1, -1))) & 0xFF
    return bytes(changed)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    directory = tmp_path_factory.mktemp("originals")
    found = {
        "hand.o": build(),
        "c.o": compile_object(C_SOURCE, ".c", directory),
        "cpp.o": compile_object(CPP_SOURCE, ".cpp", directory),
    }
    for name, content in found.items():
        (directory / name).write_bytes(content)
    for style in ("gnu", "bsd"):
        make_archive(directory / f"{style}.a", ["hand.o", "c.o"], style=style)
        found[f"{style}.a"] = (directory / f"{style}.a").read_bytes()
    return found


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_mutated(seed: int, originals: dict[str, bytes], tmp_path: Path) -> None:
    random_source = random.Random(seed)
    for name, content in originals.items():
        path = tmp_path / f"mutated-{name}"
        for number in range(MUTATIONS):
            damaged = mutate(content, random_source)
            path.write_bytes(damaged)
            keep = bool(number % 2)
            try:
                attempt(
                    tmp_path,
                    [str(path)],
                    [path.name],
                    gc_sections=keep,
                    strip_debug=number % 5 == 0,
                    exports_if_defined=["run", "f"],
                )
            except BaseException:
                path.rename(tmp_path.parent / f"failing-{seed}-{number}-{name}")
                raise
        path.unlink()
