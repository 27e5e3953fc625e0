"""Measuring the linker against the reference: ``python -m bench`` (see README.md beside this file)."""
