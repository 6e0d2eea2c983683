"""The lock recorder: locks that know their place, and the graph of who was taken under whom.

A cycle in the graph is a possible deadlock even if nothing hung so far. So is a lock that its holder takes
again, or a second one of the same place (two stages' locks, say, in either order). Held while others are
called (`calling_out`), a lock may meet any other.

The recorder itself takes no lock: edges are entered first and looked at afterwards, so that of two threads
that close a cycle together at least one sees it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from brummer_rx.pipeline.errors import LockError
from brummer_rx.pipeline.violations import place, violated

__all__ = ["NESTED", "Edge", "LockGraph", "TrackedLock", "calling_out", "held"]

NESTED: frozenset[str] = frozenset()
"""Places of which one thread may hold two locks at once, each with its reason. There is none."""


@dataclass(frozen=True, slots=True)
class Edge:
    """`taken` was acquired while `held` was held."""

    held: str
    taken: str
    place: str
    """Where that was seen first."""


class LockGraph:
    """Which places have locks, and the order in which they were taken."""

    def __init__(self) -> None:
        self._places: dict[str, str] = {}  # name -> where the first lock was made
        self._edges: dict[tuple[str, str], str] = {}
        self._cycles: dict[tuple[str, str], str] = {}  # the edge that closed one -> the way round

    def add(self, name: str) -> None:
        """A lock was made."""
        if name not in self._places:
            self._places[name] = place()

    def enter(self, held: str, taken: str) -> str | None:
        """Note an acquisition; the cycle that it closes, or None."""
        edge = (held, taken)
        if edge not in self._edges:
            self._edges[edge] = place()
            way = self._way(taken, held)
            if way is not None:
                self._cycles[edge] = " -> ".join((held, *way))
        return self._cycles.get(edge)

    def _way(self, start: str, goal: str) -> tuple[str, ...] | None:
        todo: list[tuple[str, ...]] = [(start,)]
        seen = {start}
        while todo:
            way = todo.pop()
            if way[-1] == goal:
                return way
            for held, taken in tuple(self._edges):
                if held == way[-1] and taken not in seen:
                    seen.add(taken)
                    todo.append((*way, taken))
        return None

    @property
    def names(self) -> tuple[str, ...]:
        """Every place that ever made a lock, in alphabetical order."""
        return tuple(sorted(self._places))

    @property
    def places(self) -> dict[str, str]:
        """Where the first lock of each name was made."""
        return dict(self._places)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The order of acquisition, in alphabetical order."""
        return tuple(sorted((Edge(*edge, where) for edge, where in tuple(self._edges.items())), key=_by_name))

    @property
    def cycles(self) -> tuple[str, ...]:
        """The ways round that were found: `a -> b -> a`."""
        return tuple(sorted(self._cycles.values()))


def _by_name(edge: Edge) -> tuple[str, str]:
    return edge.held, edge.taken


class _Here(threading.local):
    """What the calling thread holds, in the order of acquisition."""

    def __init__(self) -> None:
        self.held: list[TrackedLock] = []


_here = _Here()


class TrackedLock:
    """A lock that reports to a graph. As `threading.Lock`, but only its holder may release it."""

    __slots__ = ("_graph", "_holder", "_lock", "name")

    def __init__(self, name: str, graph: LockGraph) -> None:
        self.name = name
        self._graph = graph
        self._lock = threading.Lock()
        self._holder = 0
        graph.add(name)

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As `threading.Lock.acquire`; raises `LockError` instead of waiting for itself for ever."""
        mine = _here.held
        if mine:
            self._look(mine, for_ever=blocking and timeout < 0)
        if not self._lock.acquire(blocking, timeout):
            return False
        self._holder = threading.get_ident()
        mine.append(self)
        return True

    def release(self) -> None:
        """As `threading.Lock.release`."""
        mine = _here.held
        if self in mine:
            mine.remove(self)
        else:
            violated(LockError(f"{self.name} was released by a thread that does not hold it"))
        self._holder = 0
        self._lock.release()

    def locked(self) -> bool:
        """Whether anybody holds it."""
        return self._lock.locked()

    def is_mine(self) -> bool:
        """Whether the calling thread holds it."""
        return self._holder == threading.get_ident()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _look(self, mine: list[TrackedLock], *, for_ever: bool) -> None:
        for other in tuple(mine):
            if other is self:
                error = LockError(f"{self.name} is taken again by its holder")
                violated(error)
                if for_ever:
                    raise error
            elif other.name == self.name:
                if self.name not in NESTED:
                    violated(LockError(f"two locks of one place are held: {self.name}"))
            elif (cycle := self._graph.enter(other.name, self.name)) is not None:
                violated(LockError(f"locks are taken in a circle: {cycle}"))


def held() -> tuple[str, ...]:
    """Names of the locks that the calling thread holds."""
    return tuple(lock.name for lock in _here.held)


def calling_out(what: str, *, raises: bool = True) -> None:
    """The calling thread is about to call others, or to wait: it may hold no tracked lock.

    Not `raises`: only counted and kept, where an exception would end what goes on.
    """
    if _here.held:
        violated(LockError(f"{', '.join(held())} held while calling out: {what}"), raises=raises)
