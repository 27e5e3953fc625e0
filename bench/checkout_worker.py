"""Links for :mod:`bench.compare_checkouts` with whichever package is first on the path.

Run as a script: each line of standard input is a link, a JSON object of the fields of ``LinkOptions``; each line of
standard output has the digest of its module, or an empty string if it failed, and the text of its diagnostics.
"""

from __future__ import annotations

import enum
import hashlib
import json
import sys
from collections.abc import Mapping

import wasmlink_tool
from wasmlink_tool import Input, LinkError, LinkOptions, link


def run(fields: Mapping[str, object]) -> tuple[str, str]:
    """Link, and return the module's digest and the text of all diagnostics."""
    inputs = fields["inputs"]
    assert isinstance(inputs, list)
    options = LinkOptions(inputs=[Input(path, whole_archive=whole) for path, whole in inputs], output=None)
    for name, value in fields.items():
        default = getattr(options, name)
        if name != "inputs":
            setattr(options, name, type(default)(value) if isinstance(default, enum.Enum) else value)
    options.__post_init__()
    try:
        result = link(options)
    except LinkError as error:
        return "", str(error)
    return hashlib.sha256(result.module).hexdigest(), "".join(map(str, result.diagnostics))


if __name__ == "__main__":
    print(json.dumps(wasmlink_tool.__file__), flush=True)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
