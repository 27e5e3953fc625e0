"""The columns of the command's table of options."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SUPPORTED = "supported"
LATER = "not supported yet"
NO_EFFECT = "accepted, no effect"


class Option:
    """One option: its identity, its forms, and its description."""

    __slots__ = ("forms", "help", "is_presentation", "name", "note", "ours", "status")

    def __init__(
        self,
        name: str,
        forms: str,
        help: str,
        status: str = SUPPORTED,
        note: str = "",
        *,
        ours: bool = False,
        is_presentation: bool = False,
    ) -> None:
        self.name = name
        """The long name without dashes, with which arguments are looked up."""
        self.forms = forms
        self.help = help
        self.status = status
        self.note = note
        """For the documentation: limits of a supported option, or the reason why an option has no effect."""
        self.ours = ours
        """wasm-ld does not have this option."""
        self.is_presentation = is_presentation
        """It affects how the command reads its arguments or prints, not what is linked."""


def one_of(values: Iterable[str]) -> tuple[str, ...]:
    """Return the line under the error about a value that is not one of these."""
    return (f"expected one of {', '.join(values)}",)
