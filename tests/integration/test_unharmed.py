"""Output that must pass unharmed: the bytes on disk are the child's; a terminal gets none of its tricks."""

from __future__ import annotations

import os
import re
import termios
import time
from collections.abc import Iterator
from itertools import groupby

import pytest

from brummer_rx.pipeline.reader import Line
from tests.integration.toolbox import Tool, python, read_for, until

pytestmark = pytest.mark.slow

MIB = 1 << 20
MULTI = "".join(f"{n} {'äöü€😀中文'[: n % 7]}{'é' * (n % 97)}\n" for n in range(20_000)).encode()
TITLE = b"\x1b]0;stolen title\x07"
NEVER = b"\x1b]52;c;aGFsbG8="
CASES: dict[str, bytes] = {
    "long": b"a" * (4 * MIB) + "ü".encode() * (3 * MIB) + b"\nafter\n",
    "invalid": bytes(range(128, 256)) + b"\n\xff\xfe\xc3\n\xe2\x82\nok\n",
    "nul": b"a\0b\0\n\0\n\0\0\0\nend\n",
    "progress": b"0%\r50%\r100%\r\nsecond\r\r\n\r\n\r",
    "crlf": b"one\r\ntwo\r\n\r\n",
    "openend": b"first\nno newline at the end",
    "onlyopen": b"x",
    "empty": b"",
    "emptylines": b"\n" * 3000,
    "multibyte": MULTI,
    "title": TITLE + b"text\n\x1bP+q544e\x1b\\more\n",
    "cursor": b"\x1b[2J\x1b[H\x1b[10;10Hmoved\x1b[?1049h\x1b[6n\x1bc\n\x1b[31mred\x1b[0m\n",
    "never": NEVER + b"\nnext line\n\x1b[\n\x1b\nlast \x1b[31",
    "eightbit": b"\xc2\x9b2J\xc2\x9d0;t\x07 \x9b31m \x85 bell\x07 back\x08 del\x7f\n",
    "esconly": b"\x1b" * 2000 + b"\n" + b"\x1b[" * 2000 + b"\n",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tool, bytes]]:
    """One `--plain` run of all cases, each by a child that writes it as it stands; and what stdout got."""
    tool = Tool(tmp_path_factory.mktemp("unharmed"))
    for name, data in CASES.items():
        tool.write(f"{name}.raw", data)
    processes = [f'[processes.{name}]\ncommand = ["cat", "{name}.raw"]\n' for name in CASES]
    # Cut where no read border would be: pieces of 4,093 bytes, with a flush after each.
    processes.append(
        "[processes.multibyte-cut]\ncommand = '''"
        + python(
            "import os, time\n"
            "data = open('multibyte.raw', 'rb').read()\n"
            "for at in range(0, len(data), 4093):\n"
            "    os.write(1, data[at:at + 4093])\n"
            "    if at // 4093 % 20 == 0: time.sleep(0.002)"
        )
        + "'''\n"
    )
    tool.write(".brum.toml", "".join(processes))
    done = tool.do("--plain")
    assert done.code == 0, done.err
    yield tool, done.out
    tool.close()


def joined(lines: list[Line]) -> bytes:
    """The bytes that the lines came from."""
    return b"".join(line.raw + (b"\n" if line.newline else b"") for line in lines)


@pytest.fixture(scope="module")
def stored(ran: tuple[Tool, bytes]) -> dict[str, list[Line]]:
    """All lines by source."""
    lines = sorted(ran[0].lines(), key=lambda line: line.source)
    return {name: list(of) for name, of in groupby(lines, key=lambda line: line.source)}


@pytest.mark.parametrize("name", [*CASES, "multibyte-cut"])
def test_the_store_holds_the_bytes_that_were_written(stored: dict[str, list[Line]], name: str) -> None:
    assert joined(stored.get(name, [])) == CASES[name.removesuffix("-cut")]


@pytest.mark.parametrize("name", ["long", "invalid", "openend", "never", "multibyte-cut"])
def test_logs_raw_gives_the_bytes_back(ran: tuple[Tool, bytes], name: str) -> None:
    done = ran[0].do("logs", "--raw", "-s", name)

    assert done.code == 0
    assert done.out == CASES[name.removesuffix("-cut")]


def test_a_long_line_is_pieces_that_are_marked_as_one(ran: tuple[Tool, bytes]) -> None:
    rows = [row for row in ran[0].do("logs", "--json", "-s", "long").objects if "seq" in row]

    whole = CASES["long"].split(b"\n")[0].decode()
    assert len(rows) >= 11
    assert [row.get("more", False) for row in rows] == [True] * (len(rows) - 2) + [False, False]
    assert "".join(row["text"] for row in rows[:-1]) == whole
    assert rows[-1]["text"] == "after"
    assert max(len(row["text"]) for row in rows) <= MIB


def test_texts_are_what_a_reader_expects(stored: dict[str, list[Line]]) -> None:
    texts = {name: [line.text for line in lines] for name, lines in stored.items()}

    assert texts["multibyte-cut"] == texts["multibyte"] == MULTI.decode().split("\n")[:-1]
    assert texts["crlf"] == ["one", "two", ""]
    assert texts["progress"] == ["0%\r50%\r100%", "second", "", ""]
    assert texts["title"] == ["text", "more"]
    assert texts["never"] == ["", "next line", "", "", "last "]
    assert texts["cursor"] == ["moved", "red"]
    assert [line.newline for line in stored["openend"]] == [True, False]
    assert "empty" not in texts


def test_the_plain_stream_holds_every_line_and_no_escape(ran: tuple[Tool, bytes]) -> None:
    plain = ran[1]

    assert b"\x1b" not in plain
    assert len(re.findall(rb"(?m)^\d\d:\d\d:\d\d\.\d{3} multibyte +\| ", plain)) == 20_000
    assert len(re.findall(rb"(?m)^\d\d:\d\d:\d\d\.\d{3} emptylines +\| *$", plain)) == 3000
    # Where another's lines came between its pieces, the line is broken with a mark.
    pieces = [row.decode() for row in re.findall(rb"(?m)^\S+ long +\| (.*)$", plain)]
    assert "".join(piece.strip("…") for piece in pieces[:-1]).encode() == CASES["long"].split(b"\n")[0]
    assert all(piece.endswith("…") for piece in pieces[:-2]) and pieces[-1] == "after"


def test_a_terminal_gets_no_escape_but_colours(tool: Tool) -> None:
    for name in ("title", "cursor", "never", "eightbit", "esconly"):
        tool.write(name, CASES[name])
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, 200))
    run = tool.start("--plain", "cat title cursor never eightbit esconly", stdin=slave, stdout=slave)
    os.close(slave)
    try:
        seen = b""
        while data := read_for(master, 60):
            seen += data
        assert run.code() == 0
    finally:
        os.close(master)

    assert b"moved" in seen and b"next line" in seen
    assert re.sub(rb"\x1b\[[0-9;:]*m", b"", seen).count(b"\x1b") == 0
    assert not set(seen) & {0, 7, 8, 127}
    assert not re.search(rb"\xc2[\x80-\x9f]", seen)
    assert b"\x1b[31m" in seen, "the child's own colour"
    opened, closed = seen.rindex(b"\x1b[31m"), seen.rindex(b"\x1b[0m")
    assert opened < closed, "colours end with their line"


def test_an_unfinished_line_is_stored_after_a_second_of_silence(tool: Tool) -> None:
    run = tool.start("--no-tui", "printf 'password: '; sleep 100")
    began = time.monotonic()
    lines = until(lambda: tool.lines())

    assert [(line.text, line.more, line.newline) for line in lines] == [("password: ", True, False)]
    assert time.monotonic() - began >= 1
    run.signal(15)
    assert run.end().code == 143


def test_of_a_pty_everything_comes_but_its_newlines(tool: Tool) -> None:
    tool.write(".brum.toml", "[processes.tty]\ncommand = 'cat multibyte.raw; tty'\npty = true\n")
    tool.write("multibyte.raw", MULTI)

    assert tool.do("--plain").code == 0

    texts = tool.texts("tty")
    assert texts[:-1] == MULTI.decode().split("\n")[:-1]
    assert texts[-1].startswith("/dev/")
