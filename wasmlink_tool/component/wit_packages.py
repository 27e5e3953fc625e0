"""Packages of WIT text on disk: a file, or a directory with its dependencies in ``deps/``."""

from __future__ import annotations

import os

from ..files import read_input, reason
from .errors import ComponentError
from .wit_lexer import WitError, WitSource
from .wit_model import World
from .wit_parser import parse
from .wit_resolver import FileScope, PackageSyntax, Resolver
from .wit_syntax import File, Name, Path
from .world_order import put_in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class WitPackages:
    """The packages at a path. ``files`` has all that was read: contents by path."""

    def __init__(self, path: str) -> None:
        """:raises ComponentError: a file cannot be read or is not WIT text."""
        self.path = path
        self.files: dict[str, bytes] = {}
        self._packages: dict[str, PackageSyntax] = {}
        if os.path.isdir(path):
            self.root = self._add_directory(path)
            for dependency in self._dependencies(os.path.join(path, "deps")):
                if os.path.isdir(dependency):
                    self._add_directory(dependency)
                else:
                    self._add_files([dependency], dependency)
        else:
            self.root = self._add_files([path], path)
        self._resolver = Resolver(self._packages.values())
        for package in self._packages.values():
            self._check(package)

    def world(self, name: str | None = None) -> World:
        """Return a world, in the order in which a component has its items: the one of that name, or the only one.

        :param name: of a world of the package, or ``ns:package/world`` with or without a version.
        :raises ComponentError: there is no such world, or what it uses is wrong.
        """
        package, short = self._select(name)
        file, item = package.worlds[short]
        return self._resolver.world(FileScope(package, file.source), Path(None, Name(short, item.name.offset)))

    def _check(self, package: PackageSyntax) -> None:
        """Resolve all that a package declares: a mistake is one whether the world in question uses it or not."""
        for file, interface in package.interfaces.values():
            self._resolver.interface(FileScope(package, file.source), Path(None, interface.name))
        for file, world in package.worlds.values():
            found = self._resolver.world(FileScope(package, file.source), Path(None, world.name))
            try:
                put_in_order(found, {}, world.name.text)
            except WitError:
                raise
            except ComponentError as error:
                raise WitError(file.source, world.name.offset, str(error)) from None

    def _select(self, name: str | None) -> tuple[PackageSyntax, str]:
        if name is None:
            worlds = list(self.root.worlds)
            if len(worlds) != 1:
                found = f"has the worlds {', '.join(worlds)}: name one" if worlds else "has no world"
                raise ComponentError(f"{self.path}: {self.root.name} {found}")
            return self.root, worlds[0]
        before, slash, short = name.rpartition("/")
        if not slash:
            if name not in self.root.worlds:
                known = ", ".join(self.root.worlds) or "none"
                raise ComponentError(f"{self.path}: {self.root.name} has no world '{name}'; its worlds: {known}")
            return self.root, name
        short, at, version = short.partition("@")
        matching = [
            package
            for package in self._packages.values()
            if f"{package.name.namespace}:{package.name.name}" == before and (not at or package.name.version == version)
        ]
        if len(matching) != 1 or short not in matching[0].worlds:
            raise ComponentError(f"{self.path}: there is no world '{name}' in the package or its dependencies")
        return matching[0], short

    # Files

    def _dependencies(self, directory: str) -> Iterator[str]:
        if os.path.isdir(directory):
            for name in sorted(os.listdir(directory)):
                path = os.path.join(directory, name)
                if os.path.isdir(path) or name.endswith(".wit"):
                    yield path

    def _add_directory(self, directory: str) -> PackageSyntax:
        try:
            names = sorted(name for name in os.listdir(directory) if name.endswith(".wit"))
        except OSError as error:
            raise ComponentError(f"cannot open {directory}: {error.strerror}") from None
        if not names:
            raise ComponentError(f"{directory}: there is no .wit file in this directory")
        return self._add_files([os.path.join(directory, name) for name in names], directory)

    def _add_files(self, paths: list[str], where: str) -> PackageSyntax:
        """Add the files of one package; return it."""
        parsed = [(source, parse(source)) for source in map(self._read, paths)]
        package: PackageSyntax | None = None
        for source, file in parsed:
            if file.package is None:
                continue
            if package is None:
                package = PackageSyntax(file.package, source)
            elif str(package.name) != str(file.package):
                message = f"the package is called {file.package} here and {package.name} in {package.source.path}"
                raise WitError(source, file.package.offset, message)
            package.docs = package.docs or file.docs
        nested = [self._add_nested(source, file) for source, file in parsed]
        if package is None:
            packages = [found for of_file in nested for found in of_file]
            if len(packages) == 1 and not any(file.scope.interfaces or file.scope.worlds for _, file in parsed):
                return packages[0]
            raise ComponentError(f"{where}: no file says which package this is: begin one with 'package ns:name;'")
        for source, file in parsed:
            package.add(source, file.scope)
        self._register(package)
        return package

    def _add_nested(self, source: WitSource, file: File) -> list[PackageSyntax]:
        found = []
        for nested in file.nested:
            package = PackageSyntax(nested.name, source)
            package.docs = nested.docs
            package.add(source, nested.scope)
            self._register(package)
            found.append(package)
        return found

    def _register(self, package: PackageSyntax) -> None:
        known = self._packages.setdefault(str(package.name), package)
        if known is not package and known.source.text != package.source.text:
            message = f"the package {package.name} is defined in {known.source.path} too"
            raise WitError(package.source, package.name.offset, message)

    def _read(self, path: str) -> WitSource:
        try:
            data, _ = read_input(path)
        except (OSError, ValueError) as error:
            raise ComponentError(f"cannot open {path}: {reason(error)}") from None
        self.files[path] = data
        try:
            return WitSource(path, data.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ComponentError(f"{path}: the text is not UTF-8 (byte {error.start})") from None
