"""The words, needles and patterns of the level rules; `level_rules` says how they are used."""

from __future__ import annotations

import re

from brummer_rx.pipeline.event import Level

__all__ = [
    "BRACKETED",
    "END",
    "HEAD_MARK",
    "LEADS",
    "LINE_STARTS",
    "LOWER_GUARD",
    "NEEDLES",
    "QUOTED_VALUES",
    "TOKEN",
    "VALUES",
    "WORDS",
]

_T, _D, _I, _W, _E, _F = (int(level) for level in Level)

WORDS: dict[bytes, int] = {
    **dict.fromkeys([b"trace", b"silly"], _T),
    **dict.fromkeys([b"debug", b"debu", b"dbg"], _D),
    **dict.fromkeys([b"info", b"inf", b"information", b"informational", b"notice", b"log", b"success"], _I),
    **dict.fromkeys([b"hint", b"detail", b"statement", b"note", b"help", b"pass", b"passed", b"ok"], _I),
    **dict.fromkeys([b"warn", b"warning", b"wrn"], _W),
    **dict.fromkeys([b"error", b"err", b"erro", b"err!", b"severe", b"fail", b"failed"], _E),
    **dict.fromkeys([b"fatal", b"fata", b"ftl", b"crit", b"critical", b"emerg", b"alert", b"panic"], _F),
}
"""Level words in lower case, and what they mean."""

VALUES: dict[bytes, int] = {
    **{word: level for word, level in WORDS.items() if level == _I},
    **{word.upper(): level for word, level in WORDS.items() if level == _I},
    **{word.capitalize(): level for word, level in WORDS.items() if level == _I},
    **{
        form: WORDS[form.lower()]
        for form in b"debug Debug DEBUG warn Warn WARN warning Warning WARNING".split()
    },
    **{
        form: WORDS[form.lower()]
        for form in b"error Error ERROR fatal Fatal FATAL TRACE panic CRIT CRITICAL".split()
    },
}
"""What a key like `level` may hold, and what it means."""

QUOTED_VALUES: dict[bytes, int] = {
    form: WORDS[form.lower()] for form in b"trace Trace crit critical Critical alert emerg".split()
}
"""More values, which count in double quotes only; and `level=trace`."""

NEEDLES: tuple[bytes, ...] = (
    *(b"ERR", b"WARN", b"warn", b"Warn", b"DEBU", b"ebug", b"TRACE", b"l=trace", b"FATA", b"atal", b"CRIT"),
    *(b"panic", b"xception", b"Traceback", b"FAIL", b"ailed to ", b"SEVERE", b"ation fault", b"No such file"),
    *(b"ot found", b"WRN", b"DBG", b"FTL"),
)
"""What no line with a level other than INFO can do without (its escapes removed, a newline put before it)."""

LINE_STARTS = (b"\nE/", b"\nW/", b"\nF/")
"""More needles, which tell of the line behind their newline."""

BRACKETED: dict[bytes, tuple[bytes, ...]] = {
    b"[": (b"[E ", b"[W ", b"[D "),
    b"]": (
        b"crit]",
        b"critical]",
        b"trace]",
        b"emerg]",
        b"alert]",
        b"\nE0",
        b"\nE1",
        b"\nW0",
        b"\nW1",
        b"\nF0",
        b"\nF1",
    ),
    b'"': (b'"trace', b'"Trace', b'"crit', b'"Critical', b'"alert', b'"emerg'),
    b"<": (b"\n<",),
    b"*": (b"** ",),
}
"""More needles, each with a rare byte that it holds: without that byte they need not be searched."""

_AFTER = (b" ", b":", b"]", b"\t")
LEADS: dict[bytes, int] = {
    **{word + after: WORDS[word.lower()] for word in (b"ERROR", b"DEBUG", b"FATAL") for after in _AFTER},
    **{word + after: WORDS[word.lower()] for word in (b"WARN", b"INFO") for after in _AFTER},
}
"""What the first five or six bytes of a line can settle."""

END = rb"(?=[\s:\]|)>,!;\[]|$)"
"""What ends a level word."""

TOKEN = re.compile(
    rb"ERR(?:OR?|!)?" + END + rb"|WARN(?:ING)?" + END + rb"|WRN" + END + rb"|INFO?" + END + rb"|NOTICE" + END
    + rb"|LOG(?=:)|HINT(?=:)|DETAIL(?=:)|STATEMENT(?=:)|DEBUG?" + END + rb"|DBG" + END + rb"|TRACE" + END
    + rb"|FATAL?" + END + rb"|FTL" + END + rb"|FAIL(?:ED)?" + END + rb"|CRIT(?:ICAL)?" + END
    + rb"|SEVERE" + END + rb"|SUCCESS" + END + rb"|PASS(?:ED)?" + END + rb"|OK" + END
    + rb"|\[(?:\w{1,20}:)?(?:[eE]rror|[wW]arn(?:ing)?|[iI]nfo|[dD]ebug|trace|[fF]atal|crit(?:ical)?|[nN]otice"
    + rb"|emerg|alert|panic)\]"
)  # fmt: skip
"""A word in capitals, or one in brackets."""

LOWER_GUARD = re.compile(
    rb"rror(?=[\s:\[\]]|$)|rr:|RROR|RR[:!]|arn(?:ing)?[:\s\[]|ARN|atal|ATAL|anic|xception(?=[\s:\[]|$)|XCEPTION"
    rb"|raceback|iled to |ion fault|\*\*|bug:|BUG:|nfo:|NFO:|tice:|TICE:|note:|Note:|NOTE:"
    rb"|int:|INT:|elp:|ELP:|log:|Log:|LOG:|ule not found"
)
"""Something that `HEAD_MARK` may match; that one is slow."""

# --- the head of a message ------------------------------------------------------------------------

_CLASS = rb"(?:[A-Za-z_$][\w$]{0,60}(?:\.|::|\\|/(?=[A-Z]))){0,12}+[A-Z_]?[\w$]{0,60}?"
_NOT = (
    rb"(?!(?:no|without|zero|any|rais\w+|throws?|throwing|except|catch\w*|expect\w*|handl\w+|case|class|when|on|if"
    rb"|return\w*|new|with|for|in|of|the|an?|import|should|does|shows?|from|as|not|explain|print\w*|assert\w*)\b)"
)
_PLAIN = rb"(?:" + _NOT + rb"\(?[A-Za-z]{1,20}\)?:?\s+){0,2}?"
_MARK = (
    rb"(?P<info>(?i:info|notice|note|hint|help|log):(?=\s|$))"
    rb"|(?P<fatal>panic:\s|(?:PHP\s+)?(?:[fF]atal|FATAL)(?:\s+error)?:"
    rb"|thread '[^']{0,80}'(?: \(\d{1,12}\))? panicked at|Segmentation fault\b)"
    rb"|(?P<warn>" + _PLAIN + rb"(?:[wW]arn(?:ing)?|WARN(?:ING)?)(?:\[[\w:.-]{1,60}\])?:(?=\s|$)"
    rb"|[wW]arn(?:ing)?\s\s+\S"
    rb"|" + _CLASS + rb"Warning:(?=\s|$)|(?:npm|yarn|pnpm) (?:warn|WARN)\b)"
    rb"|(?P<error>Traceback \(most recent call last\)|Exception in \w+|\*\*\* |\*\* \([\w.]{1,80}\)"
    rb"|(?:npm|yarn|pnpm) (?:error|ERR!)(?=\s|$)|[eE]rror\s\s+\S|error TS\d+:|Error in \S"
    rb"|Module not found:|[fF]ailed to (?!0\b)\w"
    rb"|" + _PLAIN + rb"(?:(?:[eE]rror|ERR(?:OR)?|[eE]xception)|" + _CLASS + rb"(?:Error|Exception))"
    rb"(?:\s?\[[\w-]{1,40}\]|\s\d{1,5})?:(?=\s|$)"
    rb"|" + _CLASS + rb"[a-z](?:Error|Exception)(?:\s*$|\s\[|\s\()"
    rb"|\[" + _CLASS + rb"(?:Error|Exception):\s|[\w.]{1,60}\.RemoteTraceback:)"
    rb"|(?P<debug>(?:[dD]ebug|DEBUG):(?=\s|$))"
)  # fmt: skip
_ATOM = (
    rb"\d[^\s|]{0,60}(?:\s+|$)"  # time stamps, numbers, 3:9
    rb"|[A-Z][a-z]{2}\s{1,2}\d{1,2} \d\d:\d\d:\d\d [\w.-]{1,60} (?=[\w./-]{1,60}(?:\[\d{1,9}\])?: )"
    rb"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6},?\s+"
    rb"|\[[^\]\n]{0,80}\]:?\s*|\([^)\n]{0,60}\)\s*"
    rb"|[^\s|\"']{1,120}:\s+"  # prog:, file:1:2:
    rb"|[^\s|]{1,60}\s{0,30}\|\s*"  # name |
    rb"|E\s{2,}"  # pytest
    rb"|(?!\xe2\x9c[\x93\x94]|\xe2\x88\x9a)[^\w\s\"'`(\[{/+\x80-\xbf][^\w\s\"'`(\[{]{0,8}\s+"  # bullets
)
HEAD_MARK = re.compile(
    rb"\s{0,12}+(?:(?!"
    + _MARK.replace(b"?P<", b"?P<not_")
    + rb")(?:"
    + _ATOM
    + rb")){0,10}+(?:"
    + _MARK
    + rb")"
)
"""A mark at the head of the message; its group (fatal, error, warn, debug, info) says which."""
