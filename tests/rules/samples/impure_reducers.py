"""Lines that end in `# flag` break the rule `impure_reducers`; no other line does."""

from __future__ import annotations

import os  # flag
import re
import threading  # flag
import time  # flag
from dataclasses import replace
from pathlib import Path  # flag
from random import choice  # flag
from typing import TYPE_CHECKING

from loguru import logger  # flag

from brummer_rx.tui.state import State

if TYPE_CHECKING:
    from datetime import datetime

    from reactivex import Observable

count = 0


def reduce(state: State, at: datetime, lines: Observable[str]) -> State:
    global count  # flag
    count += 1
    print(state)  # flag
    with open("state") as file:  # flag
        file.read()
    return replace(state, matches=re.findall("x", state.text))
