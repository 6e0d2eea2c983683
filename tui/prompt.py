"""One line of text being typed: a pure reducer, used by the search prompt and by the help's search."""

from __future__ import annotations

from dataclasses import dataclass

from brummer_rx.tui.keys import Key

__all__ = ["Prompt", "edit", "insert"]

LONGEST = 1_000
"""Characters kept at most; what is pasted beyond is cut."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is typed so far."""

    text: str = ""
    cursor: int = 0
    """Index of the character under the cursor, 0 to len(text)."""


def insert(prompt: Prompt, text: str) -> Prompt:
    """Put `text` in at the cursor; line ends and other control characters are left out."""
    clean = "".join(c for c in text if c.isprintable())[: max(0, LONGEST - len(prompt.text))]
    at = prompt.cursor
    return Prompt(prompt.text[:at] + clean + prompt.text[at:], at + len(clean))


def _word_start(prompt: Prompt) -> int:
    """Where the word before the cursor begins, blanks after it included."""
    before = prompt.text[: prompt.cursor].rstrip()
    return max(before.rfind(" ") + 1, 0)


def _cut(prompt: Prompt, start: int, stop: int) -> Prompt:
    return Prompt(prompt.text[:start] + prompt.text[stop:], start)


def edit(prompt: Prompt, key: Key) -> Prompt | None:
    """The prompt after that key; None when the key does not edit."""
    at, size = prompt.cursor, len(prompt.text)
    match key.name:
        case "backspace" | "ctrl-h":
            return _cut(prompt, max(0, at - 1), at)
        case "delete":
            return _cut(prompt, at, min(size, at + 1))
        case "ctrl-u":
            return _cut(prompt, 0, at)
        case "ctrl-k":
            return _cut(prompt, at, size)
        case "ctrl-w":
            return _cut(prompt, _word_start(prompt), at)
        case "left" | "ctrl-b":
            return Prompt(prompt.text, max(0, at - 1))
        case "right" | "ctrl-f":
            return Prompt(prompt.text, min(size, at + 1))
        case "home" | "ctrl-a":
            return Prompt(prompt.text, 0)
        case "end" | "ctrl-e":
            return Prompt(prompt.text, size)
        case _:
            return insert(prompt, key.text) if key.text else None
