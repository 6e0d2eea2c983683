"""What can be run in a project folder, and what the words of the command line choose of it.

Names come from `.brum.toml`, then `Procfile`, then `package.json`; a name that an earlier one gives hides the
later ones. Any other word is a shell command. Nothing is started here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from brummer_rx.pipeline.errors import UsageError
from brummer_rx.pipeline.kinds import shown
from brummer_rx.pipeline.process import ProcessSpec
from brummer_rx.pipeline.settings import Settings, project_folder
from brummer_rx.sources.brum_toml import read_processes
from brummer_rx.sources.names import command_name, free_name, known_text, name_hint, one_line
from brummer_rx.sources.package_json import read_scripts
from brummer_rx.sources.procfile import SHELL, read_procfile

__all__ = ["Choice", "Discovered", "choose", "discover"]


@dataclass(frozen=True, slots=True)
class Discovered:
    """What a project folder offers; names are unique over the three groups."""

    folder: str
    declared: tuple[ProcessSpec, ...] = ()
    """From `.brum.toml`."""
    procfile: tuple[ProcessSpec, ...] = ()
    scripts: tuple[ProcessSpec, ...] = ()
    """From `package.json`; they never start by themselves (`autostart` is False)."""
    manager: str | None = None
    """What runs the scripts; None without a package.json."""
    origin: tuple[str, ...] = ()
    """The files that were read."""
    problems: tuple[str, ...] = ()
    """What could not be used and why; worth a warning each."""

    @property
    def specs(self) -> tuple[ProcessSpec, ...]:
        """All of them, in order of precedence."""
        return self.declared + self.procfile + self.scripts

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in order of precedence."""
        return tuple(s.name for s in self.specs)

    def get(self, name: str) -> ProcessSpec | None:
        """The process of that name."""
        return next((s for s in self.specs if s.name == name), None)


@dataclass(frozen=True, slots=True)
class Choice:
    """What to start: `specs`; or nothing yet, and somebody has to pick one of `pick`."""

    specs: tuple[ProcessSpec, ...]
    """All with `autostart` True."""
    pick: tuple[ProcessSpec, ...] = ()
    """What may be started, all with `autostart` False: the viewer lists them. Only where `specs` is empty."""

    def must_start(self) -> tuple[ProcessSpec, ...]:
        """`specs`, for a caller who cannot ask (--plain, --no-tui).

        Raises UsageError that names what may be picked.
        """
        if self.specs:
            return self.specs
        raise UsageError(f"say what to run; known names: {known_text(s.name for s in self.pick)}")


def discover(folder: str | Path, settings: Settings) -> Discovered:
    """Everything that the folder's files offer.

    Raises UsageError when the folder is missing and ConfigError with `FILE:LINE` for a broken file.
    """
    where = project_folder(folder)
    file = settings.project_file
    taken: set[str] = set()
    declared = _fresh(read_processes(file), taken) if file is not None and file.folder == where else ()
    found = read_procfile(where)
    procfile = _fresh(found or (), taken)
    package = read_scripts(where, settings.preferred_package_manager)
    scripts = _fresh(package.specs, taken) if package else ()
    present = (
        (".brum.toml", declared),
        ("Procfile", found is not None),
        ("package.json", package is not None),
    )
    return Discovered(
        folder=str(where),
        declared=declared,
        procfile=procfile,
        scripts=scripts,
        manager=package.manager if package else None,
        origin=tuple(name for name, there in present if there),
        problems=package.problems if package else (),
    )


def _fresh(specs: Iterable[ProcessSpec], taken: set[str]) -> tuple[ProcessSpec, ...]:
    """Those whose names are still free; they are taken then."""
    fresh = tuple(s for s in specs if s.name not in taken)
    taken.update(s.name for s in fresh)
    return fresh


def choose(words: Sequence[str], discovered: Discovered, *, names_only: bool = False) -> Choice:
    """What the words mean: names first, else shell commands; with `names_only` names alone.

    A name given twice is started once; equal commands are started as often as they were given. Without words:
    every `autostart` process of `.brum.toml`, else all of the Procfile, else somebody has to pick. Raises
    UsageError for an empty word, when there is nothing to run, and with `names_only` for an unknown name.
    """
    if not words:
        return _without_words(discovered)
    chosen: dict[str, ProcessSpec] = {}
    taken = set(discovered.names)
    for word in words:
        spec = discovered.get(word)
        if spec is None:
            if names_only:
                raise UsageError(f"unknown name {shown(word)}" + name_hint(word, discovered.names))
            spec = _shell_command(word, discovered.folder, taken)
            taken.add(spec.name)
        chosen[spec.name] = replace(spec, autostart=True)
    return Choice(tuple(chosen.values()))


def _shell_command(word: str, folder: str, taken: set[str]) -> ProcessSpec:
    if not word.strip() or "\0" in word:
        raise UsageError(f"{shown(word)} is neither a name nor a command")
    name = free_name(command_name(word), taken)
    return ProcessSpec(name, (*SHELL, word), one_line(word), folder, origin="command line")


def _without_words(discovered: Discovered) -> Choice:
    start = tuple(s for s in discovered.declared if s.autostart) or discovered.procfile
    if start:
        return Choice(start)
    if discovered.specs:
        return Choice((), tuple(replace(s, autostart=False) for s in discovered.specs))
    raise UsageError(
        f"nothing to run in {discovered.folder}: no process in .brum.toml, no Procfile, no script in "
        "package.json; give a command, such as brummer-rx 'npm start'"
    )
