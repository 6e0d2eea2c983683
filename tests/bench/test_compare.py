"""The comparison of benchmarks: what counts as worse, and that it has to be so each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import compare

BASE = {"a": 1.0, "b": 2.0, "gone": 1.0}


def saved(folder: Path, medians: dict[str, float]) -> str:
    file = folder / "base.json"
    rows = [{"fullname": name, "stats": {"median": median}} for name, median in medians.items()]
    file.write_text(json.dumps({"benchmarks": rows}))
    return str(file)


def test_worse_is_more_than_a_tenth() -> None:
    assert compare.worse(BASE, {"a": 1.10, "b": 2.3, "new": 9.0}) == {"b": pytest.approx(1.15)}


def answers(monkeypatch: pytest.MonkeyPatch, *runs: dict[str, float]) -> list[list[str]]:
    asked: list[list[str]] = []

    def measure(what: list[str]) -> dict[str, float]:
        asked.append(what)
        return runs[len(asked) - 1]

    monkeypatch.setattr(compare, "measure", measure)
    return asked


def test_a_bad_moment_is_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(monkeypatch, {"a": 1.5, "b": 2.0}, {"a": 1.0})

    assert compare.main(saved(tmp_path, BASE)) == 0
    assert asked == [["bench"], ["a"]]


def test_what_is_worse_each_time_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(monkeypatch, {"a": 1.3, "b": 2.0}, {"a": 1.3}, {"a": 1.3})

    assert compare.main(saved(tmp_path, BASE)) == 1
    assert "a: +30%" in capsys.readouterr().out
