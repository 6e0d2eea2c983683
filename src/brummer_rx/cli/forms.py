"""The forms in which `logs` prints: text, raw bytes, JSON objects. Fed in order, they keep little state."""

from __future__ import annotations

from typing import Protocol

from brummer_rx.cli.chunks import Chunk
from brummer_rx.pipeline.event import Gap
from brummer_rx.sinks.jsonrows import gap_row, json_rows
from brummer_rx.sinks.plaintext import TextForm, gap_text

__all__ = ["AsJson", "AsRaw", "AsText", "Form"]


class Form(Protocol):
    """Turns what was read into bytes to print."""

    def chunk(self, chunk: Chunk) -> bytes:
        """Lines."""
        ...

    def gap(self, gap: Gap) -> bytes:
        """Lines that are missing."""
        ...

    def finish(self) -> bytes:
        """What is still held back at the end."""
        ...


class AsText:
    """As `--plain`: `HH:MM:SS.mmm NAME | text`."""

    def __init__(self, form: TextForm) -> None:
        self._form = form

    def chunk(self, chunk: Chunk) -> bytes:
        """Lines; the pieces of a long one are joined."""
        data = b"\n".join(chunk.lines) + b"\n"
        return self._form.lines(chunk.source, chunk.stream, chunk.time_ns, data, chunk.more)

    def gap(self, gap: Gap) -> bytes:
        """A line of its own."""
        return self._form.gap(gap)

    def finish(self) -> bytes:
        """Ends an open line."""
        return self._form.finish()


class AsRaw:
    """The stored bytes and nothing else; gaps are gathered in `gaps` for a word on stderr."""

    def __init__(self) -> None:
        self.gaps: list[str] = []

    def chunk(self, chunk: Chunk) -> bytes:
        """The bytes, the last newline only where the child wrote it."""
        data = b"\n".join(chunk.lines)
        return data + b"\n" if chunk.newline else data

    def gap(self, gap: Gap) -> bytes:
        """Nothing in the stream of bytes."""
        self.gaps.append(gap_text(gap))
        return b""

    def finish(self) -> bytes:
        """Nothing is held back."""
        return b""


class AsJson:
    """One object a line."""

    def chunk(self, chunk: Chunk) -> bytes:
        """One object for each line."""
        data = b"\n".join(chunk.lines) + b"\n"
        return json_rows(
            chunk.source, chunk.stream, chunk.time_ns, chunk.seqs, data, chunk.levels, chunk.more
        ).encode()

    def gap(self, gap: Gap) -> bytes:
        """One object."""
        return gap_row(gap).encode()

    def finish(self) -> bytes:
        """Nothing is held back."""
        return b""
