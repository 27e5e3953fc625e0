"""Log the sections of the output for ``--verbose``: their names, sizes and contents."""

from __future__ import annotations

import re

from ..binary.constants import ExternalKind, SectionId
from ..diagnostics import Diagnostics
from ..linking.plan import Plan
from .encoding import OutputSection
from .sections import data_ranges

_COUNTED = (
    ("Functions", "Function", ExternalKind.FUNCTION),
    ("Globals", "Global", ExternalKind.GLOBAL),
    ("Tags", "Tag", ExternalKind.TAG),
    ("Tables", "Table", ExternalKind.TABLE),
)

_OWN = re.compile(rb"(?:dylink\.0|linking|reloc\..*|name|producers|target_features|build_id)\Z")
"""The custom sections that the linker makes itself."""


def log_sections(plan: Plan, sections: list[OutputSection], diagnostics: Diagnostics) -> None:
    """Log the sections of the module, in order, with their sizes."""
    log = diagnostics.log
    diagnostics.phase("addSections")
    # wasm-ld logs this before the custom sections, of which only dylink.0 comes earlier.
    last_known = max((i for i, section in enumerate(sections) if section.id != SectionId.CUSTOM), default=-1)
    for i, section in enumerate(sections):
        log(f"addSection: {section.label}")
        if i == last_known:
            log("createCustomSections")
        if section.name == b"linking":
            log("createRelocSections")
    imported = plan.spaces.imports.counts
    total = {
        ExternalKind.FUNCTION: plan.spaces.function_count,
        ExternalKind.GLOBAL: plan.spaces.global_count + len(plan.address_globals),
        ExternalKind.TAG: imported[ExternalKind.TAG]
        + sum(map(sum, (file.tag_live for file in plan.spaces.files))),  # bytes of 0 and 1
        ExternalKind.TABLE: imported[ExternalKind.TABLE] + sum(1 for _ in plan.spaces.tables()),
    }
    for plural, _, kind in _COUNTED:
        log(f"Defined {plural:<9}: {total[kind] - imported[kind]}")
    for _, singular, kind in _COUNTED:
        log(f"{f'{singular} Imports':<17}: {imported[kind]}")
    diagnostics.phase("finalizeSections")
    for section in sections:
        if section.id == SectionId.DATA:
            for part in data_ranges(plan):
                name = part.segment.name.decode("utf-8", "backslashreplace")
                address = part.segment.address + part.start
                log(f"Data segment: size={part.end - part.start}, startVA={address:x}, name={name}")
        total_size = len(section.header) + section.size
        log(f"createHeader: {section.label} body={section.size} total={total_size}")
    diagnostics.phase("writeMapFile")


def log_writing(path: str, sections: list[OutputSection], diagnostics: Diagnostics) -> None:
    """Log that the sections, whose offsets are known, are written to a file."""
    log = diagnostics.log
    diagnostics.phase("openFile")
    log(f"writing: {path}")
    diagnostics.phase("writeSections")
    for section in sections:
        size = len(section.header) + section.size
        if section.id == SectionId.CODE:
            log(f"writing {section.label} offset={section.offset} size={size}")
            log(f" headersize={len(section.header)}")
            log(f" codeheadersize={len(section.chunks[0])}")
        elif section.id == SectionId.DATA:
            log(f"writing {section.label} offset={section.offset} size={size} body={section.size}")
        elif section.id == SectionId.CUSTOM and not _OWN.match(section.name):
            log(f"writing {section.label} offset={section.offset} size={size} chunks={len(section.chunks) - 1}")
        else:
            log(f"writing {section.label}")
