"""The layout with five links: what is installed is what is in the folders."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import brummer_rx

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("pipeline", "operators", "sources", "sinks", "tui")


def test_links_lead_to_the_folders() -> None:
    for name in FOLDERS:
        link = ROOT / "src" / "brummer_rx" / name

        assert link.is_symlink()
        assert link.readlink() == Path("../..") / name


def test_version_is_one() -> None:
    assert version("brummer-rx") == brummer_rx.__version__


def test_bare_folder_names_are_not_imported() -> None:
    assert [n for n in FOLDERS if n in sys.modules] == []


def test_wheel_holds_every_module_once(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    names = sorted(n for n in zipfile.ZipFile(wheel).namelist() if n.endswith(".py"))
    expected = [
        f"brummer_rx/{p.relative_to(ROOT).as_posix()}" for f in FOLDERS for p in (ROOT / f).rglob("*.py")
    ]
    package = ROOT / "src" / "brummer_rx"
    expected += [
        f"brummer_rx/{p.relative_to(package).as_posix()}"
        for p in [*package.glob("*.py"), *(package / "cli").rglob("*.py")]
    ]

    assert names == sorted(expected)
