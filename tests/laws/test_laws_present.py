"""Every law of the design has a test of its name, `test_l01_…` to `test_l20_…`."""

from __future__ import annotations

import re
from pathlib import Path


def test_every_law_has_a_test_of_its_name() -> None:
    files = Path(__file__).parent.glob("test_laws_*.py")
    found = {int(n) for path in files for n in re.findall(r"^def test_l(\d\d)_", path.read_text(), re.M)}

    assert found == set(range(1, 21))
