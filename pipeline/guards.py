"""Run-time guards: who may write what, in which order locks are taken, and what is called under them.

Python has no race detector; these take its place. On in tests, in production by `BRUMMER_GUARDS=1` or the
setting `guards`; what they find is in `violations`. Off, they cost nothing: the decorators only keep a list,
`lock` makes a plain lock, and it is `switch` that puts checks into the classes (or takes them out again).

A state is marked where it is defined::

    @owned("ingest thread", "put", "flush")       one thread at a time owns the object: the first that writes
    @owned("stage", "_decided", serial=True)      any thread, one at a time, and only inside of these methods
    @locked("_lock", "_heap", "_cancelled")       these attributes are written while `self._lock` is held
    @calls_out("offer", "_submit")                 no lock of ours may be held when one of these is called

A writing of an attribute and a call of a named method are what is looked at; what happens inside of a
container is not.

Cost (bench/bench_guards.py; 2 cores, Python 3.11). Off: none that can be measured (a hop through a stage took
2.0-2.2 us before there were guards, and takes as much). On: 10 us a hop, +0.9 us a lock, and an append to the
store, where the hop carries a batch of a thousand lines, takes a fifth longer.

What they do not see: containers changed in place, the bells of idle threads (others release them), and
the lock of the logger; nor, when the setting and not the variable switches them on, locks made before that.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast

from brummer_rx.pipeline.errors import OwnershipError
from brummer_rx.pipeline.lockgraph import LockGraph, TrackedLock, calling_out
from brummer_rx.pipeline.violations import Mode, mode, set_mode, violated

if TYPE_CHECKING:
    from reactivex import abc

__all__ = [
    "Lock",
    "calling_out",
    "calls_out",
    "graph",
    "hand_over",
    "lock",
    "locked",
    "on",
    "outside",
    "owned",
    "switch",
    "under",
]

C = TypeVar("C", bound=type)
T = TypeVar("T")
Lock: TypeAlias = "threading.Lock | TrackedLock"
"""What `lock` gives: both are used by `with`."""
_Method = Callable[..., Any]

_graph = LockGraph()
_rules: list[_Rule] = []
_made: dict[int, object] = {}  # objects inside of their `__init__`, by id
_owners: dict[int, threading.Thread] = {}  # by id of the object; taken back by the `__init__` of the next one
_inside: dict[int, int] = {}  # serial objects: id -> thread that is inside
_lock_of: dict[int, TrackedLock] = {}  # objects that are guarded by the lock of another one


def on() -> bool:
    """Whether the guards are on."""
    return mode() is not Mode.OFF


def lock(name: str) -> Lock:
    """A lock for the place `name` (a class, a module: the same for all its objects)."""
    return TrackedLock(name, _graph) if on() else threading.Lock()


def graph() -> LockGraph:
    """What the recorder saw so far."""
    return _graph


def switch(new: Mode) -> None:
    """Put the checks in or take them out; before the parts of a run are made, since locks stay what they
    are.
    """
    was = on()
    set_mode(new)
    if on() and not was:
        for rule in _rules:
            rule.install()
    elif was and not on():
        for rule in reversed(_rules):
            rule.remove()
        for table in (_owners, _inside, _lock_of, _made):
            table.clear()


# --- marks --------------------------------------------------------------------------------------------


def owned(by: str, *entries: str, serial: bool = False, shared: tuple[str, ...] = ()) -> Callable[[C], C]:
    """The class's objects are written by one thread, the one that comes first after `__init__`.

    When that thread has ended, the next one that comes owns it.

    :param by: whose they are, for messages
    :param entries: methods that change the object
    :param serial: instead: threads may change, but only one is inside of `entries`, and only there is written
    :param shared: attributes with another rule (a lock, one assignment that anybody may read)
    """
    return _mark(_Serial if serial else _Owned, by, entries, shared)


def locked(by: str, *names: str) -> Callable[[C], C]:
    """These attributes are written while the lock in attribute `by` is held.

    With `by` "", all of them, once `under` has said which lock.
    """
    return _mark(_Locked, by, names, ())


def calls_out(*methods: str) -> Callable[[C], C]:
    """Others are called in there: no tracked lock may be held by who calls one of these methods."""
    return _mark(_CallsOut, "", methods, ())


def hand_over(target: object) -> None:
    """The object has no owner any more; the next thread that comes is."""
    _owners.pop(id(target), None)


def under(target: object, its: Lock) -> None:
    """`target` (of a class marked `locked("")`) is guarded by this lock of another object."""
    if isinstance(its, TrackedLock):
        _lock_of[id(target)] = its


def outside(observer: abc.ObserverBase[T], what: str) -> abc.ObserverBase[T]:
    """The observer, checked at each call for held locks while the guards are on."""
    return cast("abc.ObserverBase[T]", _Outside(observer, what)) if on() else observer


def _mark(kind: type[_Rule], by: str, names: tuple[str, ...], shared: tuple[str, ...]) -> Callable[[C], C]:
    def mark(cls: C) -> C:
        rule = kind(cls, by, names, shared)
        _rules.append(rule)
        if on():
            rule.install()
        return cls

    return mark


class _Outside(Generic[T]):
    """Looks for held locks, then passes on. (No subclass: verbs that start at once import this module.)"""

    def __init__(self, observer: abc.ObserverBase[T], what: str) -> None:
        self._observer = observer
        self._what = what

    def on_next(self, value: T) -> None:
        calling_out(self._what)
        self._observer.on_next(value)

    def on_error(self, error: Exception) -> None:
        calling_out(self._what)
        self._observer.on_error(error)

    def on_completed(self) -> None:
        calling_out(self._what)
        self._observer.on_completed()


# --- what is put into a class -------------------------------------------------------------------------


class _Rule:
    """One mark of one class: replaces attributes of the class, and puts them back."""

    writes = True
    """Whether it looks at the writing of attributes, and so at `__init__`, where that is free."""

    def __init__(self, cls: type, by: str, names: tuple[str, ...], shared: tuple[str, ...]) -> None:
        self.cls = cls
        self.by = by
        self.names = frozenset(names)
        self.shared = frozenset(shared)
        self._before: dict[str, Any] = {}

    def install(self) -> None:
        """Put the checks in."""
        for name in self.wrapped():
            self._set(name, self.wrap(self.cls.__dict__[name], f"{self.cls.__name__}.{name}"))
        if self.writes:
            self._set("__init__", _making(self.cls.__init__, self.born))  # type: ignore[misc]  # looked up in the class on purpose
            self._set("__setattr__", self._writing(self.cls.__setattr__))

    def remove(self) -> None:
        """Take them out."""
        for name, old in self._before.items():
            if old is None:
                delattr(self.cls, name)
            else:
                setattr(self.cls, name, old)
        self._before.clear()

    def _set(self, name: str, new: _Method) -> None:
        self._before[name] = self.cls.__dict__.get(name)
        setattr(self.cls, name, new)

    def _writing(self, write: _Method) -> _Method:
        shared, check = self.shared, self.may_write

        def __setattr__(this: object, name: str, value: object) -> None:
            if name not in shared and id(this) not in _made:
                check(this, name)
            write(this, name, value)

        return __setattr__

    def wrapped(self) -> frozenset[str]:
        """Names of the methods to be wrapped."""
        return self.names

    def born(self, this: object) -> None:
        """A new object: nothing is known of the one that had its id."""

    def wrap(self, method: _Method, what: str) -> _Method:
        """The method with its check."""
        raise NotImplementedError

    def may_write(self, this: object, name: str) -> None:
        """Somebody writes an attribute after `__init__`."""
        raise NotImplementedError


def _making(init: _Method, born: Callable[[object], None]) -> _Method:
    @functools.wraps(init)
    def __init__(this: object, *args: Any, **kwargs: Any) -> None:
        outer = id(this) not in _made
        if outer:
            _made[id(this)] = this
        born(this)
        try:
            init(this, *args, **kwargs)
        finally:
            if outer:
                _made.pop(id(this), None)

    return __init__


class _Owned(_Rule):
    def born(self, this: object) -> None:
        _owners.pop(id(this), None)

    def wrap(self, method: _Method, what: str) -> _Method:
        @functools.wraps(method)
        def entry(this: object, *args: Any, **kwargs: Any) -> Any:
            if id(this) not in _made:
                self._check(this, what)
            return method(this, *args, **kwargs)

        return entry

    def may_write(self, this: object, name: str) -> None:
        self._check(this, f"{self.cls.__name__}.{name}")

    def _check(self, this: object, what: str) -> None:
        me = threading.current_thread()
        owner = _owners.setdefault(id(this), me)
        if owner is me:
            return
        if owner.is_alive():
            violated(
                OwnershipError(f"{what} belongs to the {self.by} ({owner.name}), not to thread {me.name}")
            )
        else:
            _owners[id(this)] = me


class _Serial(_Rule):
    def born(self, this: object) -> None:
        _inside.pop(id(this), None)

    def wrap(self, method: _Method, what: str) -> _Method:
        by = self.by

        @functools.wraps(method)
        def entry(this: object, *args: Any, **kwargs: Any) -> Any:
            key, me = id(this), threading.get_ident()
            if _inside.get(key) == me:
                return method(this, *args, **kwargs)
            if _inside.setdefault(key, me) != me:
                violated(OwnershipError(f"two threads at once in {what}, which belongs to the {by}"))
                return method(this, *args, **kwargs)
            try:
                return method(this, *args, **kwargs)
            finally:
                _inside.pop(key, None)

        return entry

    def may_write(self, this: object, name: str) -> None:
        if _inside.get(id(this)) != threading.get_ident():
            what = f"{self.cls.__name__}.{name}"
            violated(OwnershipError(f"{what} belongs to the {self.by} and is written from elsewhere"))


class _Locked(_Rule):
    def wrapped(self) -> frozenset[str]:
        return frozenset()

    def born(self, this: object) -> None:
        if not self.by:
            _lock_of.pop(id(this), None)

    def may_write(self, this: object, name: str) -> None:
        if self.by and name not in self.names:
            return
        its = getattr(this, self.by) if self.by else _lock_of.get(id(this))
        if isinstance(its, TrackedLock) and not its.is_mine():
            violated(OwnershipError(f"{self.cls.__name__}.{name} is written without {its.name}"))


class _CallsOut(_Rule):
    writes = False

    def wrap(self, method: _Method, what: str) -> _Method:
        @functools.wraps(method)
        def out(*args: Any, **kwargs: Any) -> Any:
            calling_out(what)
            return method(*args, **kwargs)

        return out
