"""Nodes for dependencies of a module that are not files: archive members, the libraries' decisions, the linker.

They are SCons Values, so that its signature file can be read without this tool: the nodes that SCons makes from stored
names become nodes of these classes. Their signatures are computed on demand, and never taken from an earlier build.
"""

from __future__ import annotations

from typing import Any, TypeVar

import SCons.Node
import SCons.Node.FS
import SCons.Node.Python
from SCons.Util.hashes import hash_collect

from ..identity import linker_identity


class _Dependency(SCons.Node.Python.Value):
    attributes: Any
    depends: list[Any]
    depends_set: set[Any]

    def signature(self) -> str:
        raise NotImplementedError

    def get_csig(self) -> str:
        csig = self.get_ninfo().csig = self.signature()
        return csig

    def waits_for(self, nodes: list[Any]) -> None:
        """Make SCons build these nodes before the targets that depend on this one."""
        if nodes != self.depends:
            if not self.depends_set.issuperset(nodes):
                # SCons visited the node before: it must visit the new children as well.
                self.set_state(SCons.Node.no_state)
            self.depends, self.depends_set = nodes, set(nodes)
            self._children_reset()


class ArchiveMember(_Dependency):
    """A member of an archive, with the signature of its content. It is built by building the archive."""

    def signature(self) -> str:
        archive, name, occurrence = self.attributes.wasm_member
        file = archive.rfile()
        key = (str(file), archive.get_csig(), name, occurrence)
        digest = _digests.get(key)
        if digest is None:
            # Not the digest of the scan: the archive was written since.
            from ..extraction import member_digest

            digest = _digests[key] = member_digest(str(file), name, occurrence)
        return digest


class Libraries(_Dependency):
    """The libraries' effect on a link besides the extracted members. It waits for all of them."""

    def signature(self) -> str:
        order: str = self.attributes.wasm_order
        return order or hash_collect([node.get_csig() for node in self.depends])

    def visited(self) -> None:
        super().visited()
        if any(node.get_state() == SCons.Node.executed for node in self.depends):
            # Have the nodes that wait for this one scanned again, as after the build of a child; with --implicit-cache
            # too, which otherwise keeps the stored dependencies as long as nothing changed.
            self.attributes.wasm_order = ""
            for parent in self.waiting_parents:
                for peer in (parent, *getattr(parent, "target_peers", ())):
                    peer.implicit = None

    def clear(self) -> None:
        super().clear()
        self.attributes.wasm_order = ""


class Linker(_Dependency):
    """The linker itself: its version and its source."""

    def signature(self) -> str:
        return linker_identity()


class Module(SCons.Node.FS.File):
    """A target of a link.

    With ``--implicit-deps-unchanged`` SCons uses the stored dependencies, and takes their signatures from the stored
    names. The nodes here get theirs from a scan: it takes place in any case, and costs nothing while nothing changes.
    """

    __slots__ = ()

    def get_stored_implicit(self) -> Any:
        return None if SCons.Node.implicit_deps_unchanged else super().get_stored_implicit()


def always_scan(target: list[Any], source: list[Any], env: Any) -> tuple[list[Any], list[Any]]:
    """Make the targets of a link nodes of :class:`Module`; an emitter."""
    for node in target:
        if type(node) is SCons.Node.FS.File:
            node.__class__ = Module
    return target, source


_digests: dict[tuple[str, str, str, int], str] = {}
"""Maps (archive, its content signature, member, occurrence) to the digest of a member that need not be read again."""

_N = TypeVar("_N", bound=_Dependency)


def _node(kind: type[_N], name: str) -> _N:
    node = SCons.Node.Python.ValueWithMemo(name)
    if type(node) is not kind:
        node.__class__ = kind
        node.ninfo = node.new_ninfo()
    return node  # type: ignore[no-any-return]


def archive_member(archive: Any, name: str, occurrence: int, digest: str) -> ArchiveMember:
    """Return the node of an archive's member, shown as ``libfoo.a(used.o)``. ``digest`` is the member's in the present
    archive."""
    again = f", {occurrence + 1}" if occurrence else ""
    node = _node(ArchiveMember, f"{archive}({name}{again})")
    node.attributes.wasm_member = (archive, name, occurrence)
    _digests[str(archive.rfile()), archive.get_csig(), name, occurrence] = digest
    node.waits_for([archive])
    return node


def libraries(target: Any, files: list[Any], order: str) -> Libraries:
    """Return the node of the libraries' decisions in the link of ``target``, once ``files`` are built. Without
    ``order``, which a scan computes, its signature is the contents of all files."""
    node = _node(Libraries, f"libraries of {target}")
    node.attributes.wasm_order = order
    node.waits_for(files)
    return node


def linker() -> Linker:
    """Return the node of the linker."""
    return _node(Linker, "wasmlink")
