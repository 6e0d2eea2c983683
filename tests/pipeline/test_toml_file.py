"""TOML files: values from tomllib, lines from us, and what is said of broken ones."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.pipeline.toml_file import LIMIT, TomlFile, line_table, read_text, read_toml


def made(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "x.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


SAMPLE = '''# comment = 1
a = 1
"b c" = """
[no]
d = \\"""
""""

list = [ # [ "
  "x]",
  { y = 1 },
]
e.f = '#'   # "
e . 'g' = ''
\tindented = "\\\\"
[t]
h = {i = 1, j = "}"}
  [ t . "u.v" ] # ]
w = \'\'\'
it''\'\'\'
last = 2
[[arr]]
k = 1
[[arr]]
k = 2
'''


def test_every_key_knows_its_line() -> None:
    tomllib.loads(SAMPLE)

    assert line_table(SAMPLE) == {
        ("a",): 2,
        ("b c",): 3,
        ("list",): 8,
        ("e",): 12,
        ("e", "f"): 12,
        ("e", "g"): 13,
        ("indented",): 14,
        ("t",): 15,
        ("t", "h"): 16,
        ("t", "u.v"): 17,
        ("t", "u.v", "w"): 18,
        ("t", "u.v", "last"): 20,
        ("arr",): 21,
        ("arr", "k"): 22,
    }


def test_a_key_without_a_line_has_that_of_its_table() -> None:
    file = TomlFile(Path("/x/f"), {}, line_table(SAMPLE))

    assert file.line("t", "h", "i") == 16
    assert file.line("t", "nothing") == 15
    assert file.line("nothing") == 1
    assert file.where("t", "u.v", "last") == "/x/f:20"
    assert file.folder == Path("/x")


WORDS = st.text(max_size=6)
VALUES = st.recursive(
    st.integers(-9, 9) | st.booleans() | WORDS,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(WORDS, v, max_size=2),
    max_leaves=5,
)


def toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(k)} = {toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[ # [\n" + "".join(f"{toml_value(v)},\n" for v in value) + "]"
    if isinstance(value, str):
        return (
            quoted(value)
            if "'''" in value or "\r" in value or not value.isprintable() or value.endswith("'")
            else f"'''\n{value}\n'''"
        )
    return json.dumps(value)


def quoted(text: str) -> str:
    return json.dumps(text).replace("\x7f", "\\u007f").encode("utf-16", "surrogatepass").decode("utf-16")


@given(st.dictionaries(st.text(max_size=5), st.dictionaries(WORDS, VALUES, max_size=4), max_size=4))
def test_lines_are_right_for_every_document(tables: dict[str, dict[str, Any]]) -> None:
    lines: list[str] = []
    want: dict[tuple[str, ...], int] = {}
    for name, table in tables.items():
        want[(name,)] = sum(part.count("\n") + 1 for part in lines) + 1
        lines.append(f"[{json.dumps(name)}] # [x]")
        for key, value in table.items():
            want[(name, key)] = sum(part.count("\n") + 1 for part in lines) + 1
            lines.append(
                f"{json.dumps(key)} = {json.dumps(value) if isinstance(value, str) else toml_value(value)}"
            )
    text = "\n".join(lines).replace("\x7f", "\\u007f")
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # a surrogate escape of JSON that TOML does not know
        return

    assert line_table(text) == want


@given(st.text(alphabet="ab=[]{}\"'#\\\n .1,", max_size=40))
def test_whatever_tomllib_takes_has_lines(text: str) -> None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = line_table(text)

    assert {key[0] for key in lines} == set(data)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


def test_a_key_of_very_many_parts_is_no_burden(tmp_path: Path) -> None:
    assert len(line_table(".".join(["a"] * 50_000) + " = 1")) < 10


def test_values_and_lines_come_together(tmp_path: Path) -> None:
    file = read_toml(made(tmp_path, b"\xef\xbb\xbfa = 1\r\n\r\nb = 2\r\n"))

    assert file is not None
    assert file.data == {"a": 1, "b": 2}
    assert file.line("b") == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\nb = \nc = 3", r"x.toml:2: Invalid value, at column 5$"),
        ("a = 1\n\nb", r"x.toml:3: .*, at the end of the file$"),
        ("a = 1\n\nb = [1,\n\n", r"x.toml:3: .*, at the end of the file$"),
        ("a = 1\na = 2", r"x.toml:2: "),
        ("a = 'x\n", r"x.toml:1: "),
        ("a = " + "9" * 5000, r"x.toml: .*digits"),
        ("a = " + "[" * 5000 + "]" * 5000, r"x.toml: nested too deeply"),
        (b"a = 1\nb = '\xff'\n", r"x.toml:2: not UTF-8"),
        ("#" * (LIMIT + 1), r"x.toml: larger than"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_toml(made(tmp_path, text))


def test_no_file_is_no_error(tmp_path: Path) -> None:
    assert read_toml(tmp_path / "none") is None
    assert read_text(tmp_path) is None


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = made(tmp_path, "a = 1")
    monkeypatch.setattr(Path, "open", refuse)

    with pytest.raises(ConfigError, match=r"x.toml: cannot be read: Permission denied"):
        read_toml(path)
