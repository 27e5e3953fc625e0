"""The version, in a separate module so that reading it imports nothing else."""

__version__ = "0.2.0"


def package_kind() -> str:
    """Return ``compiled`` if mypyc compiled this package, else ``pure``."""
    import os

    names = os.listdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "binary"))
    return "compiled" if any(name.endswith((".so", ".pyd")) for name in names) else "pure"
