"""Whatever is wrong with the project, the words or the machine: one clear message, never a traceback."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from brummer_rx.pipeline.event import GapReason
from brummer_rx.sinks.store.reader import open_run
from tests.integration.toolbox import Running, Tool, has_traceback, python, until

SCRIPTS = '{"scripts": {"server": "echo server", "worker": "echo worker"}}'


@pytest.mark.slow
def test_an_unknown_name_ends_with_127_and_the_known_names_are_listed(tool: Tool) -> None:
    tool.write("package.json", SCRIPTS)

    done = tool.do("--plain", "servr")

    assert done.code == 127
    assert "did you mean 'server'" in done.err.replace('"', "'")
    assert "known names: server, worker" in done.err
    assert "servr exited with 127" in done.err
    assert [row["state"] for row in tool.do("status", "--json").objects[0]["processes"]] == ["failed"]


def test_run_takes_names_only(tool: Tool) -> None:
    tool.write("package.json", SCRIPTS)

    done = tool.do("run", "--plain", "servr")

    assert done.code == 2
    assert "server" in done.err and "worker" in done.err
    assert tool.runs() == []


@pytest.mark.parametrize(
    ("name", "content", "words", "said"),
    [
        ("package.json", '{"scripts": {"a": "x",}', ("a",), "package.json:1:"),
        ("package.json", '{"scripts": ["a"]}', ("a",), "package.json: scripts is"),
        ("Procfile", "# web\nweb: echo hi\nworker echo\n", (), "Procfile:3: no colon"),
        (".brum.toml", "grace = 1\nfps = = 3\n", ("echo a",), ".brum.toml:2"),
        (".brum.toml", "grace = 1\ngrase = 2\n", ("echo a",), ".brum.toml:2"),
        (".brum.toml", 'fps = "many"\n', ("echo a",), ".brum.toml:1"),
        (".brum.toml", "[processes.web]\n\ncomand = 'x'\n", (), ".brum.toml:3"),
        (".brum.toml", b"grace = 1 # \xff\n", ("echo a",), ".brum.toml"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    tool: Tool, name: str, content: str | bytes, words: tuple[str, ...], said: str
) -> None:
    tool.write(name, content)

    done = tool.do("--plain", *words)

    assert (done.code, done.out) == (2, b"")
    assert said in done.err and done.err.count("\n") == 1
    assert not has_traceback(done)
    assert tool.runs() == []


@pytest.mark.parametrize(
    ("words", "environ", "said"),
    [
        (("-d", "nowhere", "--plain", "echo a"), {}, "nowhere"),
        (("--plain", "echo a"), {"BRUMMER_FPS": "fast"}, "BRUMMER_FPS"),
        (("--plain", "--port", "99999", "echo a"), {}, "--port"),
        (("--plan", "echo a"), {}, "--plan"),
        (("--plain", ""), {}, "neither a name nor a command"),
        (("--plain",), {}, "nothing to run"),
    ],
)
def test_a_wrong_word_or_setting_is_named(
    tool: Tool, words: tuple[str, ...], environ: dict[str, str], said: str
) -> None:
    done = tool.do(*words, environ=environ)

    assert (done.code, done.out) == (2, b"")
    assert said in done.err and done.err.count("\n") == 1
    assert tool.runs() == []


def test_scripts_without_a_word_are_listed_where_nobody_can_be_asked(tool: Tool) -> None:
    tool.write("package.json", SCRIPTS)

    done = tool.do("--plain")

    assert done.code == 2
    assert "server, worker" in done.err


@pytest.mark.slow
def test_an_unknown_variable_is_one_warning(tool: Tool) -> None:
    done = tool.do("--plain", "echo a", environ={"BRUMMER_GRASE": "3"})

    assert done.code == 0
    assert [line for line in done.err.splitlines() if "BRUMMER_GRASE" in line and "warning" in line]
    assert done.err.count("BRUMMER_GRASE") == 1


@pytest.mark.parametrize("where", ["{file}/state", "/proc/nowhere/state"])
def test_a_state_folder_that_cannot_be_made(tool: Tool, where: str) -> None:
    blocker = tool.write("file", "in the way")
    place = where.format(file=blocker)

    done = tool.do("--plain", "echo a", environ={"BRUMMER_STATE_DIR": place})

    assert done.code in (1, 2)
    assert str(Path(place).parent) in done.err and done.err.count("\n") == 1
    assert not has_traceback(done)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_folder_without_permission(tool: Tool) -> None:
    tool.state.mkdir(mode=0o500)

    done = tool.do("--plain", "echo a")

    assert done.code in (1, 2)
    assert str(tool.state) in done.err and done.err.count("\n") == 1


@pytest.mark.slow
def test_commands_that_do_not_exist_fail_and_the_others_run(tool: Tool) -> None:
    tool.write(
        ".brum.toml",
        """
        [processes.gone]
        command = ["no-such-program-here", "-x"]
        [processes.lost]
        command = "echo lost"
        cwd = "no-such-folder"
        [processes.shell]
        command = "no-such-command-here"
        [processes.good]
        command = "for i in 1 2 3; do echo $i; done"
        """,
    )

    done = tool.do("--plain")

    assert done.code in (126, 127)
    assert tool.texts("good") == ["1", "2", "3"]
    assert "gone: command not found: no-such-program-here" in done.err
    assert "no-such-folder" in done.err
    rows = {row["name"]: row for row in tool.do("status", "--json").objects[0]["processes"]}
    assert {name: (row["state"], row["exit_code"]) for name, row in rows.items()} == {
        "gone": ("failed", 127),
        "lost": ("failed", 126),
        "shell": ("failed", 127),
        "good": ("exited", 0),
    }
    assert not any("pid" in row for row in rows.values())


# --- the disk ------------------------------------------------------------------------------------------

FLOOD = python(
    "import time, itertools\n"
    "for i in itertools.count():\n"
    "    print(i, 'x' * 500)\n"
    "    if i % 200 == 0: time.sleep(0.1)"
)
"""About 1 MB/s at most, numbered, for ever."""


def numbers(tool: Tool) -> list[int]:
    """What the flood's stored lines count."""
    return [int(line.raw.split()[0]) for line in tool.lines()]


def flooded(tool: Tool) -> Running:
    """A run whose child floods and whose own messages go to a file."""
    with (tool.folder / "said").open("wb") as said:
        return tool.start("--no-tui", FLOOD, stdout=subprocess.DEVNULL, stderr=said.fileno())


def said(tool: Tool) -> str:
    """What it has said so far."""
    return (tool.folder / "said").read_text()


def filled_and_emptied(tool: Tool, run: Running, make_room: object) -> None:
    """The disk refuses, the child goes on, there is room again, and all that is missing is in gaps."""
    assert callable(make_room)
    until(lambda: "the log cannot be written" in said(tool), "the notice")
    status = tool.do("status", "--json").objects[0]
    assert [row["state"] for row in status["processes"]] == ["running"]
    make_room()
    until(lambda: "the log is written again" in said(tool), "the good news")
    run.signal(signal.SIGTERM)
    assert run.code() == 143

    with open_run(tool.runs()[-1]) as reader:
        snapshot = reader.snapshot()
        lines = snapshot.lines(0, snapshot.end_seq)
        gaps = snapshot.gaps
    lost = {seq for gap in gaps for seq in range(gap.first_seq, gap.last_seq + 1)}
    assert lost and {gap.reason for gap in gaps} == {GapReason.DISK}
    assert {line.seq for line in lines} | lost == set(range(snapshot.end_seq))
    assert not {line.seq for line in lines} & lost
    assert [int(line.raw.split()[0]) for line in lines] == [line.seq for line in lines], "number = seq"
    assert lines[-1].seq > max(lost), "it was written again"
    found = [row["gap"] for row in tool.do("logs", "--json").objects if "gap" in row]
    assert sum(gap["lines"] for gap in found) == len(lost)
    assert {gap["reason"] for gap in found} == {"disk"}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit")
def test_a_file_that_may_not_grow_costs_lines_not_the_run(tool: Tool) -> None:
    run = flooded(tool)
    until(lambda: tool.stored() > 100)
    _, hard = resource.prlimit(run.pid, resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    assert hard == resource.RLIM_INFINITY

    filled_and_emptied(
        tool, run, lambda: resource.prlimit(run.pid, resource.RLIMIT_FSIZE, (hard, resource.RLIM_INFINITY))
    )


@pytest.fixture
def small_disk(tool: Tool) -> Iterator[Path]:
    """A file system of 32 MB where the runs go."""
    tool.state.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(tool.state)]
    if os.geteuid() != 0 or not shutil.which("mount") or subprocess.run(command, check=False).returncode:
        pytest.skip("may not mount")
    ballast = tool.state / "ballast"
    ballast.write_bytes(bytes(31_000_000))
    yield ballast
    tool.close()
    subprocess.run(["umount", str(tool.state)], check=True)


@pytest.mark.slow
def test_a_full_disk_costs_lines_not_the_run(tool: Tool, small_disk: Path) -> None:
    run = flooded(tool)

    filled_and_emptied(tool, run, small_disk.unlink)


# --- two runs, damaged stores --------------------------------------------------------------------------


@pytest.mark.slow
def test_two_runs_in_one_folder_are_two_runs(tool: Tool) -> None:
    first = tool.start("--plain", "echo first; sleep 100")
    until(lambda: tool.stored() == 1)
    second = tool.start("--plain", "echo second; sleep 100")
    until(lambda: len(tool.runs()) == 2 and tool.stored() == 1)

    rows = tool.do("runs", "--json").objects
    assert [row["state"] for row in rows] == ["live", "live"]
    assert b"second" in tool.do("logs").out
    assert b"first" in tool.do("logs", "--run", str(rows[1]["run"])).out
    for run in (first, second):
        run.signal(signal.SIGTERM)
        assert run.end().code == 143
    assert [row["state"] for row in tool.do("runs", "--json").objects] == ["ended", "ended"]


def segment_of(run: Path) -> Path:
    """Its only segment."""
    (found,) = run.glob("*.seg")
    return found


def cut_short(run: Path) -> None:
    """In the middle of a frame."""
    segment = segment_of(run)
    os.truncate(segment, segment.stat().st_size * 2 // 3)


def flip_bytes(run: Path) -> None:
    """In the body of some frame."""
    segment = segment_of(run)
    data = bytearray(segment.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 8] = bytes(b ^ 0xFF for b in data[middle : middle + 8])
    segment.write_bytes(data)


def newer_version(run: Path) -> None:
    """The last frame comes from a tool that is not written yet."""
    segment = segment_of(run)
    data = bytearray(segment.read_bytes())
    at = data.rindex(b"BRXF")
    data[at + 4] = 99
    segment.write_bytes(data)


def lost_index(run: Path) -> None:
    """The tool was killed before it sealed the segment, and its last write was torn."""
    segment_of(run).with_suffix(".key").unlink()
    cut_short(run)


LINES = 20_000


@pytest.fixture(scope="module")
def sound_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """A run of numbered lines, made once and copied for each kind of damage."""
    one = Tool(tmp_path_factory.mktemp("sound"))
    assert one.do("--plain", f"seq -f 'line %07.0f of a run that will be damaged' 0 {LINES - 1}").code == 0
    yield one
    one.close()


@pytest.mark.slow
@pytest.mark.parametrize("damage", [cut_short, flip_bytes, newer_version, lost_index])
def test_of_a_damaged_store_all_that_is_readable_is_read(sound_run: Tool, tool: Tool, damage: object) -> None:
    assert callable(damage)
    shutil.copytree(sound_run.state, tool.state)
    damage(tool.runs()[0])

    done = tool.do("logs", "--json")

    assert done.code == 0 and not has_traceback(done)
    rows = done.objects
    lines = [row for row in rows if "seq" in row]
    assert lines and all(
        row["text"] == f"line {row['seq']:07} of a run that will be damaged" for row in lines
    )
    seqs = [row["seq"] for row in lines]
    assert seqs == sorted(set(seqs))
    gaps = [row["gap"] for row in rows if "gap" in row]
    lost = {seq for gap in gaps for seq in range(gap["first_seq"], gap["last_seq"] + 1)}
    assert set(seqs) | lost == set(range(max(*seqs, *lost, 0) + 1))
    if damage is not lost_index:  # there nobody knows how many lines the torn tail held
        assert set(seqs) | lost == set(range(LINES)) and not set(seqs) & lost
        assert {gap["reason"] for gap in gaps} == {"damage"}
    for verb in (("status",), ("logs", "--grep", "0000042")):
        again = tool.do(*verb, "--json")
        assert again.code == 0 and not has_traceback(again)
    if damage is lost_index:
        assert tool.do("--plain", "echo next").code == 0, "a new run starts beside it"
