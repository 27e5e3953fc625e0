"""What a row of the command's table of options is."""

from __future__ import annotations

SUPPORTED = "supported"
LATER = "not supported yet"
NO_EFFECT = "accepted, no effect"


class Option:
    """One option: its identity, its forms, and what there is to say about it."""

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
        """The long name without dashes, by which the arguments are asked for."""
        self.forms = forms
        self.help = help
        self.status = status
        self.note = note
        """For the documentation: limits of a supported option, why another has no effect."""
        self.ours = ours
        """wasm-ld has no such option."""
        self.is_presentation = is_presentation
        """It changes how the command reads its arguments or prints, not what is linked."""
