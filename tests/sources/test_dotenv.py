"""`.env` files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.errors import ConfigError
from brummer_rx.sources.dotenv import parse_dotenv, read_dotenv


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("K=plain", "plain"),
        ("K=", ""),
        ("K=   ", ""),
        ("K=#no", ""),
        ("K= # no", ""),
        ("K = spaced out  ", "spaced out"),
        ("  export K=x", "x"),
        ("export\tK=x", "x"),
        ("K=a=b", "a=b"),
        ("K=a#b", "a#b"),
        ("K=a #b", "a"),
        ("K=a\t# b # c", "a"),
        ("K=$HOME/${X} `id` $(id)", "$HOME/${X} `id` $(id)"),
        ("K=it's", "it's"),
        (r"K=a\nb", r"a\nb"),
        ("K='a #b'", "a #b"),
        (r"K='a\n$X'", r"a\n$X"),
        ("K='' # c", ""),
        ('K=""', ""),
        (r'K="a\nb\tc\r\"d\"\\e\$f\q"', 'a\nb\tc\r"d"\\e$f\\q'),
        ('K="x"#c', "x"),
        ('K="one\ntwo"', "one\ntwo"),
        ("K='one\ntwo'", "one\ntwo"),
        ("K=1\nK=2", "2"),
        ("K=x\r\n", "x"),
        ("# c\n\n   \n  # K=no\nK=x", "x"),
        ("K=größe", "größe"),
    ],
)
def test_values(text: str, value: str) -> None:
    assert parse_dotenv(text, ".env") == {"K": value}


def test_several_keys_after_a_value_of_several_lines() -> None:
    assert parse_dotenv('A="1\n2"  # c\nB_2=x\n_c.d=y', ".env") == {"A": "1\n2", "B_2": "x", "_c.d": "y"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("secret", r"^\.env:1: not of the form KEY=value$"),
        ("A=1\n\nexport secret", r"^\.env:3: not of the form"),
        ("=secret", r"^\.env:1: not of the form"),
        ("1A=secret", r"^\.env:1: not of the form"),
        ("A B=secret", r"^\.env:1: not of the form"),
        ("A: secret", r"^\.env:1: not of the form"),
        ('A="1\n2"\nB="secret\nC=1', r"^\.env:3: B: the quote is never closed$"),
        ("A='secret", r"^\.env:1: A: the quote"),
        ('A="secret\\"', r"^\.env:1: A: the quote"),
        ("A='x' secret", r"^\.env:1: A: text after the closing quote$"),
        ("A='x\ny'secret", r"^\.env:1: A: text after"),
        ("A=secret\0", r"^\.env:1: A: the value holds a NUL$"),
        ("A='secret\0'", r"^\.env:1: A: the value holds a NUL$"),
    ],
)
def test_a_bad_line_is_named_and_no_value_shown(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        parse_dotenv(text, ".env")
    assert "secret" not in str(caught.value)


KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]))


@given(st.dictionaries(KEYS, VALUES))
def test_whatever_is_quoted_reads_back(variables: dict[str, str]) -> None:
    text = "".join(
        'export {}="{}" # c\n'.format(k, v.replace("\\", "\\\\").replace('"', '\\"'))
        for k, v in variables.items()
    )

    assert parse_dotenv(text, ".env") == variables


@given(st.text(alphabet="AB=\"' \\\n#\r\0x1", max_size=40))
def test_every_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_dotenv(text, ".env")
    except ConfigError as error:
        line = int(str(error).split(":")[1])
        assert 1 <= line <= text.count("\n") + 1
    else:
        assert all("\0" not in v for v in found.values())


def test_files(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfA=1\n")
    (tmp_path / "bad").write_bytes(b"A=1\nB=\xff\n")
    (tmp_path / "venv").mkdir()

    assert read_dotenv(tmp_path / ".env") == {"A": "1"}
    assert read_dotenv(tmp_path / "none") is None
    assert read_dotenv(tmp_path / "venv") is None
    with pytest.raises(ConfigError, match=r"bad:2: not UTF-8"):
        read_dotenv(tmp_path / "bad")
    (tmp_path / "bad").write_text("x")
    with pytest.raises(ConfigError, match=r"^bad:1: "):
        read_dotenv(tmp_path / "bad")
    with pytest.raises(ConfigError, match=r"^label:1: "):
        read_dotenv(tmp_path / "bad", "label")
