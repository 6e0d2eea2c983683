"""What runs while a lock is held: the body of `with …lock:`, and the methods of the class that it calls.

A lock is recognised by its name (`lock`, `_lock`, `callbacks_lock`, `FolderLock`, `lock("name")`, …): it
does not matter who made it. What runs later (a nested function, a lambda) is not under the lock.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.rules.names import Finding, Names, last, names_of, words

__all__ = ["called_under_lock", "locked_bodies"]

LOCK = re.compile(r"(?i:(^|_)r?lock(ed|s)?$)|R?Lock$")

OUT = words(
    "on_next on_error on_completed emit try_emit offer follow subscribe publish post submit submit_drain "
    "schedule schedule_relative schedule_absolute schedule_periodic dispose resume abandon abandon_drain "
    "call_resumes fault complete set_result set_exception send_signal"
)
"""Names that lead out of the owner of the lock: to subscribers, lanes, upstreams, whoever waits.

With underscores before them as well: a method of a base class that stands in another module.
"""
CALLBACK = re.compile(r"^_?on_[a-z]|(^|_)(callback|callbacks|cb|hook|handler|listener|observer|subscriber)$")
WAITS = frozenset(["sleep", "wait", "wait_for", "result"])


With = ast.With | ast.AsyncWith
Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_lock(node: ast.expr, names: Names) -> bool:
    """Whether the context manager is a lock, by its name."""
    if isinstance(node, ast.Call) and last(names.dotted(node.func)) in ("suppress", "open"):
        return False
    return bool(LOCK.search(last(names.dotted(node))))


def takes_lock(node: With, names: Names) -> bool:
    """Whether a lock is held inside of the statement."""
    return any(is_lock(item.context_expr, names) for item in node.items)


def now(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Every node that runs with the statements themselves: not the insides of functions that they define."""
    waiting: list[ast.AST] = list(reversed(body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))


@dataclass(frozen=True, slots=True)
class Held:
    """A piece of code that runs under a lock."""

    body: list[ast.stmt]
    locals: frozenset[str]
    """Parameters and variables of the function: what is called by such a name came from elsewhere."""
    methods: dict[str, Function]
    """Methods of the class (or functions of the module), by the name under which the body calls them."""


def _locals(function: Function | None) -> frozenset[str]:
    if function is None:
        return frozenset()
    a = function.args
    found = {arg.arg for arg in (*a.posonlyargs, *a.args, *a.kwonlyargs)} - {"self", "cls"}
    found |= {arg.arg for arg in (a.vararg, a.kwarg) if arg is not None}
    inner = {n.name for n in ast.walk(function) if isinstance(n, Function | ast.ClassDef)}
    found |= {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return frozenset(found - inner)


def _functions(tree: ast.Module) -> Iterator[tuple[Function | None, list[ast.stmt], dict[str, Function]]]:
    """(function, body, what it can call) of the module, its functions and methods, nested ones included."""
    top = {n.name: n for n in tree.body if isinstance(n, Function)}
    yield None, tree.body, top
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            methods = {f"self.{n.name}": n for n in node.body if isinstance(n, Function)}
            for method in methods.values():
                for inner in ast.walk(method):
                    if isinstance(inner, Function):
                        yield inner, inner.body, top | methods
    inside = {id(n) for c in ast.walk(tree) if isinstance(c, ast.ClassDef) for n in ast.walk(c)}
    for node in ast.walk(tree):
        if isinstance(node, Function) and id(node) not in inside:
            yield node, node.body, top


def locked_bodies(names: Names) -> Iterator[Held]:
    """The bodies of `with …lock:` and, behind them, of our own functions that they call."""
    waiting: list[Held] = []
    if not any(takes_lock(node, names) for node in names.of(ast.With, ast.AsyncWith)):
        return
    for function, body, methods in _functions(names.tree):
        locked = [node for node in now(body) if isinstance(node, With) and takes_lock(node, names)]
        waiting += [Held(node.body, _locals(function), methods) for node in locked]
    seen: set[int] = set()
    while waiting:
        held = waiting.pop()
        yield held
        for node in now(held.body):
            if isinstance(node, ast.Call):
                called = held.methods.get(ast.unparse(node.func))
                if called is not None and id(called) not in seen:
                    seen.add(id(called))
                    waiting.append(Held(called.body, _locals(called), held.methods))


def called_under_lock(tree: ast.Module) -> Iterator[Finding]:
    """Calls that leave the owner of a lock, or wait, while it is held."""
    names = names_of(tree)
    for held in locked_bodies(names):
        for node in now(held.body):
            if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom):
                yield Finding(node.lineno, "await or yield")
            elif isinstance(node, ast.Call) and _leads_out(node.func, names, held):
                yield Finding(node.lineno, ast.unparse(node.func))


def _leads_out(function: ast.expr, names: Names, held: Held) -> bool:
    if ast.unparse(function) in held.methods:
        return False  # ours: its own body is looked at instead
    name = last(names.dotted(function))
    if isinstance(function, ast.Name) and function.id in held.locals:
        return function.id not in vars(builtins)
    return name.lstrip("_") in OUT or name in WAITS or bool(CALLBACK.search(name))
