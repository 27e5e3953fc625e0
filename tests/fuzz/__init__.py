"""The project's fuzzer: inputs that are damaged with knowledge of their formats, linked in guarded child processes.

``python -m tests.fuzz --links 1000000`` runs as many links as are asked for; CI runs a small number of them
(``tests/fuzz/test_fuzz.py``).

A *trial* is a directory of files and a command line (:mod:`.trials`), made from a corpus of whole inputs
(:mod:`.corpus`) by mutations that know sections, LEB128, symbol tables, relocations, segments, archives and caches
(:mod:`.mutate`). It runs in a child process that is limited in memory and time and is forked once for many trials
(:mod:`.guard`); what is wrong with its outcome is a *finding* (:mod:`.judge`), which is shrunk (:mod:`.shrink`) and
kept as a directory that can be linked again.
"""
