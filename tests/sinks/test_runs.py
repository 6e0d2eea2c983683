"""Runs: made, listed, found, deleted."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from brummer_rx.pipeline.errors import BrummerError, ConfigError, NotFoundError
from brummer_rx.sinks.store import runs
from brummer_rx.sinks.store.manifest import MANIFEST
from brummer_rx.sinks.store.runs import create_run, delete_run, find_run, list_runs, run_sizes
from tests.sinks.storekit import Kit, some_batches


def test_a_new_run_is_live_private_and_named_by_its_start(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"

    run = create_run(state, project="/home/me/shop", command="npm start", tool="0.1.0")

    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{12}", run.id)
    assert run.state_dir == state
    for folder in (state, state.parent, run.path):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert (run.path / MANIFEST).stat().st_mode & 0o777 == 0o600
    (info,) = list_runs(state)
    assert (info.id, info.state, info.lines, info.ended_ns) == (run.id, "live", 0, None)
    assert (info.project, info.command) == ("/home/me/shop", "npm start")
    manifest = run.manifest.value
    assert (manifest.tool, manifest.format, manifest.started_ns) == ("0.1.0", 1, info.started_ns)
    run.release()
    assert list_runs(state)[0].state == "died"


def test_states_and_numbers(tmp_path: Path) -> None:
    first, second, third = (Kit(tmp_path) for _ in range(3))
    for n, kit in enumerate((first, second, third)):
        kit.put(some_batches(100, seed=n))
        kit.flush()
    lines = [kit.store.stats.lines for kit in (first, second, third)]
    first.close()
    second.run.release()  # as a kill would

    found = list_runs(tmp_path)

    assert [info.id for info in found] == [third.run.id, second.run.id, first.run.id]
    assert [info.state for info in found] == ["live", "died", "ended"]
    assert [info.lines for info in found] == lines[::-1]
    assert all(info.bytes > 0 and info.gaps == 0 for info in found)
    assert all(set(info.sources) == {"s0", "s1", "s2", "s3"} for info in found)
    assert find_run(tmp_path, "last") == find_run(tmp_path, third.run.id)
    third.close()


def test_a_run_is_found_by_its_id_or_the_unique_beginning_of_it(tmp_path: Path) -> None:
    one, two = create_run(tmp_path, project="", command=""), create_run(tmp_path, project="", command="")
    common = next(n for n in range(40) if one.id[n] != two.id[n])

    assert find_run(tmp_path, one.id).id == one.id
    assert find_run(tmp_path, one.id[: common + 1]).id == one.id
    with pytest.raises(NotFoundError, match="2 runs"):
        find_run(tmp_path, one.id[:common])
    for which in ("nope", "", "last2"):
        with pytest.raises(NotFoundError, match=str(tmp_path)):
            find_run(tmp_path, which)
    one.release()
    two.release()


def test_no_folder_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == []
    with pytest.raises(NotFoundError):
        find_run(tmp_path / "none", "last")
    (tmp_path / "file").write_text("x")
    assert list_runs(tmp_path / "file") == []


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_state_dir_that_cannot_be_is_a_clear_error(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("x")
    path = tmp_path / "file" / below

    with pytest.raises(BrummerError, match=re.escape(str(path))) as caught:
        create_run(path, project="", command="")

    assert isinstance(caught.value, ConfigError)
    assert "--state-dir" in str(caught.value)


def test_a_disk_that_refuses_the_manifest_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, *args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs.ManifestFile, "update", refuse)
    with pytest.raises(ConfigError, match="No space"):
        create_run(tmp_path, project="", command="")

    assert list(tmp_path.iterdir()) == []


def test_strangers_in_the_folder_are_no_runs(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "20260101-000000-0123456789ab").write_text("a file")
    (tmp_path / "20260101-000000-0123456789ac").mkdir()

    assert list_runs(tmp_path) == []


def test_a_lost_manifest_costs_only_the_names(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.put(some_batches(30))
    kit.close()
    for text in ("{", None):
        if text is None:
            (kit.run.path / MANIFEST).unlink()
        else:
            (kit.run.path / MANIFEST).write_text(text)
        (info,) = list_runs(tmp_path)
        assert (info.state, info.lines, info.sources) == ("died", kit.store.stats.lines, ())
        assert abs(info.started_ns - kit.run.manifest.value.started_ns) < 2 * 10**9


def test_an_impossible_date_in_an_id_does_no_harm(tmp_path: Path) -> None:
    folder = tmp_path / "99999999-999999-0123456789ab"
    folder.mkdir()
    (folder / MANIFEST).write_text("?")

    assert list_runs(tmp_path)[0].started_ns == 0


def test_only_runs_that_ended_are_deleted(tmp_path: Path) -> None:
    live, dead = create_run(tmp_path, project="", command=""), create_run(tmp_path, project="", command="")
    dead.release()
    (tmp_path / "notes").mkdir()
    left = tmp_path / ".evicted-20260101-000000-0123456789ab"
    left.mkdir()
    (tmp_path / ".evicted-mine").mkdir()

    assert not delete_run(tmp_path, live.id)
    assert not delete_run(tmp_path, "notes")
    assert not delete_run(tmp_path, "../" + tmp_path.name)
    assert delete_run(tmp_path, dead.id)

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([live.id, "notes", ".evicted-mine"])
    live.release()


def test_a_run_that_cannot_be_deleted_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = create_run(tmp_path, project="", command="")
    run.release()

    def refuse(path: Path, ignore_errors: bool = False) -> None:
        raise OSError("no")

    monkeypatch.setattr(shutil, "rmtree", refuse)

    assert not delete_run(tmp_path, run.id)


def test_sizes_for_retention(tmp_path: Path) -> None:
    ended, live = Kit(tmp_path), create_run(tmp_path, project="", command="")
    ended.put(some_batches(50))
    ended.close()

    sizes = {size.id: size for size in run_sizes(tmp_path)}

    assert (sizes[ended.run.id].live, sizes[live.id].live) == (False, True)
    assert sizes[ended.run.id].last_ns == find_run(tmp_path, ended.run.id).ended_ns
    on_disk = sum(path.stat().st_size for path in ended.run.path.iterdir())
    assert sizes[ended.run.id].bytes == on_disk
    live.release()
