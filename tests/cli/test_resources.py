"""Descriptors for many children; nothing is ever taken away."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from brummer_rx.cli.resources import FILES, FILES_EACH, prepare, terminal_size


@pytest.fixture
def limits() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def soft() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_a_low_limit_is_raised_as_far_as_needed(limits: tuple[int, int]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, limits[1]))
    prepare(1)
    assert soft() == 200
    prepare(100)
    assert soft() == FILES + 100 * FILES_EACH
    prepare(1)
    assert soft() == FILES + 100 * FILES_EACH


def test_no_more_than_the_hard_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: (100, 300))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: asked.append(limits))
    prepare(1000)

    assert asked == [(300, 300)]


@pytest.mark.parametrize("hard", [1 << 20, resource.RLIM_INFINITY])
def test_no_limit_stays_none(hard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: asked.append(limits))
    prepare(1000)

    assert asked == []


def test_the_size_without_a_terminal_is_80_by_24(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert terminal_size(file.fileno()) == (80, 24)
