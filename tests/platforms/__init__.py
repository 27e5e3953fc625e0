"""Systems that are not at hand: Windows, as far as its differences can be played on a POSIX system."""
