"""Lines that end in `# flag` break the rule `sleeps_then_assert`; no other line does."""

import asyncio
import time
from time import sleep

import pytest


def test_guesses(thing, check, rig):
    thing.start()
    time.sleep(0.1)  # flag
    assert thing.done
    sleep(1)  # flag
    check(thing)
    time.sleep(0.5)  # flag
    rig.check_all()
    time.sleep(0.5)  # flag
    with pytest.raises(ValueError, match="x"):
        assert thing.value
    if thing:
        time.sleep(0.1)  # flag
        assert thing.done


async def test_guesses_too(thing):
    await asyncio.sleep(0.1)  # flag
    assert thing.done
    await asyncio.sleep(0)
    assert thing.done


def until(holds, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    assert holds()


def test_waits(thing):
    until(lambda: thing.done)
    assert thing.done
    time.sleep(0)
    assert thing.done
    time.sleep(0.1)
    thing.stop()
    assert thing.stopped
