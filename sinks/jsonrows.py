"""Lines as JSON objects, one a line (architecture.md section 10, `logs`), made a batch at a time.

Text is escaped in bulk; `json` is asked only where control characters stand in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache

from brummer_rx.pipeline.event import Gap, Level, Stream
from brummer_rx.sinks.clocktext import utc_text
from brummer_rx.sinks.plaintext import clean

__all__ = ["gap_row", "json_rows"]

_STREAMS = {Stream.OUT: "out", Stream.ERR: "err", Stream.TTY: "tty", Stream.SYSTEM: "system"}
_LEVELS = tuple(level.name.lower() for level in Level)
_CONTROLS = bytes([*range(9), *range(11, 32), 127])
_AWKWARD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""C1 as well: valid in JSON, but a terminal may act on it."""


def json_rows(
    source: str,
    stream: Stream,
    time_ns: int,
    seqs: Sequence[int] | None,
    data: bytes,
    levels: bytes | None,
    more: bool = False,
) -> str:
    """`{"seq","time","source","stream","level","text"}` for each line of `data`; `more`: the last is a piece.

    `seqs` is None for lines that are not stored (then there is no such key); `levels` None means INFO.
    """
    texts = _escaped(data).split("\n")
    texts.pop()  # behind the last newline
    known = f'"time":"{utc_text(time_ns)}",{_where(source, stream)}'
    if levels is None:
        levels = bytes([Level.INFO]) * len(texts)
    if seqs is None:
        rows = [
            f'{{{known}{_LEVELS[level]}","text":"{text}"}}\n'
            for level, text in zip(levels, texts, strict=True)
        ]
    else:
        rows = [
            f'{{"seq":{seq},{known}{_LEVELS[level]}","text":"{text}"}}\n'
            for seq, level, text in zip(seqs, levels, texts, strict=True)
        ]
    if more:
        rows[-1] = rows[-1][:-2] + ',"more":true}\n'
    return "".join(rows)


@lru_cache(maxsize=256)
def _where(source: str, stream: Stream) -> str:
    name = json.dumps(source, ensure_ascii=not source.isprintable())
    return f'"source":{name},"stream":"{_STREAMS[stream]}","level":"'


def _escaped(data: bytes) -> str:
    """The text of all lines, escaped for JSON; the newlines between them stay."""
    data = clean(data)
    text = data.decode()
    if b"\\" in data:
        text = text.replace("\\", "\\\\")
    if b'"' in data:
        text = text.replace('"', '\\"')
    if b"\t" in data:
        text = text.replace("\t", "\\t")
    if b"\xc2" in data or len(data.translate(None, _CONTROLS)) != len(data):
        text = _AWKWARD.sub(_escape, text)
    return text


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def gap_row(gap: Gap) -> str:
    """`{"gap":{...}}`; a source that is not known is left out."""
    what: dict[str, object] = {"source": gap.source} if gap.source else {}
    what |= {
        "lines": gap.lines,
        "bytes": gap.bytes,
        "reason": str(gap.reason),
        "first_seq": gap.first_seq,
        "last_seq": gap.last_seq,
    }
    return json.dumps({"gap": what}, ensure_ascii=not gap.source.isprintable(), separators=(",", ":")) + "\n"
