"""Words become options by one table; every message names the value and what would be right."""

from __future__ import annotations

import pytest

from brummer_rx.cli.options import START, VERBS
from brummer_rx.cli.parser import Parsed, integer, nearest, parse, port, seconds
from brummer_rx.pipeline.errors import UsageError

LOGS = VERBS["logs"]


@pytest.mark.parametrize(
    ("args", "values", "words"),
    [
        ([], {}, ()),
        (["web", "api"], {}, ("web", "api")),
        (["--plain"], {"plain": ("",)}, ()),
        (["-d", "x"], {"dir": ("x",)}, ()),
        (["-dx"], {"dir": ("x",)}, ()),
        (["-d=x"], {"dir": ("x",)}, ()),
        (["--dir=x=y"], {"dir": ("x=y",)}, ()),
        (["--dir="], {"dir": ("",)}, ()),
        (["web", "--plain", "api", "-p0"], {"plain": ("",), "port": ("0",)}, ("web", "api")),
        (["-"], {}, ("-",)),
        (["--plain", "--plain"], {"plain": ("",)}, ()),
        (["-d", "x", "--dir", "x"], {"dir": ("x",)}, ()),
        (["a", "--", "--plain", "-x"], {}, ("a", "--plain", "-x")),
    ],
)
def test_start_form(args: list[str], values: dict[str, tuple[str, ...]], words: tuple[str, ...]) -> None:
    parsed = parse(args, START)

    assert (parsed.values, parsed.words) == (values, words)
    assert parsed.dashed == ("--" in args)


@pytest.mark.parametrize(
    ("args", "values"),
    [
        (["-s", "a", "-s", "b,c"], {"source": ("a", "b,c")}),
        (["-f", "--tail", "3"], {"follow": ("",), "tail": ("3",)}),
        (["-fs", "a"], {"follow": ("",), "source": ("a",)}),
        (["-fsa"], {"follow": ("",), "source": ("a",)}),
        (["--grep", "-x"], {"grep": ("-x",)}),
        (["--grep=--x"], {"grep": ("--x",)}),
        (["--after-seq", "-1"], {"after-seq": ("-1",)}),
    ],
)
def test_logs(args: list[str], values: dict[str, tuple[str, ...]]) -> None:
    assert parse(args, LOGS).values == values


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--plian"], "unknown option --plian; did you mean --plain? (brummer-rx --help lists all)"),
        (["-z"], "unknown option -z (brummer-rx --help lists all)"),
        (["--grep", "x"], "unknown option --grep; it is an option of logs (brummer-rx --help lists all)"),
        (["--zzzzzz"], "unknown option --zzzzzz (brummer-rx --help lists all)"),
        (["-d"], "-d needs a value: -d DIR"),
        (["-d", "--"], "-d needs a value: -d DIR"),
        (["-d", "--plain"], "-d needs a value: -d DIR ('--plain' is an option; -d=--plain)"),
        (["--plain=yes"], "--plain takes no value, but 'yes' was given"),
        (["-p", "1", "-p", "2"], "-p was given twice: '1' and '2'"),
        (["--port=1", "-p2"], "-p was given twice: '1' and '2'"),
    ],
)
def test_what_is_wrong_is_named(args: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(args, START)

    assert str(caught.value) == message
    assert caught.value.exit_code == 2


def test_the_verb_is_named_too() -> None:
    with pytest.raises(UsageError, match=r"^logs: unknown option --jsn; did you mean --json\?"):
        parse(["--jsn"], LOGS)
    with pytest.raises(UsageError, match=r"^logs: unknown option --plain; it is an option of the start form"):
        parse(["--plain"], LOGS)


def given(key: str, text: str) -> Parsed:
    return Parsed({key: (text,)})


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("7", 7), ("007", 7), ("+3", 3), (" 5", 5)])
def test_whole_numbers(text: str, value: int) -> None:
    assert integer(given("tail", text), "tail") == value


@pytest.mark.parametrize("text", ["", "x", "1.5", "-1", "1_000", "٣", "1e3", "0x10"])
def test_no_whole_numbers(text: str) -> None:
    with pytest.raises(UsageError, match=r"--tail .*: a whole number from 0 on is needed"):
        integer(given("tail", text), "tail")


def test_least() -> None:
    assert integer(given("after-seq", "-1"), "after-seq", least=-1) == -1
    with pytest.raises(UsageError):
        integer(given("after-seq", "-2"), "after-seq", least=-1)
    assert integer(Parsed(), "tail") is None


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("65535", 65535), ("07777", 7777)])
def test_ports(text: str, value: int) -> None:
    assert port(given("port", text)) == value


@pytest.mark.parametrize("text", ["65536", "-1", "http", "", "80.0", "²"])
def test_no_ports(text: str) -> None:
    with pytest.raises(UsageError, match="from 0 to 65535"):
        port(given("port", text))


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), ("1.5", 1.5), ("30", 30.0)])
def test_seconds(text: str, value: float) -> None:
    assert seconds(given("timeout", text), "timeout") == value
    assert seconds(Parsed(), "timeout") is None


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf", "1e400"])
def test_no_seconds(text: str) -> None:
    with pytest.raises(UsageError, match="seconds are needed"):
        seconds(given("timeout", text), "timeout")


def test_nearest() -> None:
    assert nearest("webb", ["api", "web"]) == "web"
    assert nearest("zzz", ["api", "web"]) == ""
    assert nearest("x", []) == ""
