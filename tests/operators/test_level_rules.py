"""What people expect of single lines, and how the rules do on real outputs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.operators.level_rules import level_code, level_of
from brummer_rx.pipeline.event import Level
from brummer_rx.pipeline.text import text_of

CORPUS = Path(__file__).resolve().parents[1] / "corpus" / "errors"
T, D, N, W, E, F = Level

MARKED: list[tuple[Level, str]] = [
    # a word in capitals
    (E, "ERROR boom"),
    (E, "ERROR: boom"),
    (E, "[ERROR] boom"),
    (E, "  ERROR boom"),
    (E, "ERROR"),
    (W, "WARN slow"),
    (W, "WARNING: slow"),
    (W, "[WARN] slow"),
    (D, "DEBUG x"),
    (T, "TRACE x"),
    (N, "INFO x"),
    (F, "FATAL x"),
    (F, "CRITICAL: x"),
    (E, "SEVERE: x"),
    (E, "ERR x"),
    (E, "2026-11-23T15:19:31.705532Z ERROR [worker-1] boom"),
    (E, "2026-11-23 15:19:31,705 - shop.api - ERROR - boom"),
    (W, "WARNING:root:disk nearly full"),
    (E, "ERROR:root:boom"),
    (D, "DEBUG:asyncio:Using selector"),
    (E, "15:04:05 | ERROR    | shop:main:7 - boom"),
    (W, "(WARN) x"),
    (E, "web-1  | ERROR boom"),
    (W, "WARN[0000] no config"),
    (E, "ERRO[0001] boom"),
    (F, "FATA[0001] boom"),
    (D, "DEBU[0001] x"),
    (E, "3:04PM ERR boom"),
    (W, "[15:04:05 WRN] slow"),
    (D, "[15:04:05 DBG] x"),
    (F, "[15:04:05 FTL] dead"),
    (E, "2026-11-23 15:04:05.123 ERROR 1234 --- [nio-8080-exec-1] c.e.Shop : boom"),
    (E, "E, [2026-11-23T15:04:05.1 #12] ERROR -- : boom"),
    (E, "--- FAIL: TestTake (0.00s)"),
    (E, "FAIL"),
    (E, "FAILED tests/test_a.py::test_b - KeyError: 'x'"),
    (E, "npm ERR! missing script"),
    # brackets, any case
    (E, "15:12:43.193 [error] GenServer terminating"),
    (E, "2026/11/23 15:20:08 [error] 123#0: *1 open() failed"),
    (W, "[warn] x"),
    (D, "[debug] x"),
    (T, "[trace] x"),
    (F, "2026/11/23 15:20:08 [emerg] bind() failed"),
    (F, "[crit] x"),
    (F, "[alert] x"),
    (E, "[Thu Nov 23 15:04:05 2026] [core:error] [pid 1] x"),
    # structured
    (E, '{"level":"error","msg":"boom"}'),
    (E, '{"msg":"boom","level": "ERROR"}'),
    (W, '{"level":"warn"}'),
    (E, '{"level":50,"msg":"boom"}'),
    (W, '{"level": 40, "msg": "x"}'),
    (D, '{"level":20}'),
    (T, '{"level":10}'),
    (F, '{"level":60}'),
    (N, '{"level":30,"msg":"x"}'),
    (E, '{"version":"1.1","level":3}'),
    (D, '{"level":7}'),
    (F, '{"severity":"CRITICAL","message":"x"}'),
    (T, '{"level":"trace"}'),
    (E, '{"@l":"Error","@m":"x"}'),
    (E, '{"log.level":"error"}'),
    (E, '{"LogLevel":"Error"}'),
    (E, 'web | {"level":"error"}'),
    (E, "ts=1 level=error msg=boom"),
    (W, 'level=warning msg="x"'),
    (T, "level=trace msg=x"),
    (E, "lvl=error x=1"),
    (D, 'time="2026" level=debug msg="ERROR in text"'),
    (E, "severity=error x"),
    (E, 'level="error" x'),
    # the head of a message
    (E, "error: cannot borrow"),
    (E, "Error: boom"),
    (E, "error[E0502]: cannot borrow"),
    (W, "warning: unused import"),
    (W, "warning[unused]: x"),
    (E, "src/main.c:4:5: error: expected ';'"),
    (W, "src/main.c:4:5: warning: unused x"),
    (F, "src/main.c:1:10: fatal error: x.h: No such file"),
    (F, "fatal: not a git repository"),
    (F, "panic: boom"),
    (F, "fatal error: all goroutines are asleep - deadlock!"),
    (F, "thread 'main' panicked at src/main.rs:4:21:"),
    (E, "types/order.ts(7,10): error TS18048: 'x' is possibly 'undefined'."),
    (E, "Traceback (most recent call last):"),
    (E, "TypeError: x is not a function"),
    (E, "sqlite3.OperationalError: x"),
    (E, "Uncaught TypeError: x"),
    (E, "Caused by: java.io.IOException: x"),
    (E, 'Exception in thread "main" a.B'),
    (E, "java.lang.StackOverflowError"),
    (E, "    NotImplementedError"),
    (E, "TypeError [ERR_X]: boom"),
    (E, "E       KeyError: 'ghost'"),
    (E, "shop/catalog.py:15: KeyError"),
    (E, "** (KeyError) key :b not found"),
    (E, "make: *** [Makefile:3: all] Error 2"),
    (E, "npm error Missing script"),
    (W, "npm warn deprecated x"),
    (E, "  3:9   error    'x' is unused"),
    (W, "  4:12  warning  'x'"),
    (E, "error Command failed with exit code 1."),
    (W, "warning package.json: No license field"),
    (E, " - error ./app/page.js"),
    (F, "Segmentation fault (core dumped)"),
    (W, "(node:9) ExperimentalWarning: x"),
    (W, "a.py:3: DeprecationWarning: old"),
    (W, "PHP Warning:  Undefined variable"),
    (F, "PHP Fatal error:  Allowed memory"),
    (E, "web  | Error: boom"),
    (E, "✖ Error: boom"),
    (E, "x.rb:7:in `total': undefined method `*' (NoMethodError)"),
    (E, "sh: 1: foo: not found"),
    (E, "Failed to compile."),
    (E, "Nov 23 15:04:05 host prog[12]: error: boom"),
    (D, "debug: x"),
    (W, "warn: x"),
    # one letter or a number
    (E, "E1123 15:04:05.721 12 file.cc:12] boom"),
    (W, "W1123 15:04:05.721 12 file.cc:12] x"),
    (F, "F0102 15:04:05.721 12 file.cc:12] x"),
    (E, "E/ActivityManager( 123): boom"),
    (W, "W/tag: x"),
    (F, "F/tag: x"),
    (E, "[E 231123 15:04:05 web:1] boom"),
    (W, "[W 15:04:05.123 NotebookApp] x"),
    (D, "[D 15:04:05 x] y"),
    (E, "<11>Nov 23 15:04:05 host x"),
    (W, "<12>x"),
    (D, "<15>x"),
    (N, "<14>x"),
    (F, "<8>x"),
]

PLAIN = [
    "",
    " ",
    "hello",
    "0 errors",
    "errors=0",
    "no error",
    "no errors found",
    "terror",
    "GET /errors/page 200 4ms",
    "ErrorBoundary.tsx compiled",
    "error.tsx: nicer text",
    "found 0 ERRORS",
    "no ERROR found",
    "0 FAILED",
    "INFO 3 errors: ERROR in text",
    "INFO: error: x",
    "[info] error: x",
    "info: ERROR x",
    "INFO  x WARN y",
    "2026-11-23T15:19:31Z INFO [x] ERROR in text",
    '{"level":"info","msg":"ERROR: boom"}',
    '{"error":null}',
    '{"msg":"ERROR: boom","level":"info"}',
    'level=info msg="error: boom" err=x',
    "level=info errors=0",
    'ts=1 level=info event="error reporting enabled"',
    '127.0.0.1 - - [23/Nov/2026] "GET /panic HTTP/1.1" 404',
    "docs: explain fatal error E0308",
    "fix: TypeError in parser",
    "  ✓ throws TypeError: no cart (6 ms)",
    "  ✓ error count is 0 (1 ms)",
    "PASS a/ERROR.test.js",
    "test_type_error_is_reported PASSED [100%]",
    "The following options control compiler warning messages:",
    "    raise NotImplementedError",
    "except ValueError:",
    '  File "/x/errors.py", line 3, in error',
    "debugger attached",
    "tracer started",
    "catalog: 3 items",
    "warned: x",
    "LOG:  checkpoint",
    "STATEMENT:  SELECT ERROR",
    "sealevel=errors",
    "<h1>x</h1>",
    "[Errno 2] x",
    "criticize: x",
    "trace=01ab status=200",
    "an error occurred",
    "ok 3 - throws TypeError: x",
    "E2E tests",
    "Warnings: 0",
    "Error",
    '  throw new PaymentError("declined");',
    "note: error: x",
    "Tests: 0 failed, 3 passed",
    "<1234>x",
    "stderr: x",
]


@pytest.mark.parametrize(("level", "line"), MARKED, ids=[line for _, line in MARKED])
def test_a_marked_line(level: Level, line: str) -> None:
    assert level_of(line.encode()) is level
    assert level_of(line.encode() + b"\r\n") is level


@pytest.mark.parametrize("line", PLAIN)
def test_a_line_without_a_mark_is_info(line: str) -> None:
    assert level_of(line.encode()) is Level.INFO


@pytest.mark.parametrize(("level", "line"), MARKED[:12], ids=[line for _, line in MARKED[:12]])
def test_colours_around_and_inside_the_word_do_not_matter(level: Level, line: str) -> None:
    coloured = "".join(f"\x1b[1m\x1b[31m{c}\x1b[0m" for c in line)

    assert level_of(coloured.encode()) is level
    assert level_of(b"\x1b[31m" + line.encode() + b"\x1b[0m") is level


def cases() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((CORPUS / "cases.json").read_text())
    return loaded


def found(case: dict[str, Any]) -> list[tuple[Level, str]]:
    return [(level_of(line), text_of(line)) for line in (CORPUS / case["file"]).read_bytes().split(b"\n")]


def test_real_errors_and_warnings_are_seen() -> None:
    """A labelled error counts as seen when a line that names its type or its text has its level."""
    seen, missed = 0, []
    for case in cases():
        lines = found(case)
        for wanted in case["errors"]:
            levels = {lv for lv, text in lines if wanted["contains"] in text or wanted["type"] in text}
            right = Level.WARN in levels if wanted["level"] == "warning" else bool(levels & {E, F})
            seen += right
            if not right:
                missed.append((case["file"], wanted["type"]))
    print(f"labelled errors seen: {seen} of {seen + len(missed)}; missed: {missed}")

    assert seen / (seen + len(missed)) >= 0.9


def test_clean_outputs_stay_clean() -> None:
    wrong = [(case["file"], text) for case in cases() if case["clean"] for lv, text in found(case) if lv > N]

    assert wrong == []


def test_frames_of_a_trace_are_no_errors() -> None:
    wrong = [
        (case["file"], text)
        for case in cases()
        for lv, text in found(case)
        if lv > N and text.startswith(("  File ", "    at ", "\tat "))
    ]

    assert wrong == []


HOSTILE = [
    b"error: " * 2000,
    b"a: " * 5000 + b"warning",
    b"[" * 20_000,
    b"Aa." * 5000 + b"Errox",
    b"PHP " * 5000,
    b"a.A." * 5000 + b"Error",
    b"_$A/" * 5000,
    b"1 " * 5000 + b"error",
    b"x" * 100_000 + b" error:",
    b"(" * 9000 + b"error:",
    b'level="' * 9000,
    b"level=" * 9000 + b"x",
    b"x.rb:1:in `" + b"': " * 5000 + b"Error)",
    b"E/" + b"a" * 9000,
    b" " * 50_000 + b"ERROR",
    b"\xe2\x80\xa2 " * 4000 + b"error:",
    b"E  " * 5000,
    b"Mon " * 5000,
    b"- " * 5000 + b"err:",
    b"|" * 9000,
    b"a|" * 9000 + b"rror",
    b"E1123 15:" + b"x" * 9000 + b"]",
    b"no " * 9000 + b"ERROR",
    b"x ERROR_" * 9000,
]


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: repr(line[:16]))
def test_no_line_is_expensive(line: bytes) -> None:
    start = time.thread_time()
    level_code(line)

    assert time.thread_time() - start < 0.1  # far above what it takes; a pattern that explodes takes minutes


@given(st.binary(max_size=300))
def test_any_bytes_have_a_level(line: bytes) -> None:
    assert level_of(line) in Level


@given(st.text("ABCdef 0123:./", max_size=30))
def test_an_explicit_info_shadows_whatever_follows(rest: str) -> None:
    assert level_of(f"INFO {rest} ERROR boom error: x".encode()) is Level.INFO
