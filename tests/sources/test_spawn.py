"""Starting real children: identity, environment, terminal, and failures that leave nothing behind."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brummer_rx.pipeline.errors import SourceError
from brummer_rx.pipeline.event import Stream
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.sources.child import Child
from brummer_rx.sources.pipes import pipe_capacity
from brummer_rx.sources.spawn import PIPE_MAX, PIPES_TOTAL, TAG, child_environment, pipe_share, spawn
from tests.sources.rig import open_fds, python, shell, spec, until


class Started:
    """Starts children and reads them to their end without an ingest thread."""

    def __init__(self) -> None:
        self.children: list[Child] = []

    def __call__(
        self,
        what: ProcessSpec,
        *,
        pty: bool = False,
        run_id: str = "r1",
        environ: Mapping[str, str] | None = None,
        **more: int,
    ) -> Child:
        child = spawn(what, incarnation=1, pty=pty, run_id=run_id, environ=environ, **more)
        self.children.append(child)
        return child

    @staticmethod
    def read(child: Child, stream: Stream = Stream.OUT) -> bytes:
        fd, found = child.fds[stream], b""
        os.set_blocking(fd, True)
        while True:
            try:
                chunk = os.read(fd, 65536)
            except OSError as error:
                assert error.errno == errno.EIO
                break
            if not chunk:
                break
            found += chunk
        return found

    def output(self, what: ProcessSpec, **more: object) -> str:
        child = self(what, **more)  # type: ignore[arg-type]
        return self.read(child, Stream.TTY if Stream.TTY in child.fds else Stream.OUT).decode()


@pytest.fixture
def start() -> Iterator[Started]:
    before = open_fds()
    started = Started()
    yield started
    for child in started.children:
        child.handle.signal_group(signal.SIGKILL)
        until(lambda child=child: child.handle.reap() is not None)
        child.close()
    assert open_fds() == before


def failure(what: ProcessSpec, *, pty: bool = False, environ: Mapping[str, str] | None = None) -> SourceError:
    before = open_fds()
    with pytest.raises(SourceError) as caught:
        spawn(what, incarnation=1, pty=pty, run_id="r", environ=environ)
    assert open_fds() == before
    return caught.value


both = pytest.mark.parametrize("pty", [False, pytest.param(True, marks=pytest.mark.pty)])


@both
def test_a_child_leads_a_session_and_a_group_of_its_own(start: Started, pty: bool) -> None:
    code = "import os; print(os.getpid(), os.getsid(0), os.getpgid(0), os.getppid())"

    child = start(python("c", code), pty=pty)

    ids = start.read(child, Stream.TTY if pty else Stream.OUT).split()
    assert ids == [str(n).encode() for n in (child.pid, child.pid, child.pid, os.getpid())]
    assert child.handle.process == psutil.Process(child.pid)


def test_out_and_err_are_separate_pipes(start: Started) -> None:
    child = start(shell("c", "echo to out; echo to err >&2"))

    assert (start.read(child), start.read(child, Stream.ERR)) == (b"to out\n", b"to err\n")


@pytest.mark.pty
def test_a_terminal_is_the_child_s_controlling_one_with_its_size_and_echo(start: Started) -> None:
    code = (
        "import os, sys, termios\n"
        "tty = os.open('/dev/tty', os.O_RDWR)\n"
        "print([os.isatty(n) for n in (0, 1, 2)], os.ttyname(0) != '', os.get_terminal_size(tty))\n"
        "print(os.tcgetpgrp(0) == os.getpid(), bool(termios.tcgetattr(0)[3] & termios.ECHO))\n"
    )

    output = start.output(python("c", code), pty=True, cols=101, rows=33)

    assert output == ("[True, True, True] True os.terminal_size(columns=101, lines=33)\r\nTrue True\r\n")


@both
def test_words_reach_the_command_as_they_are(start: Started, pty: bool) -> None:
    words = ("", "a b", "$HOME", "'", '"', "\\", "*", "-n", "é", "`id`", "$(id)", ";")
    code = "import sys; print(ascii(sys.argv[1:]))"

    output = start.output(spec("c", sys.executable, "-c", code, *words), pty=pty)

    assert output.strip() == ascii(list(words))


@both
def test_only_three_descriptors_are_inherited(start: Started, pty: bool) -> None:
    other = start(spec("other", "/bin/cat"))
    inherited_by_mistake = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(inherited_by_mistake, True)

    output = start.output(
        python("c", "import os; print(sorted(os.listdir('/proc/self/fd'), key=int))"), pty=pty
    )

    os.close(inherited_by_mistake)
    assert output.strip() == "['0', '1', '2', '3']"  # 3 is the listing's own
    assert other.handle.exit_code is None


def test_stdin_is_open_and_silent_until_the_child_is_done(start: Started) -> None:
    silent = "import os, select; os.write(1, b'%a' % select.select([0], [], [], 0.05)[0])"
    child = start(python("c", silent + "; os.read(0, 1); os.write(1, b'eof')"))
    os.set_blocking(child.fds[Stream.OUT], True)
    assert os.read(child.fds[Stream.OUT], 100) == b"[]"
    assert child.handle.reap() is None

    child.handle.close_stdin()

    assert start.read(child) == b"eof"


def test_the_environment_is_inherited_added_to_and_tagged(start: Started) -> None:
    what = ProcessSpec("c", ("/usr/bin/env",), "env", "/", {"ADDED": "1", "CHANGED": "new", TAG: "forged"})

    output = start.output(
        what, run_id="r7", environ={"PATH": "/usr/bin", "CHANGED": "old", "KEPT": "k", TAG: "outer"}
    )

    assert sorted(output.splitlines()) == [
        "ADDED=1", f"{TAG}=r7", "CHANGED=new", "KEPT=k", "PATH=/usr/bin", "PYTHONUNBUFFERED=1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("inherited", "added", "pty", "expected"),
    [
        ({}, {}, False, "1"),
        ({}, {}, True, None),
        ({"PYTHONUNBUFFERED": ""}, {}, False, ""),
        ({}, {"PYTHONUNBUFFERED": "0"}, False, "0"),
    ],
)
def test_python_is_told_not_to_buffer_unless_somebody_decided(
    inherited: dict[str, str], added: dict[str, str], pty: bool, expected: str | None
) -> None:
    what = ProcessSpec("c", ("x",), "x", "/", added)

    env = child_environment(what, pty=pty, run_id="r", environ=inherited)

    assert env.get("PYTHONUNBUFFERED") == expected


def test_nothing_but_the_tag_is_set_of_our_names(start: Started) -> None:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("BRUMMER_")}

    output = start.output(spec("c", "/usr/bin/env"), environ=inherited)

    assert [line for line in output.splitlines() if line.startswith("BRUMMER_")] == [f"{TAG}=r1"]


@both
def test_the_command_runs_in_its_folder(start: Started, pty: bool, tmp_path: Path) -> None:
    (tmp_path / "here.sh").write_text("#!/bin/sh\npwd\n")
    (tmp_path / "here.sh").chmod(0o755)

    output = start.output(spec("c", "./here.sh", cwd=str(tmp_path)), pty=pty)

    assert output.strip() == str(tmp_path.resolve())


@both
def test_a_path_of_the_spec_s_own_environment_counts(start: Started, pty: bool, tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\necho mine\n")
    (tmp_path / "tool").chmod(0o755)

    output = start.output(spec("c", "tool", env={"PATH": f"{tmp_path}:/usr/bin:/bin"}), pty=pty)

    assert output.strip() == "mine"


@both
def test_a_missing_folder_is_named(pty: bool, tmp_path: Path) -> None:
    error = failure(spec("web", "true", cwd=str(tmp_path / "nowhere")), pty=pty)

    assert str(error) == f"web: its folder {tmp_path}/nowhere does not exist"
    assert error.exit_code == 126


@both
def test_a_folder_that_is_a_file_is_named(pty: bool) -> None:
    assert "is not a folder" in str(failure(spec("web", "true", cwd=__file__), pty=pty))


@both
@pytest.mark.parametrize("word", ["no-such-command-here", "/no/such/file", "./no-such-file", "/"])
def test_a_command_that_does_not_exist_is_127(pty: bool, word: str) -> None:
    error = failure(spec("web", word, "arg"), pty=pty)

    assert error.exit_code == 127
    assert f"web: command not found: {word} (" in str(error)


@both
@pytest.mark.parametrize("argv", [(), ("",)])
def test_no_command_at_all_is_127(pty: bool, argv: tuple[str, ...]) -> None:
    error = failure(spec("web", *argv), pty=pty)

    assert (error.exit_code, str(error)) == (127, "web: there is no command")


@both
def test_a_file_that_is_no_program_is_126(pty: bool, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    (tmp_path / "data").chmod(0o644)

    error = failure(spec("web", "./data", cwd=str(tmp_path)), pty=pty)

    assert error.exit_code == 126
    assert "permission denied" in str(error)


def test_a_program_without_a_first_line_is_126(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("echo hi\n")
    (tmp_path / "script").chmod(0o755)

    error = failure(spec("web", "./script", cwd=str(tmp_path)))

    assert (error.exit_code, "no #! line" in str(error)) == (126, True)


def test_a_missing_interpreter_is_127(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/no/such/interpreter\n")
    (tmp_path / "script").chmod(0o755)

    error = failure(spec("web", "./script", cwd=str(tmp_path)))

    assert (error.exit_code, "interpreter" in str(error)) == (127, True)


@both
def test_words_that_the_system_refuses_are_126(pty: bool) -> None:
    nul = failure(spec("web", "/bin/echo", "a\0b"), pty=pty)
    long = failure(spec("web", "/bin/echo", "x" * 4_000_000), pty=pty)

    assert (nul.exit_code, long.exit_code) == (126, 126)
    assert "null byte" in str(nul)
    assert "argument list too long" in str(long)


@pytest.mark.parametrize(("word", "cwd"), [("x" * 300, "/"), ("/bin/echo", "/" + "x" * 300)])
@pytest.mark.parametrize("pty", [False, True])
def test_names_that_no_file_can_have_are_126(pty: bool, word: str, cwd: str) -> None:
    error = failure(spec("web", word, cwd=cwd), pty=pty)

    assert error.exit_code == 126
    assert "file name too long" in str(error)


@pytest.mark.parametrize("failing", ["pipe", "openpty"])
def test_no_descriptor_left_is_told_and_leaks_none(monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    real, calls = getattr(os, failing), []

    def limited(*args: object) -> object:
        calls.append(1)
        if len(calls) == (2 if failing == "pipe" else 1):
            raise OSError(errno.EMFILE, "Too many open files")
        return real(*args)

    monkeypatch.setattr(os, failing, limited)
    error = failure(spec("web", "/bin/echo"), pty=failing == "openpty")

    assert error.exit_code == 126
    assert str(error) == "web: cannot start /bin/echo: too many open files"
    assert isinstance(error.__cause__, OSError)


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="pipes have one size here")
def test_pipes_are_enlarged_and_a_refusal_is_no_error(
    start: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = start(spec("a", "/bin/echo"), pipe_size=256 * 1024)
    assert [pipe_capacity(fd) for fd in large.fds.values()] == [256 * 1024] * 2
    real = fcntl.fcntl

    def refuse(fd: int, command: int, argument: int = 0) -> int:
        if command == fcntl.F_SETPIPE_SZ:
            raise PermissionError(errno.EPERM, "over the limit")
        return real(fd, command, argument)

    monkeypatch.setattr(fcntl, "fcntl", refuse)

    assert start.read(start(spec("b", "/bin/echo", "fine"))) == b"fine\n"


def test_systems_without_pipe_sizes(start: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brummer_rx.sources.spawn._F_SETPIPE_SZ", None)

    assert start.read(start(spec("b", "/bin/echo", "fine"))) == b"fine\n"


@given(st.integers(0, 10_000))
def test_all_pipes_together_stay_below_the_limit(pipes: int) -> None:
    share = pipe_share(pipes)

    assert share <= PIPE_MAX
    assert share & (share - 1) == 0
    assert share * pipes <= PIPES_TOTAL
    assert share == PIPE_MAX or share * 2 * pipes > PIPES_TOTAL


def test_our_ends_do_not_block_and_are_not_inherited(start: Started) -> None:
    for pty in (False, True):
        child = start(spec("c", "/bin/sleep", "60"), pty=pty)
        for fd in child.fds.values():
            assert not os.get_blocking(fd)
            assert not os.get_inheritable(fd)


def test_the_popen_object_neither_reaps_nor_complains(start: Started) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        child = start(spec("c", "/bin/sleep", "60"))
        gc.collect()
        subprocess._cleanup()  # type: ignore[attr-defined]

    assert child.handle.reap() is None
