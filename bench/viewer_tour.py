"""The real viewer in tmux, driven by keys; what it showed is written to docs/screens/*.txt.

::

    python -m bench.viewer_tour          start, flood, scroll, search, filter, stop, restart, resize, quit
    python -m bench.viewer_tour --keep   the same, and leave the tmux server running for a look

Each step waits for what must be on the screen. `stty -a` is taken before the viewer, after it was quit,
after kill -TERM and after an exception in the view; all four must be the same. Exit code 1 when not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.accept.kit import ROOT, until

SCREENS = ROOT / "docs" / "screens"
WIDTH, HEIGHT = 110, 30
PATIENCE = 40.0
PROMPT = r"(?m)^[$#]\s*\Z"
SHOP = {
    ".brum.toml": """
[processes.web]
command = "sh web.sh"
[processes.worker]
command = "sh worker.sh"
[processes.build]
command = "sh build.sh"
""",
    "web.sh": """
echo 'listening on http://localhost:3000'; i=0
while sleep 0.4; do i=$((i+1)); echo "GET /items/$i 200 in $((i % 90)) ms"; done
""",
    "worker.sh": """
i=0
while sleep 0.7; do
  i=$((i+1)); echo "INFO packed order $i"
  [ $((i % 5)) = 0 ] && echo "ERROR order $i has no address" >&2
done
""",
    "build.sh": """
seq -f 'compiled src/module_%06.0f.ts' 1 200000
echo 'WARN 12 modules are larger than 500 kB'
echo done
""",
}
BREAKER = """
import sys, functools
from brummer_rx.__main__ import main
from brummer_rx.cli import watch
from brummer_rx.tui.app import Viewer
from brummer_rx.tui.view import view
def failing(state, snap):
    if snap.log.end_seq > 3:
        raise RuntimeError("the view broke on purpose")
    return view(state, snap)
watch.Viewer = functools.partial(Viewer, viewer=failing)
sys.exit(main())
"""


class Tmux:
    """A tmux server of our own with one shell in it."""

    def __init__(self, folder: Path) -> None:
        self._name = f"brummer-tour-{os.getpid()}"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TZ") if name in os.environ}
        self._environ = {
            **kept,
            "LANG": "C.UTF-8",
            "PS1": "$ ",
            "BRUMMER_STATE_DIR": str(folder / "state"),
            "PYTHONPATH": str(ROOT),
        }
        self.tmux(
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            str(WIDTH),
            "-y",
            str(HEIGHT),
            "-c",
            str(folder / "shop"),
            "sh",
        )

    def tmux(self, *words: str) -> str:
        """One command to the server."""
        done = subprocess.run(
            ["tmux", "-L", self._name, *words], env=self._environ, capture_output=True, text=True, check=True
        )
        return done.stdout

    def screen(self) -> str:
        """What is shown."""
        return self.tmux("capture-pane", "-p")

    def keys(self, *names: str) -> None:
        """Key names of tmux ("Enter", "Escape", "PageUp"), else text."""
        self.tmux("send-keys", *names)

    def line(self, text: str) -> None:
        """A line for the shell."""
        self.tmux("send-keys", "-l", text)
        self.keys("Enter")

    def resize(self, width: int, height: int) -> None:
        """As a window manager does."""
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def see(self, *patterns: str, gone: tuple[str, ...] = ()) -> str:
        """Wait until all patterns are on the screen (and `gone` are not); the screen then."""
        end = time.monotonic() + PATIENCE
        while True:
            screen = self.screen()
            if all(re.search(p, screen) for p in patterns) and not any(re.search(p, screen) for p in gone):
                return screen
            if time.monotonic() > end:
                raise TimeoutError(f"{patterns} without {gone} is never seen:\n{screen}")
            time.sleep(0.03)

    def close(self) -> None:
        """End the server and what runs in it."""
        subprocess.run(["tmux", "-L", self._name, "kill-server"], capture_output=True, check=False)


class Tour:
    """The steps, in order; each keeps a screen."""

    def __init__(self, folder: Path, screens: Path) -> None:
        self._folder = folder
        self._screens = screens
        self.tmux = Tmux(folder)
        self._count = 0
        tool = shlex.join([sys.executable, "-m", "brummer_rx"])
        (folder / "bin").mkdir()
        script = folder / "bin" / "brummer-rx"
        script.write_text(f'#!/bin/sh\nexec {tool} "$@"\n')
        script.chmod(0o755)
        (folder / "breaker.py").write_text(BREAKER)

    def keep(self, name: str, screen: str) -> None:
        """Write a screen to its file."""
        self._count += 1
        screen = screen.replace(f"{ROOT}/", "").replace(f"{self._folder}/", "")  # no paths of this machine
        rows = [row.rstrip() for row in screen.rstrip("\n").split("\n")]
        (self._screens / f"{self._count:02}-{name}.txt").write_text("\n".join(rows) + "\n")
        print(f"ok   {self._count:02} {name}", flush=True)

    def stty(self, name: str) -> str:
        """`stty -a` of the pane's terminal, by a process of its own in it."""
        path = self._folder / f"stty-{name}"
        self.tmux.line(f"stty -a > {shlex.quote(str(path))}; clear")
        until(lambda: path.exists() and path.read_text().endswith("\n"), f"stty {name}", PATIENCE)
        return path.read_text()

    def run(self) -> bool:
        """The whole tour; whether the terminal was the same each time."""
        self.tmux.line(f"PATH={shlex.quote(str(self._folder / 'bin'))}:$PATH; clear")
        states = {"before": self.stty("before")}
        self._viewer()
        states["quit"] = self.stty("quit")
        self._terminated()
        states["kill -TERM"] = self.stty("term")
        self._broken()
        states["exception in the view"] = self.stty("exception")
        same = {name: state == states["before"] for name, state in states.items()}
        for name, equal in same.items():
            print(f"{'ok  ' if equal else 'MISS'} stty -a: {name}", flush=True)
        return all(same.values())

    def _viewer(self) -> None:
        tmux = self.tmux
        tmux.line("brummer-rx")
        self.keep("start-and-flood", tmux.see("brummer", "FOLLOW", r"200,0\d\d lines"))
        tmux.keys("g")
        self.keep("scrolled-to-the-top", tmux.see("PAUSED", "module_000001|listening"))
        tmux.keys("PageDown")
        self.keep("page-down", tmux.see("PAUSED", gone=("module_000001",)))
        tmux.keys("/")
        tmux.tmux("send-keys", "-l", "module_123456")
        self.keep("search-prompt", tmux.see(r"search: module_123456", "hit"))
        tmux.keys("Enter")
        self.keep("search-hit", tmux.see("PAUSED", "hit 1/1", r"▌.*module_123456"))
        tmux.keys("Escape")
        tmux.see("PAUSED", gone=("hit 1/1",))
        tmux.keys("G")
        tmux.see("FOLLOW")
        tmux.keys("f")
        self.keep("filter-panel", tmux.see("FILTERS", r"\[x\] web"))
        tmux.keys("l", "l", "l")
        tmux.see("level>=warn")
        tmux.keys("Escape")
        self.keep(
            "filtered-by-level", tmux.see("level>=warn", "12 modules", "no address", gone=("GET /items",))
        )
        tmux.keys("C-f")
        tmux.see("all levels")
        tmux.keys("2")
        self.keep("procs", tmux.see("PROCESS", "web", "worker", "build", "running", "done"))
        tmux.keys("s")
        self.keep("web-stopped", tmux.see(r"web +(done|exit|stopped)", r"worker +running"))
        tmux.keys("r")
        self.keep("web-started-again", tmux.see(r"web +running"))
        tmux.keys("j", "r")
        self.keep("worker-restarted", tmux.see(r"worker +running.* 1 "))
        tmux.resize(64, 16)
        self.keep("narrow", tmux.see("PROCESS|web", gone=("COMMAND  +RESTARTS",)))
        tmux.resize(WIDTH, HEIGHT)
        tmux.see("COMMAND")
        tmux.keys("?")
        self.keep("help", tmux.see("HELP"))
        tmux.keys("Escape")
        tmux.see("PROCESS", gone=("HELP",))
        tmux.keys("1")
        tmux.see("FOLLOW")
        tmux.keys("q")
        self.keep("quit-dialog", tmux.see(r"Quit\?", "stop all and quit"))
        tmux.keys("q")
        self.keep("after-quit", tmux.see("lines are kept in run", PROMPT, gone=("FOLLOW",)))

    def _terminated(self) -> None:
        self.tmux.line("brummer-rx")
        self.tmux.see("FOLLOW", r"20\d,\d\d\d lines")
        os.kill(self._pid(), signal.SIGTERM)
        self.keep("after-kill-term", self.tmux.see("lines are kept in run", PROMPT, gone=("FOLLOW",)))

    def _pid(self) -> int:
        """Of the live run, as it says itself."""
        command = [sys.executable, "-m", "brummer_rx", "status", "--json", "-d", str(self._folder / "shop")]
        environ = {**os.environ, "BRUMMER_STATE_DIR": str(self._folder / "state"), "PYTHONPATH": str(ROOT)}
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            done = subprocess.run(command, env=environ, capture_output=True, check=True)
            if pid := json.loads(done.stdout).get("pid"):
                return int(pid)
        raise TimeoutError("the run answers")

    def _broken(self) -> None:
        self.tmux.line(f"{shlex.quote(sys.executable)} ../breaker.py")
        self.keep("exception-in-the-view", self.tmux.see("The viewer failed", "broke on purpose"))
        self.tmux.keys("q")
        self.tmux.see("RuntimeError: the view broke on purpose", PROMPT)


def main() -> int:
    """The tour; 1 when a step was not seen or the terminal was not given back as it was."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", action="store_true", help="leave the tmux server running")
    parser.add_argument("--screens", type=Path, default=SCREENS, help="where the screens go")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tour-"))
    (folder / "shop").mkdir()
    for name, content in SHOP.items():
        (folder / "shop" / name).write_text(content)
    shutil.rmtree(options.screens, ignore_errors=True)
    options.screens.mkdir(parents=True)
    tour = Tour(folder, options.screens)
    try:
        return 0 if tour.run() else 1
    except TimeoutError as error:
        print(f"MISS {error}", file=sys.stderr)
        return 1
    finally:
        if not options.keep:
            tour.tmux.close()
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
