"""Reading the files that a link names: which file an input is, what kind it has, which members an archive holds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from ..binary.constants import BITCODE_MAGIC, BITCODE_WRAPPER_MAGIC, MAGIC
from ..binary.reader import FormatError
from ..diagnostics import Diagnostics, FatalError
from ..files import read_input
from ..options import Input
from . import archive, shared_library, stub_library
from .archive import Member
from .known_files import ARCHIVE, OBJECT, KnownFile, UnreadFile
from .object_file import ObjectFile, is_wasm
from .object_reader import read_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .bitcode import BitcodeFile
    from .parse_cache import ParseCache, ParsedObjects

_RUST_METADATA: Final = b"rust\0\0\0"
"""What describes a crate to the compiler: libraries of Rust have a member that begins so. Nothing is wrong with it, and
rustc asks for warnings to be errors."""

_SEARCHED: Final = 20
"""How many directories an error lists."""

AddSymbolTable = Callable[[str, bytes], bytes]
"""From the name and contents of a bitcode file that has no symbol table to the same modules with one."""


def is_bitcode(data: bytes, start: int = 0) -> bool:
    """Whether LLVM bitcode starts at ``start``."""
    return data[start : start + 4] in (BITCODE_MAGIC, BITCODE_WRAPPER_MAGIC)


class ObjectSource:
    """An object, or a member of an archive, that is parsed when it is linked and not before.

    ``in_archive`` objects are linked only
    when something needs them unless they came with ``--whole-archive``; ``lazy`` tells.
    """

    __slots__ = (
        "_add_symbol_table",
        "_bitcode",
        "_cache",
        "_data",
        "archive",
        "eager",
        "end",
        "is_generated",
        "key",
        "known_symbols",
        "lazy",
        "member",
        "offset",
        "start",
    )

    def __init__(
        self,
        data: bytes | UnreadFile,
        start: int,
        end: int,
        path: str,
        *,
        key: str = "",
        archive_path: str = "",
        offset: int = 0,
        lazy: bool = False,
        symbols: list[bytes] | None = None,
        cache: ParsedObjects | None = None,
        is_generated: bool = False,
        add_symbol_table: AddSymbolTable | None = None,
    ) -> None:
        self._data = data
        self.key = key
        """The name in the cache of what an unchanged file holds; empty where it is not known."""
        self.start = start
        self.end = end
        self.archive = archive_path
        self.member = path
        self.offset = offset
        """Of a member's header in its archive."""
        self.lazy = lazy
        self.eager = not lazy
        """Whether its constructors run although nothing else of it is live."""
        self.known_symbols = symbols
        """What it would define, where that was read already."""
        self.is_generated = is_generated
        """It is what link-time optimisation made."""
        self._cache = cache
        self._add_symbol_table = add_symbol_table
        self._bitcode: BitcodeFile | None = None

    @property
    def data(self) -> bytes:
        return self._data.contents() if isinstance(self._data, UnreadFile) else self._data

    @property
    def name(self) -> str:
        """What a diagnostic calls it: a path, or ``libfoo.a(member.o)``. Most members of an archive are never named."""
        return f"{self.archive}({self.member})" if self.archive else self.member

    @property
    def is_bitcode(self) -> bool:
        """Whether it is LLVM bitcode, to be parsed by :meth:`parse_bitcode`."""
        return not self.key and is_bitcode(self.data, self.start)

    def parse_bitcode(self) -> BitcodeFile:
        """:raises FatalError: the file is damaged."""
        from .bitcode import BitcodeFile, NoSymbolTableError

        if self._bitcode is None:
            try:
                try:
                    self._bitcode = BitcodeFile(self.data, self.start, self.end)
                except NoSymbolTableError:
                    if self._add_symbol_table is None:
                        raise
                    self._bitcode = BitcodeFile(self._add_symbol_table(self.name, self.data[self.start : self.end]))
            except FormatError as error:
                raise FatalError(f"{self.name}: {error}") from None
        return self._bitcode

    def parse(self) -> ObjectFile:
        """:raises FatalError: the object is damaged."""
        try:
            if self._cache is not None:
                known = self._cache.find(self.key, self._data, self.start, self.end) if self.key else None
                return known or self._cache.parse(self.data, self.start, self.end)
            return read_object(self.data, self.start, self.end)
        except FormatError as error:
            raise FatalError(f"{self.name}: {error}", self._kind()) from None

    def _kind(self) -> tuple[str, ...]:
        """The line under an error where the input is WebAssembly of a kind that is not linked."""
        from .foreign import describe_wasm

        kind = describe_wasm(self.data, self.start, self.end)
        return (kind,) if kind else ()

    def defined_symbols(self) -> list[bytes]:
        """The names that this object would define if it were linked.

        :raises FatalError: the object is damaged.
        """
        if self.known_symbols is not None:
            return self.known_symbols
        if self.is_bitcode:
            self.known_symbols = self.parse_bitcode().defined_symbols()
            return self.known_symbols
        try:
            self.known_symbols = archive.defined_symbols(self.data, self.start, self.end)
            return self.known_symbols
        except FormatError as error:
            raise FatalError(f"{self.name}: {error}") from None


class InputFiles:
    """Opens what the options name. ``read`` lists every file that was read, in order, each once, with what the
    file system said of it."""

    def __init__(
        self,
        diagnostics: Diagnostics,
        library_paths: tuple[str, ...],
        cache: ParseCache | None = None,
        on_read: Callable[[str, bytes], None] | None = None,
        add_symbol_table: AddSymbolTable | None = None,
        known: Mapping[str, KnownFile] | None = None,
    ) -> None:
        """:param known: files that need not be read, by path."""
        self.diagnostics = diagnostics
        self._known = known or {}
        self.library_paths = library_paths
        self._on_read = on_read
        self._cache = cache
        self._add_symbol_table = add_symbol_table
        self._parsed = cache.new_link() if cache is not None else None
        self.opened = time.time_ns()
        """No file was read before."""
        self.read: dict[str, os.stat_result] = {}
        self.archive_keys: dict[str, str] = {}
        """The names in the cache of what is in archives."""
        self.thin_members: set[str] = set()
        """The files that are members of thin archives."""
        self.input_paths: list[str] = []
        """The file of each input, libraries found."""
        self.allowed_undefined: set[bytes] = set()
        """What ``--allow-undefined-file`` and the ``.imports`` files beside archives list."""
        self.stubs: list[stub_library.StubLibrary] = []

    def contents(self, path: str, archive_path: str = "", *, is_list: bool = False) -> bytes | None:
        """The bytes of a file, or ``None`` after an error was reported.

        :param archive_path: the thin archive that names it.
        :param is_list: it is text, and no input.
        """
        try:
            data, status = read_input(path, _is_known if not is_list else None)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            what = f"{archive_path}: {archive.NO_MEMBER}: '{path}'" if archive_path else f"cannot open {path}"
            self.diagnostics.error(f"{what}: {reason}")
            return None
        self.read[path] = status
        if archive_path:
            self.thin_members.add(path)
        if self._on_read is not None:
            self._on_read(path, data)
        return data

    def find_library(self, name: str, *, dynamic: bool = False) -> str | None:
        """``-lname`` on the library path: ``libname.a``, with ``dynamic`` after ``libname.so`` in each directory;
        ``-l:name``: the file ``name``."""
        files = [name[1:]] if name.startswith(":") else [f"lib{name}.so"] * dynamic + [f"lib{name}.a"]
        for directory in self.library_paths:
            for file in files:
                path = os.path.join(directory, file)
                if os.path.exists(path):
                    return path
        return None

    def _searched(self, name: str) -> tuple[str, ...]:
        """The lines under the error about a library that is not found: where it was looked for."""
        if not self.library_paths:
            return ("no directory was searched: name one with -L",)
        lines = []
        for directory in self.library_paths[:_SEARCHED]:
            missing = "" if os.path.isdir(directory) else " (there is no such directory)"
            lines.append(f"searched {directory}{missing}")
            for suffix in (".so", ".dylib", ".wasm.a", ".lib"):
                path = os.path.join(directory, f"lib{name}{suffix}")
                if os.path.exists(path):
                    lines.append(f"found {path}, which -l{name} does not mean here: name the file")
        if len(self.library_paths) > _SEARCHED:
            lines.append(f"searched {len(self.library_paths) - _SEARCHED} more")
        return tuple(lines)

    def read_undefined_list(self, path: str) -> None:
        """A file of symbols that may stay undefined, one a line; ``#`` starts a comment line."""
        data = self.contents(path, is_list=True)
        if data is not None:
            lines = (line.strip() for line in data.split(b"\n"))
            self.allowed_undefined.update(line for line in lines if line and not line.startswith(b"#"))

    def sources(self, inputs: Sequence[Input]) -> Iterator[ObjectSource | shared_library.SharedLibrary]:
        """The objects that the inputs are or hold, in command-line order. Errors are reported, and the rest goes on."""
        for item in inputs:
            path = item.path
            if item.library:
                found = self.find_library(item.path, dynamic=item.shared)
                if found is None:
                    self.diagnostics.error(f"unable to find library -l{item.path}", self._searched(item.path))
                    continue
                path = found
            self.input_paths.append(path)
            self.diagnostics.file = path
            self.diagnostics.log(f"Loading: {path}")
            taken = self._known_sources(path, item)
            if taken is not None:
                yield from taken
                continue
            data = self.contents(path)
            if data is None:
                continue
            if archive.is_archive(data):
                try:
                    yield from self._archive_sources(data, path, item)
                except FormatError as error:
                    self.diagnostics.error(f"{path}: {error}")
            elif is_wasm(data) and shared_library.is_shared_library(data):
                yield from self._shared_library(data, path, item)
            elif is_wasm(data) or is_bitcode(data):
                yield ObjectSource(
                    data,
                    0,
                    len(data),
                    path,
                    lazy=item.lazy,
                    cache=self._parsed,
                    add_symbol_table=self._add_symbol_table,
                )
            elif data.startswith(stub_library.MAGIC):
                self.stubs.append(stub_library.StubLibrary(path, data))
            else:
                self.diagnostics.error(f"unknown file type: {path}", (_describe(data, 0, len(data)),))

    def _known_sources(self, path: str, item: Input) -> list[ObjectSource] | None:
        """The objects of an input that need not be read; ``None`` where it must be."""
        known = self._known.get(path)
        if known is None or self._cache is None or known.kind not in (OBJECT, ARCHIVE):
            return None
        size = known.file.status.st_size
        if known.kind == OBJECT:
            self.read[path] = known.file.status
            return [ObjectSource(known.file, 0, size, path, key=known.key, lazy=item.lazy, cache=self._parsed)]
        index = None if item.whole_archive else self._cache.known_index(known.key, size)
        if index is None or any(symbols is None for _, _, _, symbols in index):
            # Members that are no objects are looked at, for what they may be.
            return None
        self.read[path] = known.file.status
        self.archive_keys[path] = known.key
        self._read_imports(path)
        return [
            ObjectSource(
                known.file,
                start,
                end,
                name,
                key=known.members.get(start, ""),
                archive_path=path,
                offset=start - archive.HEADER_SIZE,
                lazy=True,
                symbols=symbols,
                cache=self._parsed,
                add_symbol_table=self._add_symbol_table,
            )
            for name, start, end, symbols in index
        ]

    def _read_imports(self, path: str) -> None:
        """Read the list of what may stay undefined beside an archive, where there is one."""
        imports = os.path.splitext(path)[0] + ".imports"
        if os.path.exists(imports):
            self.read_undefined_list(imports)

    def _shared_library(self, data: bytes, path: str, item: Input) -> Iterator[shared_library.SharedLibrary]:
        if not item.shared:
            self.diagnostics.error(f"attempted static link of dynamic object {path}")
            return
        try:
            yield shared_library.SharedLibrary(path, data)
        except FormatError as error:
            self.diagnostics.error(f"{path}: {error}")

    def _members(self, data: bytes, path: str, item: Input) -> Iterator[tuple[Member, list[bytes] | None]]:
        """The members of an archive, with the symbols that each defines where the cache knows them."""
        if self._cache is None or item.whole_archive or data.startswith(archive.THIN_MAGIC):
            for member in archive.members(data, path):
                yield member, None
            return
        key, index = self._cache.load_index(data)
        self.archive_keys[path] = key
        if index is None:
            index = []
            for member in archive.members(data, path):
                symbols = None
                if is_wasm(data, member.start):
                    try:
                        symbols = archive.defined_symbols(data, member.start, member.end)
                    except FormatError:
                        # Whoever needs the member says what is wrong with it.
                        symbols = None
                index.append((member.name, member.start, member.end, symbols))
            self._cache.add_index(key, index)
        for name, start, end, symbols in index:
            yield Member(name, start, end, None, start - archive.HEADER_SIZE), symbols

    def object_keys(self) -> dict[int, str]:
        """The names in the cache of what was parsed, by the identity of the object."""
        return self._parsed.keys() if self._parsed is not None else {}

    def save_parsed(self) -> None:
        """Put what was parsed into the cache."""
        if self._parsed is not None:
            self._parsed.save()

    def _archive_sources(self, data: bytes, path: str, item: Input) -> Iterator[ObjectSource]:
        self._read_imports(path)
        thin: dict[str, bytes] = {}
        # A damaged archive gives nothing, and no warnings either.
        for member, symbols in list(self._members(data, path, item)):
            start, end, contents = member.start, member.end, data
            if member.path is not None:
                # Many members may be one file.
                read = thin.get(member.path)
                if read is None:
                    read = self.contents(member.path, path)
                if read is None:
                    continue
                thin[member.path] = read
                start, end, contents = 0, len(read), read
            magic = contents[start : min(start + 4, end)]
            if magic == MAGIC or is_bitcode(magic):
                yield ObjectSource(
                    contents,
                    start,
                    end,
                    member.name,
                    archive_path=path,
                    offset=member.offset,
                    lazy=not item.whole_archive,
                    symbols=symbols,
                    cache=self._parsed,
                    add_symbol_table=self._add_symbol_table,
                )
            elif item.whole_archive:
                self.diagnostics.error(
                    "The file was not recognized as a valid object file",
                    (f"member {member.name} of {path}", _describe(contents, start, end)),
                )
            elif not contents.startswith(_RUST_METADATA, start):
                self.diagnostics.warn(
                    f"{path}: archive member '{member.name}' is neither Wasm object file nor LLVM bitcode",
                    (_describe(contents, start, end),),
                )


def _is_known(data: bytes) -> bool:
    """Return whether a file that begins so may be an input."""
    return is_wasm(data) or is_bitcode(data) or archive.is_archive(data) or data.startswith(stub_library.MAGIC)


def _describe(data: bytes, start: int, end: int) -> str:
    from .foreign import describe

    return describe(data, start, end)
