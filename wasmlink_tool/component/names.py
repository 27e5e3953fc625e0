"""Names in components: labels in kebab case, qualified names, and versions as semver orders them."""

from __future__ import annotations

import re
from functools import cmp_to_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_LABEL: Final = re.compile(r"(?:[a-z][a-z0-9]*|[A-Z][A-Z0-9]*)(?:-(?:[a-z0-9]+|[A-Z0-9]+))*")

_IDENTIFIER: Final = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"

_VERSION: Final = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    rf"(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)


def is_label(text: str) -> bool:
    """Return whether ``text`` is a name in kebab case: words of letters and digits in one case, joined by hyphens."""
    return _LABEL.fullmatch(text) is not None


def is_function_name(text: str) -> bool:
    """Return whether ``text`` is a label, or names a constructor, method or static function of a resource."""
    if not text.startswith("["):
        return is_label(text)
    annotation, _, rest = text.partition("]")
    if annotation == "[constructor":
        return is_label(rest)
    if annotation in ("[method", "[static"):
        resource, dot, name = rest.partition(".")
        return bool(dot) and is_label(resource) and is_label(name)
    return False


class Version:
    """A version of a package, as Semantic Versioning 2.0 defines it."""

    def __init__(self, text: str, major: int, minor: int, patch: int, prerelease: str, build: str) -> None:
        self.text = text
        self.major = major
        self.minor = minor
        self.patch = patch
        self.prerelease = prerelease
        self.build = build

    def compatible_part(self) -> str:
        """Return the part that compatible versions share: ``1``, ``0.2``, ``0.0.3``; a prerelease is its own."""
        if self.prerelease:
            return f"{self.major}.{self.minor}.{self.patch}-{self.prerelease}"
        if self.major:
            return str(self.major)
        if self.minor:
            return f"0.{self.minor}"
        return f"0.0.{self.patch}"


def parse_version(text: str) -> Version | None:
    """Return the version that ``text`` spells, if it spells a full one."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    major, minor, patch, prerelease, build = match.groups()
    return Version(text, int(major), int(minor), int(patch), prerelease or "", build or "")


def _compare_identifiers(first: str, second: str) -> int:
    """Compare dot-separated identifiers: numbers by value and below words, words by their bytes."""
    ours, theirs = first.split("."), second.split(".")
    for one, other in zip(ours, theirs):
        if one == other:
            continue
        if one.isdigit() and other.isdigit():
            if int(one) != int(other):
                return -1 if int(one) < int(other) else 1
            if len(one) != len(other):
                return -1 if len(one) < len(other) else 1
        elif one.isdigit() != other.isdigit():
            return -1 if one.isdigit() else 1
        else:
            return -1 if one < other else 1
    return (len(ours) > len(theirs)) - (len(ours) < len(theirs))


def compare_versions(first: Version, second: Version) -> int:
    """Return -1, 0 or 1 as ``first`` is older than, as old as or newer than ``second``; build metadata counts last."""
    ours = (first.major, first.minor, first.patch)
    theirs = (second.major, second.minor, second.patch)
    if ours != theirs:
        return -1 if ours < theirs else 1
    if first.prerelease != second.prerelease:
        if not first.prerelease or not second.prerelease:
            return 1 if not first.prerelease else -1
        return _compare_identifiers(first.prerelease, second.prerelease)
    if first.build != second.build:
        if not first.build or not second.build:
            return -1 if not first.build else 1
        return _compare_identifiers(first.build, second.build)
    return 0


version_key = cmp_to_key(compare_versions)
"""The key by which versions sort."""


class QualifiedName:
    """``namespace:package/name@version``; ``version`` is ``None`` where there is none."""

    def __init__(self, package: str, name: str, version: Version | None) -> None:
        self.package = package
        self.name = name
        self.version = version

    def track(self) -> str:
        """Return the name with only the part of the version that compatible versions share."""
        base = f"{self.package}/{self.name}"
        return base if self.version is None else f"{base}@{self.version.compatible_part()}"

    def base(self) -> str:
        """Return the name without a version."""
        return f"{self.package}/{self.name}"


def parse_qualified_name(text: str) -> QualifiedName | None:
    """Return the parts of ``namespace:package/name@version``, or ``None`` if ``text`` is not of that form."""
    path, at, version_text = text.partition("@")
    package, slash, name = path.partition("/")
    namespace, colon, package_name = package.partition(":")
    if not slash or not colon or not is_label(namespace) or not is_label(package_name) or not is_label(name):
        return None
    if not at:
        return QualifiedName(package, name, None)
    version = parse_version(version_text)
    return None if version is None else QualifiedName(package, name, version)


def without_version(name: str) -> str:
    """Return the name of an interface without its version."""
    return name.partition("@")[0]
