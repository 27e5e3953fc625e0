"""What a link can write beside the module: map, reasons for extraction, dependency file."""

from __future__ import annotations

from ..diagnostics import Diagnostics
from ..inputs.files import InputFiles
from ..link.plan import Plan
from ..options import LinkOptions
from .encoding import OutputSection


def write_reports(
    plan: Plan, sections: list[OutputSection], options: LinkOptions, files: InputFiles, diagnostics: Diagnostics
) -> None:
    """Write what the options ask for."""
