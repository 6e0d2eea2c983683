"""The text of a line: what people search, filter and read, made from the bytes that the child wrote.

Rules (architecture.md section 2): escape sequences go, line by line (one that never ends ends with its line);
a trailing CR is not part of the text, a lone CR inside does not end it; invalid UTF-8 reads as U+FFFD.
"""

from __future__ import annotations

import re

__all__ = ["ESC", "strip_escapes", "text_bytes", "text_of"]

ESC = b"\x1b"

# CSI; OSC, DCS, SOS, PM, APC up to BEL or ST (or the next ESC, or the end of the line); all other ESC forms.
# Linear: no alternative can match what its neighbour matches.
_ESCAPE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]?|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]+[0-~]?|[0-OQ-WYZ\\`-~]?)"
)


def strip_escapes(data: bytes) -> bytes:
    """`data` (one line or many) without its escape sequences; newlines and all other bytes stay."""
    if ESC not in data:
        return data
    return _ESCAPE.sub(b"", data)


def text_bytes(raw: bytes) -> bytes:
    """The text of one line as the bytes that search works on: no escapes, no trailing CR, not yet decoded."""
    return strip_escapes(raw).rstrip(b"\r")


def text_of(raw: bytes) -> str:
    """The text of one line, decoded."""
    return text_bytes(raw).decode("utf-8", "replace")
