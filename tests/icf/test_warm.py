"""A link from the last link's state folds as a clean link does, and writes the same bytes."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.icf.test_behaviour import Generator
from tests.support.toolchain import compile_object
from wasmlink_tool.inputs import parse_cache
from wasmlink_tool.linker import link
from wasmlink_tool.options import IcfLevel, LinkOptions


class Project:
    """Objects in a directory, linked with and without a cache."""

    def __init__(self, work: Path, objects: Path, level: IcfLevel, flags: str) -> None:
        self.work = work
        self.objects = objects
        self.level = level
        self.flags = flags
        self.folds: set[str] = set()
        """The reports of the links, joined."""

    def link(self, sources: dict[str, str], *, cached: bool) -> tuple[bytes, str]:
        paths = []
        for name, text in sources.items():
            path = (self.work / name).with_suffix(".o")
            contents = compile_object(text.replace("// flags:", f"// flags: {self.flags}"), ".c", self.objects)
            if not path.exists() or path.read_bytes() != contents:
                path.write_bytes(contents)
            paths.append(str(path))
        report = self.work / "report.json"
        options = LinkOptions(
            inputs=paths,
            output=None,
            entry=None,
            exports=["run", "compare"],
            icf=self.level,
            print_icf_sections=not cached,
            cache_directory=str(self.work / "cache") if cached else None,
            time_report=str(report),
        )
        result = link(options)
        if not cached:
            self.folds.add("\n".join(entry.text for entry in result.diagnostics))
        return result.module, json.loads(report.read_text()).get("last_link", "")


@pytest.mark.parametrize("flags", ["-g", "-gdwarf-5"])
@pytest.mark.parametrize("level", [IcfLevel.SAFE, IcfLevel.ALL])
def test_links_after_edits_are_clean_links(level: IcfLevel, flags: str, tmp_path: Path, objects: Path) -> None:
    project = Project(tmp_path, objects, level, flags)
    choice = random.Random(7)
    generator = Generator(4)
    generator.program()

    def sources() -> dict[str, str]:
        """The units, as the functions are now."""
        return {f"u{unit}.c": generator.unit(unit) for unit in range(3)}

    project.link(sources(), cached=True)
    before = list(generator.bodies)
    for _ in range(8):
        edit = choice.randrange(3)
        place = choice.randrange(len(generator.bodies))
        name, body, home = generator.bodies[place]
        if edit == 0:
            # It is like no other one now.
            generator.bodies[place] = name, f"a += 77; {body}", home
        elif edit == 1:
            # It moves to another object, and with it what it stays for or what stays for it.
            generator.bodies[place] = name, body, (home + 1) % 3
        else:
            generator.bodies = list(before)
        parse_cache.forget()
        warm, how = project.link(sources(), cached=True)
        clean, _ = project.link(sources(), cached=False)
        assert warm == clean, how
        assert how.startswith("decided again"), how
    assert len(project.folds) > 3
