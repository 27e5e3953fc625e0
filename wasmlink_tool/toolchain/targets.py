"""Target triples, and each compiler's name for a target."""

from __future__ import annotations

from dataclasses import dataclass

BARE_TRIPLE = "wasm32-unknown-unknown"
WASI_TRIPLES = ("wasm32-wasip1", "wasm32-wasi")
"""The new name of WASI and the old one: a libc is installed under either."""

_NO_SYSTEM = frozenset(("", "unknown", "none", "freestanding"))
_RENAMED = {"wasi": "wasip1", "wasi-threads": "wasip1-threads"}


@dataclass(frozen=True)
class Target:
    """A triple in its parts: ``wasm32-unknown-unknown`` has no system, ``wasm32-wasi`` has ``wasip1``."""

    architecture: str
    system: str

    @classmethod
    def of_triple(cls, triple: str) -> Target:
        architecture, *rest = triple.split("-")
        # The vendor may be left out.
        system = "-".join(part for part in rest if part not in _NO_SYSTEM)
        return cls(architecture, _RENAMED.get(system, system))

    @property
    def is_bare(self) -> bool:
        """Whether it has no system, and so no libc."""
        return not self.system

    @property
    def has_threads(self) -> bool:
        return self.system.endswith("-threads")

    @property
    def bare(self) -> str:
        """Return the triple of the same architecture without a system, as clang writes it."""
        return f"{self.architecture}-unknown-unknown"

    @property
    def triples(self) -> tuple[str, ...]:
        """Return all its names, the newest first."""
        older = [old for old, new in _RENAMED.items() if new == self.system]
        return tuple(f"{self.architecture}-{system}" for system in (self.system, *older))

    @property
    def zig_name(self) -> str:
        """Return zig's name for it. Its only WASI is the first version, without threads."""
        if self.is_bare:
            return f"{self.architecture}-freestanding"
        return f"{self.architecture}-{'wasi' if self.system.startswith('wasi') else self.system}"
