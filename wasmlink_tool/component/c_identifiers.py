"""Identifiers in C bindings: the prefixes of interfaces and worlds, and names that are unique in a file."""

from __future__ import annotations

from .names import parse_qualified_name, without_version
from .wit_model import Interface, World, WorldItem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_KEYWORD_TEXT: Final = (
    "alignas alignof and and_eq asm atomic auto bitand bitor bool break case catch char char8_t char16_t char32_t "
    "class co_await co_return co_yield compl concept const const_cast consteval constexpr constinit continue "
    "decltype default delete do double dynamic_cast else enum explicit export extern false float for friend goto "
    "if inline int long main mutable namespace new noexcept not not_eq nullptr operator or or_eq private "
    "protected public register reinterpret_cast requires restrict return short signed sizeof static static_assert "
    "static_cast struct switch template this thread_local throw true try typedef typeid typename typeof "
    "typeof_unqual union unix unsigned using virtual void volatile wchar_t while xor xor_eq linux "
)
_KEYWORDS: Final = frozenset(_KEYWORD_TEXT.split())
"""Words that C or C++ compilers do not take as names of fields and parameters."""


_STANDARD_TYPES: Final = [f"{sign}int_{kind}{bits}_t" for sign in ("", "u") for kind in ("least", "fast")
                          for bits in (8, 16, 32, 64)]  # fmt: skip
USED: Final = ("cabi_realloc", "max_align_t", *_STANDARD_TYPES)
"""Identifiers of several words that the bindings and the headers which they include define."""


def snake_case(label: str) -> str:
    """Return a label as a part of an identifier."""
    return label.replace("-", "_").lower()


def member_name(label: str) -> str:
    """Return a label as the name of a field or a parameter; keywords get an underscore."""
    name = snake_case(label)
    return f"{name}_" if name in _KEYWORDS else name


class Identifiers:
    """The identifiers of one scope of C, each given once."""

    def __init__(self, *taken: str) -> None:
        self._taken = {*_KEYWORDS, *taken}

    def take(self, wanted: str, *suffixes: str) -> str:
        """Return ``wanted``, with underscores after it if something else has that name.

        With ``suffixes`` the names are those that end in each of them.
        """
        endings = suffixes or ("",)
        while any(wanted + ending in self._taken for ending in endings):
            wanted += "_"
        self._taken.update(wanted + ending for ending in endings)
        return wanted


class Scope:
    """The interface or the world that declares something: the prefix of its identifiers, and its names in core modules.

    ``item`` is the name of the interface in the world, ``None`` for the world itself.
    """

    def __init__(self, prefix: str, item: str | None, exported: bool) -> None:
        self.prefix = prefix
        self.item = item
        self.exported = exported


class Scopes:
    """The scopes of a world. ``root`` is the world's own, ``exported_root`` that of the functions it exports itself."""

    def __init__(self, world: World) -> None:
        short = without_version(world.name).rpartition("/")[2]
        self.world = snake_case(short)
        self.root = Scope(self.world, None, False)
        self.exported_root = Scope(f"exports_{self.world}", None, True)
        self._versioned = _packages_in_several_versions(world)
        self._of: dict[Interface | World, Scope] = {world: self.root}
        for items, exported in ((world.imports, False), (world.exports, True)):
            for item in items.values():
                if isinstance(item.value, Interface):
                    self._of[item.value] = Scope(self._prefix(item, exported), item.name, exported)

    def of(self, owner: Interface | World) -> Scope:
        """Return the scope of an interface, or of the world."""
        return self._of[owner]

    def _prefix(self, item: WorldItem, exported: bool) -> str:
        qualified = parse_qualified_name(item.name)
        words = ["exports"] if exported else []
        if qualified is None:
            words.append(snake_case(item.name))
        else:
            package = snake_case(qualified.package.replace(":", "-"))
            if qualified.package in self._versioned and qualified.version is not None:
                package += "".join(c if c.isalnum() else "_" for c in qualified.version.text)
            words += [package, snake_case(qualified.name)]
        return "_".join(words)


def _packages_in_several_versions(world: World) -> set[str]:
    versions: dict[str, set[str]] = {}
    for name in (*world.imports, *world.exports):
        qualified = parse_qualified_name(name)
        if qualified is not None:
            versions.setdefault(qualified.package, set()).add(
                "" if qualified.version is None else qualified.version.text
            )
    return {package for package, found in versions.items() if len(found) > 1}
