"""Suffixes of sources, by compiler."""

from __future__ import annotations

import os

C_SUFFIXES = (".c",)
CXX_SUFFIXES: tuple[str, ...] = (".cc", ".cpp", ".cxx", ".c++", ".C++")
ASSEMBLY_SUFFIXES = (".s",)
PREPROCESSED_ASSEMBLY_SUFFIXES: tuple[str, ...] = (".spp", ".SPP", ".sx")
IR_SUFFIXES = (".ll", ".bc")
"""LLVM's intermediate representation, as text and as bitcode."""

if os.path.normcase("A") == "A":
    # On case-sensitive systems these differ from their lower-case twins.
    CXX_SUFFIXES += (".C",)
    PREPROCESSED_ASSEMBLY_SUFFIXES += (".S",)
