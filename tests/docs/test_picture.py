"""The pictures of the documents: a frame becomes the same, well-formed SVG each time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from brummer_rx.tui.frame import Frame, Row, blank_row
from docs.picture import BACKGROUND, CELL_WIDTH, FOREGROUND, MARGIN, SIXTEEN, Look, draw, look_of, svg

DOCS = Path(__file__).resolve().parents[2] / "docs"
SPACE = "{http://www.w3.org/2000/svg}"


def frame(*rows: Row, width: int = 20) -> Frame:
    return Frame(width, len(rows), rows, title="brummer-rx")


def texts(picture: str) -> list[tuple[str, dict[str, str]]]:
    return [(node.text or "", node.attrib) for node in ET.fromstring(picture).iter(f"{SPACE}text")]


def column(marks: dict[str, str]) -> float:
    return (float(marks["x"]) - MARGIN) / CELL_WIDTH


def test_the_same_frame_is_the_same_picture() -> None:
    shown = frame((("err", "E disk full         "),), blank_row(20))

    assert svg(shown, "a") == svg(shown, "a")


def test_what_xml_would_take_for_its_own_is_text() -> None:
    picture = svg(frame((("text", "<b>&amp;</b>\x00\ud800 "),), width=15), "1 < 2 & 3")

    assert [text for text, _ in texts(picture)] == ["<b>&amp;</b>", "�"]
    title = ET.fromstring(picture).find(f"{SPACE}title")
    assert title is not None
    assert title.text == "1 < 2 & 3"


def test_each_word_stands_in_its_column() -> None:
    row: Row = (("dim", "12:00 "), ("source0", "web"), ("text", "  one two   ✓ x "))
    found = [(text, round(column(marks), 2)) for text, marks in texts(svg(frame(row, width=25), ""))]

    assert found == [("12:00", 0), ("web", 6), ("one two", 11), ("✓", 21), ("x", 23)]


def test_wide_characters_take_two_columns() -> None:
    (wide, marks), (after, place) = texts(svg(frame((("text", "椅子 x"),), width=6), ""))

    assert (wide, after) == ("椅子", "x")
    assert float(marks["textLength"]) == pytest.approx(4 * CELL_WIDTH, abs=0.06)
    assert column(place) == pytest.approx(5, abs=0.02)


def test_a_background_is_a_box_behind_all_columns_of_its_run() -> None:
    boxes = [
        node.attrib
        for node in ET.fromstring(svg(frame(blank_row(3), (("sel", "abc"),), width=3), "")).iter(
            f"{SPACE}rect"
        )
    ]

    assert boxes[0]["fill"] == BACKGROUND
    assert [(b["y"], b["width"], b["fill"]) for b in boxes[1:]] == [("32", "25.2", "#444444")]


@pytest.mark.parametrize(
    ("style", "look"),
    [
        ("text", Look()),
        ("no such role", Look()),
        ("err", Look("#ff5f5f", bold=True)),
        ("sel", Look(back="#444444")),
        ("sgr:31", Look(SIXTEEN[1])),
        ("sgr:97;104", Look(SIXTEEN[15], SIXTEEN[12])),
        ("sgr:2;3;4", Look(dim=True, italic=True, line=True)),
        ("sgr:38;5;250", Look("#bcbcbc")),
        ("sgr:38;5;196", Look("#ff0000")),
        ("sgr:38;2;1;2;3", Look("#000000")),
        ("sgr:7", Look(BACKGROUND, FOREGROUND)),
        ("sgr:7;32;41", Look(SIXTEEN[1], SIXTEEN[2])),
        ("sel+sgr:31", Look(SIXTEEN[1], "#444444")),
        ("sgr:48;5;7;1", Look(back=SIXTEEN[7], bold=True)),
        ("sgr:nonsense;;", Look()),
    ],
)
def test_styles_look_as_the_theme_says(style: str, look: Look) -> None:
    assert look_of(style) == look


def test_how_a_run_looks_is_said_in_its_element() -> None:
    ((_, marks),) = texts(svg(frame((("sgr:1;2;3;4", "abc"),), width=3), ""))

    assert marks["font-weight"] == "bold"
    assert marks["font-style"] == "italic"
    assert marks["text-decoration"] == "underline"
    assert "opacity" in marks


def test_draw_writes_beside_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docs.picture.DOCS", tmp_path)

    draw("viewer", frame(blank_row(20)))

    ET.parse(tmp_path / "viewer.svg")


@pytest.mark.parametrize("name", ["viewer", "procs"])
def test_the_pictures_in_the_documents_are_of_this_tool(name: str) -> None:
    picture = (DOCS / f"{name}.svg").read_text(encoding="utf-8")
    words = [text for text, _ in texts(picture)]

    assert f"](docs/{name}.svg)" in (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert any("brummer" in word for word in words)
    assert re.search(r"[\d,]+ lines", " ".join(words))
