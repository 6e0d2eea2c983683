"""The edges that produce: what can be run here, the children, and the thread that reads them.

=============  ============================================================================================
what to run    `discover` (.brum.toml, Procfile, package.json), `choose` (the words of the command line)
children       `Child`, `ChildHandle`; `ProcessEffector` starts and signals them, `sweep` finds what is left
their output   `Ingest`: one thread for all pipes and terminals
what they use  `UsageSampler`
questions      `ControlServer`: the socket on which a live run answers
=============  ============================================================================================
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from brummer_rx.sources.child import Child, ChildHandle
    from brummer_rx.sources.control import ControlServer
    from brummer_rx.sources.detect import Choice, Discovered, choose, discover
    from brummer_rx.sources.effector import ProcessEffector, sweep
    from brummer_rx.sources.ingest import Ingest, IngestCounts
    from brummer_rx.sources.pipes import IngestOptions
    from brummer_rx.sources.usage import UsageSampler

__all__ = [
    "Child",
    "ChildHandle",
    "Choice",
    "ControlServer",
    "Discovered",
    "Ingest",
    "IngestCounts",
    "IngestOptions",
    "ProcessEffector",
    "UsageSampler",
    "choose",
    "discover",
    "sweep",
]

_WHERE = {
    "child": ("Child", "ChildHandle"),
    "control": ("ControlServer",),
    "detect": ("Choice", "Discovered", "choose", "discover"),
    "effector": ("ProcessEffector", "sweep"),
    "ingest": ("Ingest", "IngestCounts"),
    "pipes": ("IngestOptions",),
    "usage": ("UsageSampler",),
}

if not TYPE_CHECKING:  # a type checker reads the imports above, and finds misspelled names

    def __getattr__(name: str) -> object:
        """Import what is asked for, when it is: a program that needs one name starts at once."""
        from brummer_rx.pipeline.catalogue import find

        return find(name, _WHERE, globals())
