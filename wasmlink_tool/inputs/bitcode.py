"""LLVM bitcode, as far as resolution reads it: the symbol table that its writer puts beside the modules.

A file is a stream of blocks. The blocks read here hold blobs: ``STRTAB`` the names, ``SYMTAB`` a table of fixed
little-endian words that refers to them, which LLVM writes so that linkers need not parse the modules.
https://llvm.org/docs/BitCodeFormat.html describes the stream.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from ..binary.constants import BITCODE_MAGIC, BITCODE_WRAPPER_MAGIC, SymbolFlag
from ..binary.reader import FormatError

_IDENTIFICATION_BLOCK: Final = 13
_MODULE_BLOCK: Final = 8
_STRTAB_BLOCK: Final = 23
_SYMTAB_BLOCK: Final = 25
_THIN_LTO_SUMMARY_BLOCK: Final = 20
_ATTRIBUTE_GROUP_BLOCK: Final = 10
_IDENTIFICATION_STRING: Final = 1
_BLOB: Final = 1

# The symbol table's layout; its version is in its first word.
_SYMTAB_VERSION: Final = 3
_HEADER: Final = struct.Struct("<19I")
_COMDAT: Final = struct.Struct("<3I")
_SYMBOL: Final = struct.Struct("<6I")
_SHARING: Final = 16
"""The maximum average number of uses of a name, which bounds memory by the file's size."""
_NO_COMDAT: Final = 0xFFFFFFFF

# Flags of its symbols, by bit; the first two bits are the visibility.
_UNDEFINED: Final = 1 << 3
_WEAK: Final = 1 << 4
_COMMON: Final = 1 << 5
_USED: Final = 1 << 7
_TLS: Final = 1 << 8
_GLOBAL: Final = 1 << 10
_FORMAT_SPECIFIC: Final = 1 << 11
_EXECUTABLE: Final = 1 << 13


class NoSymbolTableError(FormatError):
    """The file has no symbol table, or one with an unknown layout: its modules would have to be parsed."""


class BitcodeSymbol(NamedTuple):
    name: bytes
    flags: int
    """The flags of a symbol table entry (:class:`SymbolFlag`): binding, visibility, undefined, thread-local."""
    comdat: int
    """The index in the file's list of groups, or -1."""
    is_function: bool
    is_used: bool
    """The module requires that it is kept, or code generation may call it."""

    @property
    def is_undefined(self) -> bool:
        return bool(self.flags & SymbolFlag.UNDEFINED)

    @property
    def is_weak(self) -> bool:
        return bool(self.flags & SymbolFlag.BINDING_WEAK)


class BitcodeFile:
    """The symbols of a bitcode file: ``data[start:end]``.

    :raises NoSymbolTableError: it has no readable symbol table.
    :raises FormatError: the file is damaged.
    """

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self.data = data
        self.start = start
        self.end = len(data) if end is None else end
        self.producer = ""
        """The producer of the file: ``LLVM22.1.8``."""
        self.triple = ""
        self.symbols: list[BitcodeSymbol] = []
        """The symbols that take part in the link, in order."""
        self.comdats: list[bytes] = []
        strings, table = self._read_blocks()
        self._read_symbols(strings, table)

    @property
    def contents(self) -> bytes:
        return self.data[self.start : self.end]

    def defined_symbols(self) -> list[bytes]:
        """Return the names that it would add to the symbol table, in order."""
        return [symbol.name for symbol in self.symbols if not symbol.flags & SymbolFlag.UNDEFINED]

    @property
    def architecture(self) -> str:
        """``wasm32``, ``wasm64``, or another."""
        return self.triple.partition("-")[0]

    @property
    def llvm_version(self) -> int:
        """Return the major version of the LLVM that wrote the file; 0 if the file does not have it."""
        match = re.search(r"LLVM(\d{1,4})", self.producer)
        return int(match.group(1)) if match else 0

    @property
    def is_thin(self) -> bool:
        """Return whether it has the summary with which ThinLTO can compile it separately.

        :raises FormatError: the module is damaged.
        """
        for block, stream in blocks(self.data, *_unwrapped(self.data, self.start, self.end)):
            if block == _MODULE_BLOCK:
                for _ in stream.records():
                    pass
                if any(number == _THIN_LTO_SUMMARY_BLOCK for number, _ in stream.nested):
                    return True
        return False

    def target_features(self) -> frozenset[str]:
        """Return the union of the target features of its functions; none if the module does not have them, or is
        damaged."""
        found: set[str] = set()
        try:
            for block, stream in blocks(self.data, *_unwrapped(self.data, self.start, self.end)):
                if block == _MODULE_BLOCK:
                    for _ in stream.records():
                        pass
                    for number, nested in stream.nested:
                        if number == _ATTRIBUTE_GROUP_BLOCK:
                            for _, numbers, _ in nested.records():
                                found.update(_features_in(numbers))
        except FormatError:
            pass
        return frozenset(found)

    def modules(self) -> list[bytes]:
        """Return its modules, each as a separate file; the compiler writes several if only a part has a summary.

        :raises FormatError: the file is damaged.
        """
        start, end = _unwrapped(self.data, self.start, self.end)
        identification = strings = b""
        found = []
        for block, stream in blocks(self.data, start, end):
            contents = stream.block
            if block == _IDENTIFICATION_BLOCK:
                identification = contents
            elif block == _MODULE_BLOCK:
                found.append(identification + contents)
            elif block == _STRTAB_BLOCK:
                strings = contents
        return [BITCODE_MAGIC + module + strings for module in found]

    @property
    def is_position_independent(self) -> bool:
        """Return whether it was compiled as position-independent code, according to the module's flags."""
        return b"PIC Level" in self.contents

    def _read_blocks(self) -> tuple[bytes, bytes]:
        """Read the last string table and the symbol table."""
        strings = table = None
        has_module = False
        for block, stream in blocks(self.data, *_unwrapped(self.data, self.start, self.end)):
            if block == _MODULE_BLOCK:
                has_module = True
            elif block == _IDENTIFICATION_BLOCK and not self.producer:
                for code, numbers, _ in stream.records():
                    if code == _IDENTIFICATION_STRING:
                        self.producer = "".join(map(chr, numbers))
            elif block in (_STRTAB_BLOCK, _SYMTAB_BLOCK):
                for code, _, blob in stream.records():
                    if code == _BLOB and blob is not None:
                        if block == _STRTAB_BLOCK:
                            strings = blob
                        else:
                            table = blob
        if not has_module:
            raise FormatError("Bitcode file does not contain any modules")
        if strings is None or table is None:
            raise NoSymbolTableError("the bitcode file has no symbol table")
        return strings, table

    def _read_symbols(self, strings: bytes, table: bytes) -> None:
        # The table has each name once, except names that several modules of one file share.
        budget = _SHARING * (len(strings) + 1)

        def text(offset: int, size: int) -> bytes:
            nonlocal budget
            budget -= size
            if offset + size > len(strings) or budget < 0:
                raise FormatError("a name is outside of the bitcode file's string table")
            return strings[offset : offset + size]

        def rows(layout: struct.Struct, offset: int, count: int) -> Iterator[tuple[int, ...]]:
            end = offset + count * layout.size
            if end > len(table):
                raise FormatError("the bitcode file's symbol table is truncated")
            return layout.iter_unpack(table[offset:end])

        header = next(rows(_HEADER, 0, 1))
        if header[0] != _SYMTAB_VERSION:
            raise NoSymbolTableError(f"the bitcode file's symbol table has an unknown version: {header[0]}")
        comdats, symbols, triple = header[5:7], header[7:9], header[11:13]
        self.triple = text(*triple).decode("utf-8", "replace")
        self.comdats = [text(offset, size) for offset, size, _ in rows(_COMDAT, *comdats)]
        for name, name_size, _, _, comdat, bits in rows(_SYMBOL, *symbols):
            if not bits & _GLOBAL or bits & _FORMAT_SPECIFIC:
                continue
            if comdat == _NO_COMDAT:
                comdat = -1
            elif comdat >= len(self.comdats):
                raise FormatError("a symbol of the bitcode file is in a group that is not there")
            flags = 0
            if bits & 3:
                # Protected symbols are hidden too: WebAssembly has no such visibility.
                flags |= SymbolFlag.VISIBILITY_HIDDEN if bits & 3 == 1 else 0
            if bits & _WEAK:
                flags |= SymbolFlag.BINDING_WEAK
            if bits & _UNDEFINED:
                flags |= SymbolFlag.UNDEFINED
            if bits & _TLS:
                flags |= SymbolFlag.TLS
            self.symbols.append(
                BitcodeSymbol(
                    text(name, name_size),
                    flags,
                    comdat,
                    bool(bits & _EXECUTABLE),
                    bool(bits & _USED),
                )
            )


def _features_in(group: list[int]) -> set[str]:
    """Yield the target features that a group of attributes enables: the attribute is ``target-features``, with a value
    like ``+atomics,-simd128``; both are zero-terminated strings."""
    text = bytes(number for number in group if number < 0x80)
    _, found, value = text.partition(b"target-features\0")
    words = value.partition(b"\0")[0].decode("ascii").split(",") if found else []
    return {word[1:] for word in words if word.startswith("+")}


def _unwrapped(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Return the start and end of the stream; a wrapper's header has its offset and size."""
    if data[start : start + 4] != BITCODE_WRAPPER_MAGIC:
        return start, end
    if end - start < 20:
        raise FormatError("the bitcode file's wrapper is truncated")
    offset, size = struct.unpack_from("<2I", data, start + 8)
    if offset + size > end - start:
        raise FormatError("the bitcode file's wrapper extends past the end of the file")
    return start + offset, start + offset + size


# The stream of bits

_END_BLOCK: Final = 0
_ENTER_SUBBLOCK: Final = 1
_DEFINE_ABBREVIATION: Final = 2
_UNABBREVIATED: Final = 3
_FIXED, _VBR, _ARRAY, _CHAR6, _BLOB_OPERAND = 1, 2, 3, 4, 5
_CHAR6_LETTERS: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._"

_Operand = tuple[int, int]
"""An operand's encoding and its width in bits; (0, value) is a literal."""


def blocks(data: bytes, start: int, end: int) -> Iterator[tuple[int, _Stream]]:
    """Yield the top-level blocks: number, and a stream at the block's contents."""
    if data[start : start + 4] != BITCODE_MAGIC:
        raise FormatError("Invalid bitcode signature")
    pos = start + 4
    # Blocks are aligned to whole words. After the last there is padding, as in archives.
    while end - pos >= 8:
        stream = _Stream(data, pos, end, 2)
        if stream.fixed(2) != _ENTER_SUBBLOCK:
            if not data[pos:end].strip(b"\0\n"):
                return
            raise FormatError("malformed bitcode: a block was expected")
        number = stream.vbr(8)
        width = stream.vbr(4)
        stream.align()
        size = stream.fixed(32) * 4
        contents = stream.position
        if not 2 <= width <= 32 or size > end - contents:
            raise FormatError("malformed bitcode: a block is truncated")
        yield number, _Stream(data, contents, contents + size, width)
        pos = contents + size


class _Stream:
    """A cursor over bits, the least significant of each byte first."""

    def __init__(self, data: bytes, start: int, end: int, width: int) -> None:
        self._data = data
        self._origin = start
        self._stop = end
        self._end = (end - start) * 8
        self._pos = 0
        self._width = width
        """The width of abbreviation numbers, in bits."""
        self._abbreviations: list[list[_Operand]] = []
        self.nested: list[tuple[int, _Stream]] = []
        """The blocks that were skipped: number, and a stream of the contents."""

    @property
    def block(self) -> bytes:
        """Return the whole block that the stream started in."""
        # It is preceded by two words, with the block's number and its size.
        return self._data[self._origin - 8 : self._origin + self._end // 8]

    @property
    def position(self) -> int:
        """The position in bytes."""
        return self._origin + self._pos // 8

    def fixed(self, width: int) -> int:
        """Read a number of ``width`` bits."""
        pos = self._pos
        after = pos + width
        if after > self._end:
            raise FormatError("malformed bitcode: unexpected end of a block")
        self._pos = after
        first = self._origin + (pos >> 3)
        last = self._origin + ((after + 7) >> 3)
        return (int.from_bytes(self._data[first:last], "little") >> (pos & 7)) & ((1 << width) - 1)

    def vbr(self, width: int) -> int:
        """Read a number in groups of ``width`` bits, whose highest bit marks that another follows."""
        more = 1 << (width - 1)
        result = shift = 0
        while True:
            piece = self.fixed(width)
            result |= (piece & (more - 1)) << shift
            if not piece & more:
                return result
            shift += width - 1
            if shift > 64:
                raise FormatError("malformed bitcode: a number is too long")

    def align(self) -> None:
        self._pos = -(-self._pos // 32) * 32

    def records(self) -> Iterator[tuple[int, list[int], bytes | None]]:
        """Yield the records of a block up to its end: code, numbers, blob. Nested blocks are skipped."""
        while self._end - self._pos >= self._width:
            number = self.fixed(self._width)
            if number == _END_BLOCK:
                return
            if number == _ENTER_SUBBLOCK:
                block = self.vbr(8)
                width = self.vbr(4)
                self.align()
                size = self.fixed(32) * 4
                start = self.position
                self.nested.append((block, _Stream(self._data, start, min(start + size, self._stop), width)))
                self._pos += size * 8
            elif number == _DEFINE_ABBREVIATION:
                self._abbreviations.append(self._abbreviation())
            elif number == _UNABBREVIATED:
                code = self.vbr(6)
                yield code, [self.vbr(6) for _ in range(self._count(self.vbr(6), 6))], None
            elif number - 4 < len(self._abbreviations):
                yield self._record(self._abbreviations[number - 4])
            else:
                raise FormatError("malformed bitcode: an abbreviation that is not defined")

    def _count(self, count: int, width: int) -> int:
        """Read a length, and check it against the remaining data."""
        if count * width > self._end - self._pos:
            raise FormatError("malformed bitcode: a record is truncated")
        return count

    def _abbreviation(self) -> list[_Operand]:
        operands: list[_Operand] = []
        for _ in range(self.vbr(5)):
            if self.fixed(1):
                operands.append((0, self.vbr(8)))
                continue
            encoding = self.fixed(3)
            width = self.vbr(5) if encoding in (_FIXED, _VBR) else 6 if encoding == _CHAR6 else 0
            if not _FIXED <= encoding <= _BLOB_OPERAND or width > 64 or (encoding == _VBR and width == 1):
                raise FormatError("malformed bitcode: an unknown encoding")
            operands.append((encoding, width))
        return operands

    def _record(self, operands: list[_Operand]) -> tuple[int, list[int], bytes | None]:
        numbers: list[int] = []
        blob = None
        following = iter(operands)
        for encoding, width in following:
            if encoding == _ARRAY:
                element = next(following, None)
                if element is None or element[0] in (_ARRAY, _BLOB_OPERAND):
                    raise FormatError("malformed bitcode: an array without elements")
                count = self.vbr(6)
                numbers += [self._number(*element) for _ in range(self._count(count, max(1, element[1])))]
            elif encoding == _BLOB_OPERAND:
                size = self.vbr(6)
                self.align()
                self._count(size, 8)
                first = self.position
                blob = self._data[first : first + size]
                self._pos += size * 8
                self.align()
            else:
                numbers.append(self._number(encoding, width))
        if not numbers:
            raise FormatError("malformed bitcode: a record without a code")
        return numbers[0], numbers[1:], blob

    def _number(self, encoding: int, width: int) -> int:
        if encoding == 0:
            return width
        if encoding == _FIXED:
            return self.fixed(width)
        if encoding == _CHAR6:
            return _CHAR6_LETTERS[self.fixed(6)]
        return self.vbr(width) if width else 0
