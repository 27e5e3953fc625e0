"""The implicit dependencies of a link: the files and members that it would use, found by resolving symbols as the link
does.

A module depends on its sources, on the files that its options name, on the members that it extracts from archives, and
on the linker. Archives are built before it, but otherwise count only by their extracted members.

SCons scans before anything is built, and again when a dependency of the module was built. The first scan may see files
of an earlier build; archives that cannot be resolved yet count whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import SCons.Node
import SCons.Node.FS
import SCons.Scanner

from . import dependency_nodes
from .link import PROGRAM, input_word, libraries, link_inputs, options, placed
from .scan_cache import Finding, memory_of

_ARCHIVE_SUFFIXES = (".a", ".lib")


def scanner() -> Any:
    """Return the target scanner of a builder of modules."""
    # Without a node class SCons would look for files of the nodes' names.
    return SCons.Scanner.ScannerBase(scan, "WasmLinkScanner", node_class=None)


def ignore_archives(target: list[Any], source: list[Any], env: Any) -> tuple[list[Any], list[Any]]:
    """Ignore archives among the sources: like libraries, they count by the members that are linked; an emitter."""
    suffixes = (*_ARCHIVE_SUFFIXES, env.subst("$WASMLIBSUFFIX"))
    archives = [node for node in source if str(node).endswith(suffixes)]
    for node in target:
        node.add_ignore(archives)
    return target, source


def scan(node: Any, env: Any, path: tuple[Any, ...] = ()) -> list[Any]:
    """Return what ``node`` depends on besides its sources."""
    executor = node.get_executor()
    targets = executor.get_all_targets()
    if node is not targets[0]:
        # All targets of a link share the result for the first.
        return []
    with placed(node):
        return _Scan(targets, executor.get_all_sources(), env).dependencies()


class _Scan:
    """The scan of one link."""

    def __init__(self, targets: list[Any], sources: list[Any], env: Any) -> None:
        self.env = env
        self.target = targets[0]
        self.sources = sources
        inputs = link_inputs(self.target, env)
        flags = options(targets, sources, env, inputs)
        files = [input_word(node) for node in sources]
        self.words = [*flags, *inputs.start_files, *files, *libraries(targets, env, inputs)]
        self.libraries = inputs.nodes(env)
        self.component_nodes = inputs.component_nodes()
        self.named = list(_named(flags, env))
        self.known = {input_word(node): node for node in (*self.named, *self.libraries)}
        self.known.update(zip(files, sources))
        """Maps each file that the link is known to read to its node."""

    def dependencies(self) -> list[Any]:
        if self.env.get("GENERATING_NINJA"):
            # Ninja knows files only, and hands a target that depends on anything else back to SCons.
            return self.without_sources([*self.named, *self.libraries, *self.component_nodes])
        finding = None if self.env.GetOption("clean") or self.is_being_built() else self.find()
        found = self.unresolved() if finding is None else self.resolved(finding)
        return [*found, *self.component_nodes]

    def is_being_built(self) -> bool:
        """Return whether a file is being written now. The module waits for it, and is scanned again."""
        return any(node.get_state() == SCons.Node.executing for node in self.known.values())

    def find(self) -> Finding | None:
        """Return what the link reads and extracts; ``None`` if the present files do not determine it."""
        key = "\0".join(self.words)
        memory = memory_of(self.env)
        finding = memory.find(key, self.signature)
        if finding is None:
            finding = self.resolve()
            if finding is not None:
                memory.add(key, finding)
        return finding

    def resolve(self) -> Finding | None:
        # A build in which nothing has changed does not need them.
        from .run_link import extract
        from .workers import interrupted

        try:
            found = extract(PROGRAM, ["-o", str(self.target), *self.words])
        except KeyboardInterrupt:
            # SCons ends here; with -Q it prints nothing.
            interrupted(PROGRAM).show()
            return None
        if not found:
            return None
        read = dict.fromkeys((*map(str, self.named), *found["files"]))
        indirect = {*found["archives"], *found["unlinked"]}
        return Finding(
            files={**{path: self.signature(path) for path in read}, **dict.fromkeys(found["absent"])},
            direct=[path for path in read if path not in indirect],
            indirect=[path for path in read if path in indirect],
            members=[
                (member["archive"], member["name"], member["occurrence"], member["digest"])
                for member in found["members"]
            ],
            interfaces=found["interfaces"],
            order=found["order"],
        )

    def resolved(self, finding: Finding) -> list[Any]:
        ignored = set(self.target.ignore or ()) - set(self.sources)
        found = [dependency_nodes.linker()]
        found += map(self.node, finding.direct)
        for path, name, occurrence, digest in finding.members:
            archive = self.node(path)
            # An Ignore() of a library applies to its members.
            if archive not in ignored:
                found.append(dependency_nodes.archive_member(archive, name, occurrence, digest))
        found.append(
            dependency_nodes.libraries(self.target, [self.node(path) for path in finding.indirect], finding.order)
        )
        return self.without_sources(found)

    def unresolved(self) -> list[Any]:
        """Return all files that are known to be read."""
        waiting = [node for node in (*self.sources, *self.libraries) if node in (self.target.ignore_set or ())]
        found = [
            dependency_nodes.linker(),
            *self.named,
            *self.libraries,
            dependency_nodes.libraries(self.target, waiting, ""),
        ]
        return self.without_sources(found)

    def without_sources(self, nodes: Iterable[Any]) -> list[Any]:
        sources = set(self.sources)
        return [node for node in nodes if node not in sources]

    def node(self, path: str) -> Any:
        return self.known.get(path) or self.env.fs.Top.File(path)

    def signature(self, path: str) -> str | None:
        """Return the content signature of a file; ``None`` if it does not exist."""
        node = self.known.get(path)
        if node is None:
            if not os.path.exists(path):
                return None
            node = self.env.fs.Top.File(path)
        elif not node.rexists():
            return None
        return str(node.get_csig())


def _named(flags: list[str], env: Any) -> Iterator[Any]:
    """Return the nodes of the inputs that the options name, if they exist or will be built."""
    if not flags:
        return
    from .flags import named_inputs

    named = named_inputs(flags)
    for path in named.files:
        node = env.fs.Top.File(path)
        if node.is_derived() or os.path.exists(path):
            yield node
    directories = [env.fs.Top.Dir(path) for path in named.directories]
    for name in named.libraries:
        node = SCons.Node.FS.find_file(name[1:] if name.startswith(":") else f"lib{name}.a", directories)
        if node is not None:
            yield node
