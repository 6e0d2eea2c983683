"""The level of one line: `level_of` is the truth, `level_scan` beside it does the same for whole chunks.

A line without a mark is INFO. A mark is a level word in a place where programs put one, judged on the text
without escapes; the mark that stands first decides: `INFO ... error in text` is INFO. In this order of trust:

* a JSON object: its key `level` (`severity`, `lvl`, ...), a word or a number; nothing else in it counts;
* `level=warn` of logfmt;
* a word in capitals as a token of its own (`12:00:01 [main] ERROR x`), or one in brackets (`[error]`);
* at the head of the message, behind time stamps, brackets, `prog:`, `file:1:2:` and the like: `error:`,
  `TypeError:`, `error[E0502]:`, `npm error`, `panic:`, `Traceback (most ...):`, `DeprecationWarning:`, ...;
* the forms of glog (`W1123 15:04:05 ... x.cc:1]`), logcat (`E/tag`), tornado (`[E 15:04:05`), syslog (`<3>`),
  ruby and shells.

Words inside words (`errors=0`, `terror`, `/errors/page`, `ErrorBoundary.tsx`) are no marks.
All patterns are linear: possessive where a choice could be made twice, bounded to the first bytes of a line.
"""

from __future__ import annotations

import re

from brummer_rx.operators.level_words import END, HEAD_MARK, LOWER_GUARD, QUOTED_VALUES, TOKEN, VALUES, WORDS
from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.text import strip_escapes

__all__ = ["level_code", "level_of"]

HEAD = 240
"""Marks in running text count in so many first bytes of a line (keys of JSON and logfmt: everywhere)."""

_T, _D, _I, _W, _E, _F = (int(level) for level in Level)
_FAR = 1 << 40
"""Where a mark stands that is not there."""

_PINO = {10: _T, 20: _D, 30: _I, 40: _W, 50: _E, 60: _F}
_SYSLOG = (_F, _F, _F, _E, _W, _I, _I, _D)
_LETTERS = {b"E": _E, b"W": _W, b"D": _D, b"F": _F, b"I": _I}

# The usual line: a time stamp or nothing, a level, something that is no word.
_LEAD = re.compile(rb"[\s\d:.,+/\-TZ|\[(]*+(ERROR|WARN(?:ING)?|INFO|DEBUG|FATAL|CRITICAL)" + END)
_KEY = re.compile(
    b"|".join(
        name + rb"[\"']?\s{0,4}[=:]\s{0,4}[\"']?[A-Za-z0-9]{1,13}(?=[\s\"',;})\]|]|$)"
        for name in (
            rb"level(?:_?[nN]ame)?",
            rb"Level(?:Name)?",
            rb"LEVEL",
            rb"lvl",
            rb"severity",
            rb"Severity",
            rb"@l",
        )
    )
)
_VALUE = re.compile(rb"[A-Za-z0-9]+")
_JSON = re.compile(rb"(?:[^\s{|]{1,60}\s{0,20}\|)?\s{0,20}\{\s{0,20}[\"'}]")
_BEFORE_TOKEN = frozenset(b" \t[(<|:*>_=,")
_NEGATIONS = frozenset([b"no", b"0", b"without", b"zero", b"any", b"not", b"the", b"if", b"on"])
_COMMIT = re.compile(
    rb"[\s+\-]{0,8}(?:fix|feat|docs?|tests?|chore|refactor|style|perf|build|ci|revert)(?:\([^)]{0,40}\))?!?: "
)
_START = re.compile(
    rb"\s{0,3}(?:(?!\xe2\x9c[\x93\x94])[-\xe2][^\w\s]{0,3}\s+|\d[^\s]{0,40}\s+){0,3}+"
    rb"(error|warn|warning|info|debug|fatal)\s+[\w'\"`./@(]"
)
_SPECIAL_STARTS = frozenset([b"E", b"W", b"F", b"[", b"<"])
_SPECIAL = re.compile(
    rb"(?P<logcat>[EWF]/[\w.$:-]{1,80}\s{0,20}(?:\(\s{0,8}\d{1,8}\))?:)"
    rb"|(?P<glog>[EWF][01]\d{3}\s\d\d:[^\]]{0,100}\])|\[(?P<tornado>[EWDI]) \d|<(?P<syslog>\d{1,3})>"
)
_RUBY = re.compile(rb"[^\s:]{1,200}:\d{1,7}:in [`'][^'\n]{0,80}': ")
_RUBY_END = re.compile(rb"\((?:\w{1,40}::){0,6}\w{0,60}(?:Error|Exception)\)\s*$")
_SHELL = re.compile(rb"[\w./-]{1,80}: ")
_SHELL_ENDS = (b": No such file or directory", b": command not found", b": not found")
_OF_GROUP = {"fatal": _F, "error": _E, "warn": _W, "debug": _D, "info": _I}


def level_of(line: bytes) -> Level:
    """The level of one line, as the child wrote it (escapes, CR and a newline at its end do not matter)."""
    return Level(level_code(strip_escapes(line)))


def level_code(text: bytes) -> int:
    """The level of one line without escapes, as a number."""
    lead = _LEAD.match(text)
    if lead is not None:
        return WORDS[lead[1].lower()]
    if text[:1] in _SPECIAL_STARTS:
        special = _SPECIAL.match(text)
        if special is not None:
            return _special(special)
    key_at, key = _key(text)
    head = text[:HEAD]
    if key_at == 0 or _JSON.match(head):
        return key
    at, code = _token(head, key_at, key)
    if LOWER_GUARD.search(head, 0, min(at, HEAD)):
        found = HEAD_MARK.match(head)
        if found is not None and found.lastgroup is not None and not _COMMIT.match(head):
            return _OF_GROUP[found.lastgroup] if found.start(found.lastgroup) <= at else code
    return code if at < _FAR else _rest(text, head)


def _key(text: bytes) -> tuple[int, int]:
    """Where a key like `level` with a known value stands, and its level."""
    for found in _KEY.finditer(text):
        code = _value(found[0])
        if code is not None and _starts_a_key(text, found.start()):
            return found.start(), code
    return _FAR, _I


def _value(pair: bytes) -> int | None:
    """The level in `level=warn` or `level":40` (pino; syslog counts to 7), None where that is no level."""
    value = _VALUE.findall(pair)[-1]
    before = pair[: -len(value)]
    if value.isdigit():  # a number is a level in JSON only
        number = int(value)
        if not before.rstrip().endswith(b'":'):
            return None
        return _SYSLOG[number] if number < len(_SYSLOG) else _PINO.get(number)
    code = VALUES.get(value)
    if code is None and (before.endswith(b'"') or pair.endswith(b"l=trace")):
        code = QUOTED_VALUES.get(value)
    return code


def _starts_a_key(text: bytes, at: int) -> bool:
    """Whether a key may begin here; `log.level`, `log_level` and `LogLevel` end in one."""
    before = text[max(0, at - 4) : at]
    last = before[-1:]
    return not (last.isalnum() or last in (b"_", b".", b"-")) or before.lower().strip(b"._").endswith(b"log")


def _token(head: bytes, key_at: int, key: int) -> tuple[int, int]:
    """The first word in capitals or in brackets, or the key if that stands before it."""
    for found in TOKEN.finditer(head):
        at, word = found.start(), found[0]
        if at >= key_at:
            break
        if word[0] == 91:  # [
            return at, WORDS[word.strip(b"[]").rpartition(b":")[2].lower()]
        if not at or (head[at - 1] in _BEFORE_TOKEN and not _negated(head, at)):
            return at, WORDS[word.lower()]
    return key_at, key


def _negated(head: bytes, at: int) -> bool:
    """Whether the word before this place takes the meaning away: `no ERROR`."""
    words = head[:at].split()
    return bool(words) and words[-1].lower() in _NEGATIONS


def _special(found: re.Match[bytes]) -> int:
    """The formats whose mark is one letter or a number."""
    if found["syslog"]:
        return _SYSLOG[int(found["syslog"]) & 7]
    return _LETTERS[found["tornado"] or found[0][:1]]


def _rest(text: bytes, head: bytes) -> int:
    """Lines whose mark is not punctuated: `error Command failed`, shells, ruby."""
    start = _START.match(head)
    if start is not None:
        return WORDS[start[1]]
    end = text[-160:].rstrip()
    if end.endswith(_SHELL_ENDS) and _SHELL.match(head):
        return _E
    if _RUBY.match(head) and _RUBY_END.search(end):
        return _E
    return _I
