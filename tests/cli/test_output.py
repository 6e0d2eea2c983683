"""Everything is written, to readers slow, gone, or odd."""

from __future__ import annotations

import os
import threading
import time

import pytest

from brummer_rx.cli.output import Output, complain, hold_standard_files, json_line


def test_a_slow_reader_gets_everything_even_on_a_descriptor_that_does_not_block() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    data = os.urandom(500_000)
    got: list[bytes] = []

    def reader() -> None:
        while chunk := os.read(read, 7001):
            got.append(chunk)

    thread = threading.Thread(target=reader)
    thread.start()
    out = Output(write)
    out.write(data)
    out.write(b"")
    out.say("ä\udc80")
    os.close(write)
    thread.join(10)
    os.close(read)

    assert b"".join(got) == data + "ä?\n".encode()


def test_a_reader_that_is_gone() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        with pytest.raises(BrokenPipeError):
            Output(write).write(b"x")
        with pytest.raises(BrokenPipeError):
            Output(write).pause(5)
    finally:
        os.close(write)


def test_a_pause_with_a_reader_lasts() -> None:
    read, write = os.pipe()
    try:
        start = time.monotonic()
        Output(write).pause(0.02)
        assert time.monotonic() - start >= 0.015
    finally:
        os.close(read)
        os.close(write)


def test_objects() -> None:
    assert json_line({"a": "ä", "b": [1, "\udc80"]}) == '{"a":"ä","b":[1,"?"]}'


def test_complaints(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    complain("no")
    monkeypatch.setattr("sys.stderr", None)
    complain("way \udc80")

    assert capfd.readouterr().err == "brummer-rx: no\nbrummer-rx: way \\udc80\n"


def test_nobody_hears_complaints() -> None:
    saved = os.dup(2)
    os.close(2)
    try:
        complain("x")
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def test_closed_standard_files_get_a_place_holder() -> None:
    child = os.fork()
    if not child:
        code = 9
        try:
            for fd in (0, 1, 2):
                os.close(fd)
            hold_standard_files()
            hold_standard_files()
            ok = os.read(0, 1) == b"" and os.open("/", os.O_RDONLY) > 2
            try:
                os.write(1, b"x")
            except OSError:
                code = 0 if ok else 8
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
