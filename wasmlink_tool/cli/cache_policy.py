"""``--thinlto-cache-policy=``: imported only by command lines that have it."""

from __future__ import annotations

from wasmlink_tool.options import LLVM_CACHE_POLICY, CachePolicy


def cache_policy(text: str) -> CachePolicy | str:
    """Return the policy that ``text`` describes, or the error about it."""
    chosen = {name: getattr(LLVM_CACHE_POLICY, name) for name in CachePolicy.__annotations__}
    items = text.split(":")
    if not items[-1]:
        items.pop()
    for item in items:
        key, _, value = item.partition("=")
        digits, unit = value[:-1], value[-1:]
        if key in ("prune_interval", "prune_after"):
            seconds = {"s": 1, "m": 60, "h": 3600}.get(unit)
            if not value:
                return "Duration must not be empty"
            if not _is_natural(digits):
                return f"'{digits}' not an integer"
            if seconds is None:
                return f"'{value}' must end with one of 's', 'm' or 'h'"
            chosen["interval" if key == "prune_interval" else "expiration"] = int(digits) * seconds
        elif key == "cache_size":
            if unit != "%":
                return f"'{value}' must be a percentage"
            if not _is_natural(digits):
                return f"'{digits}' not an integer"
            if int(digits) > 100:
                return f"'{digits}' must be between 0 and 100"
            chosen["percentage"] = int(digits)
        elif key == "cache_size_bytes":
            power = {"k": 10, "m": 20, "g": 30}.get(unit.lower(), 0)
            digits = digits if power else value
            if not _is_natural(digits):
                return f"'{digits}' not an integer"
            chosen["size"] = int(digits) << power
        elif key == "cache_size_files":
            if not _is_natural(value):
                return f"'{value}' not an integer"
            chosen["files"] = int(value)
        else:
            return f"Unknown key: '{key}'"
    return CachePolicy(**chosen)


def _is_natural(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
