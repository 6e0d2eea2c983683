"""Procfiles."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.sources.procfile import parse_procfile, read_procfile


def test_processes_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_bytes(
        b"\xef\xbb\xbf# the shop\r\n\r\n"
        b"web: python -m http.server $PORT | tee log\r\n  worker :  FOO=a:b ./work  \r\n"
    )
    (tmp_path / ".env").write_text("PORT=5000\n")

    web, worker = read_procfile(tmp_path) or ()

    assert (web.name, web.argv) == ("web", ("/bin/sh", "-c", "python -m http.server $PORT | tee log"))
    assert (web.cwd, web.env, web.origin, web.autostart) == (
        str(tmp_path),
        {"PORT": "5000"},
        "Procfile:3",
        True,
    )
    assert (worker.name, worker.command, worker.origin) == ("worker", "FOO=a:b ./work", "Procfile:4")


def test_no_procfile_and_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("not read")
    assert read_procfile(tmp_path) is None

    (tmp_path / ".env").unlink()
    (tmp_path / "Procfile").write_text("# nothing\n")
    assert read_procfile(tmp_path) == ()


def test_a_bad_env_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: x")
    (tmp_path / ".env").write_text("A=1\nB")

    with pytest.raises(ConfigError, match=r"^\.env:2: "):
        read_procfile(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("web: x\n\nnpm start\n", r'^Procfile:3: no colon in "npm start"; a line is `name: command`$'),
        ("a b: x", r'^Procfile:1: the name "a b" holds a space$'),
        (": x", r'^Procfile:1: the name "" is empty$'),
        ("web:", r"^Procfile:1: web has no command"),
        ("web: \0", r"^Procfile:1: web has no command"),
        ("web: x\ndb: y\nweb: z", r"^Procfile:3: web is already in line 1$"),
        ("a\x1b[0m: x", r"^Procfile:1: the name .* printed$"),
    ],
)
def test_a_bad_line_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        parse_procfile(text)
    assert str(caught.value).isprintable()
    assert caught.value.exit_code == 2


NAMES = st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True)
COMMANDS = (
    st.text(st.characters(codec="ascii", exclude_characters="\n\0"), min_size=1).map(str.strip).filter(bool)
)


@given(st.dictionaries(NAMES, COMMANDS))
def test_whatever_is_written_reads_back(processes: dict[str, str]) -> None:
    text = "".join(f"{name}: {command}\n#\n" for name, command in processes.items())

    found = parse_procfile(text)

    assert {name: command for name, command, _ in found} == processes
    assert [line for _, _, line in found] == list(range(1, 2 * len(processes), 2))
