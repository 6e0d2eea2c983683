"""The rules' eyes: pure functions from a module's syntax tree to the places that break a rule.

They see one module at a time and no types, so they go by names; `samples/` says exactly what each one sees.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.rules.names import Finding, Names, last, names_of, statements, words

__all__ = [
    "bare_locks",
    "boundary_buffers",
    "hops",
    "impure",
    "public_subjects",
    "replaying_subjects",
    "runs_in_callbacks",
    "sleeps_then_assert",
    "swallowed",
    "threads",
    "timeless",
    "unbounded_deques",
    "unbounded_queues",
]

MAKES_THREADS = re.compile(
    r"(^|\.)(Thread|Timer|ThreadPoolExecutor|ProcessPoolExecutor|InterpreterPoolExecutor|ThreadPool"
    r"|start_new_thread|start_joinable_thread|create_task|ensure_future|to_thread|run_in_executor"
    r"|run_coroutine_threadsafe|new_event_loop|TaskGroup|NewThreadScheduler|TimeoutScheduler"
    r"|TimeoutScheduler\.singleton|EventLoopScheduler|ThreadPoolScheduler|AsyncIOScheduler|AsyncIOThreadSafeScheduler)$"
    r"|^multiprocessing\.(Process|Pool)$|^asyncio\.run$|^os\.fork(pty)?$"
)
OUR_THREADS = re.compile(r"^brummer_rx\.pipeline\.threads\.Crew$|(^|\.)_?start_thread$")


def threads(tree: ast.Module) -> Iterator[Finding]:
    """Something that starts a thread, a task or an executor: called, subclassed, handed on, a default."""
    names = names_of(tree)
    for node, name in names.uses():
        if OUR_THREADS.search(name) or MAKES_THREADS.search(names.foreign(node)):
            yield Finding(node.lineno, name)


def hops(tree: ast.Module) -> Iterator[Finding]:
    """reactivex's own changes of thread, fluent, in `pipe`, or imported by name."""
    names = names_of(tree)
    for node, name in names.uses():
        if last(name) in ("observe_on", "subscribe_on") and names.foreign(node):
            yield Finding(node.lineno, name)


def unbounded_queues(tree: ast.Module) -> Iterator[Finding]:
    """Queues without a bound (or with one that means "none"), and those that have none."""
    names = names_of(tree)
    for call in names.calls():
        name = last(names.foreign(call.func))
        if name == "SimpleQueue" or (
            name in ("Queue", "LifoQueue", "PriorityQueue", "JoinableQueue")
            and not _bound(call, "maxsize", 0)
        ):
            yield Finding(call.lineno, names.dotted(call.func))


def unbounded_deques(tree: ast.Module) -> Iterator[Finding]:
    """A deque without maxlen that outlives its function: kept in an attribute or in the module.

    What bounds it (a stage's capacity, one entry per stage, …) is not to be seen here: each one is listed
    with the reason.
    """
    names = names_of(tree)
    if "collections.deque" not in names.imported.values() and "collections" not in names.imported:
        return
    kept = _kept(names)
    for call in names.calls():
        is_deque = names.foreign(call.func) == "collections.deque"
        if is_deque and id(call) in kept and not _bound(call, "maxlen", 1):
            yield Finding(call.lineno, "deque without maxlen, kept")
        for keyword in call.keywords:
            if keyword.arg == "default_factory" and names.foreign(keyword.value) == "collections.deque":
                yield Finding(call.lineno, "deque without maxlen, kept")


def _kept(names: Names) -> set[int]:
    """ids of what is assigned to an attribute or to a name of a module or class."""
    homes: list[Any] = [names.tree, *names.of(ast.ClassDef)]
    at_home = {id(statement) for home in homes for statement in home.body}
    kept: set[int] = set()
    for node in names.of(ast.Assign, ast.AnnAssign):
        if isinstance(node, ast.Assign):
            targets = [t for target in node.targets for t in ast.walk(target)]
        else:
            targets = list(ast.walk(node.target))
        stored = any(isinstance(t, ast.Attribute) and isinstance(t.ctx, ast.Store) for t in targets)
        if node.value is not None and (stored or id(node) in at_home):
            kept |= {id(inner) for inner in ast.walk(node.value)}
    return kept


def _bound(call: ast.Call, keyword: str, position: int) -> bool:
    """Whether the call says a bound (what is no literal is believed)."""
    said = [k.value for k in call.keywords if k.arg == keyword] or call.args[position : position + 1]
    if not said:
        return False
    value = said[0]
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        return False
    return not (isinstance(value, ast.Constant) and (value.value is None or value.value == 0))


def replaying_subjects(tree: ast.Module) -> Iterator[Finding]:
    """Subjects that keep what they sent, and the operators that make them."""
    names = names_of(tree)
    for node, name in names.uses():
        if last(name) in ("ReplaySubject", "BehaviorSubject") and names.foreign(node):
            yield Finding(node.lineno, name)
    for call in names.calls():
        name = last(names.dotted(call.func))
        if name == "publish_value" or (name == "replay" and names.imports("reactivex")):
            yield Finding(call.lineno, name)


def boundary_buffers(tree: ast.Module) -> Iterator[Finding]:
    """buffer(boundary) and its relatives."""
    names = names_of(tree)
    for call in names.calls():
        if last(names.dotted(call.func)) in ("buffer", "buffer_when", "buffer_toggle"):
            yield Finding(call.lineno, names.dotted(call.func))


REACTIVEX = re.compile(r"^(reactivex|rx|ops)\b|\.pipe\(\)")


def runs_in_callbacks(tree: ast.Module) -> Iterator[Finding]:
    """`.run()`: of a chain, anywhere; of anything, in a lambda or a function inside another one."""
    names = names_of(tree)
    runs = [c for c in names.calls() if isinstance(c.func, ast.Attribute) and c.func.attr == "run"]
    nested = _nested(names) if runs else set()
    for call in runs:
        if call.args or any(k.arg not in (None, "scheduler") for k in call.keywords):
            continue
        receiver = call.func.value  # type: ignore[attr-defined]
        if id(call) in nested or REACTIVEX.search(names.dotted(receiver)):
            yield Finding(call.lineno, f"{ast.unparse(receiver)[:60]}.run()")


def _nested(names: Names) -> set[int]:
    """ids of what stands in a lambda or in a function inside another one."""
    functions = list(names.of(ast.FunctionDef, ast.AsyncFunctionDef))
    inner = [n for f in functions for n in ast.walk(f) if n is not f and isinstance(n, ast.FunctionDef)]
    inner += names.of(ast.Lambda)
    return {id(n) for f in inner for n in ast.walk(f)}


TIMED = words(
    "interval timer debounce throttle_with_timeout timeout sample delay delay_subscription throttle_first "
    "buffer_with_time buffer_with_time_or_count window_with_time window_with_time_or_count "
    "skip_until_with_time skip_with_time skip_last_with_time take_until_with_time take_with_time "
    "take_last_with_time time_interval timestamp generate_with_relative_time"
)
"""reactivex's operators that fall back to a thread per pending item when no scheduler is said."""
AMBIGUOUS = words("interval timer timeout sample delay timestamp")
"""Those whose names others use, too: they count in modules that import reactivex."""


def timeless(tree: ast.Module) -> Iterator[Finding]:
    """A time operator without `scheduler=`."""
    names = names_of(tree)
    rx = names.imports("reactivex")
    for call in names.calls():
        name = names.foreign(call.func)
        if last(name) not in TIMED or (last(name) in AMBIGUOUS and not rx) or _said(call, "scheduler"):
            continue
        if "." in name and not name.startswith(("datetime.", "time.")):
            yield Finding(call.lineno, ast.unparse(call.func)[-60:])
    for call in names.calls():
        if names.dotted(call.func) in ("reactivex.start", "reactivex.to_async") and not _said(
            call, "scheduler"
        ):
            yield Finding(call.lineno, names.dotted(call.func))


def _said(call: ast.Call, keyword: str) -> bool:
    for k in call.keywords:
        if k.arg is None:
            return True  # **options: believed
        if k.arg == keyword:
            return not (isinstance(k.value, ast.Constant) and k.value.value is None)
    return False


EFFECTFUL = words(
    "time datetime random secrets os io pathlib shutil tempfile fcntl mmap socket select selectors "
    "subprocess threading _thread asyncio concurrent multiprocessing queue "
    "loguru logging reactivex psutil aiohttp"
)
"""Packages that a reducer has no use for: clocks, chance, files, other threads."""
DOES_IO = frozenset(["open", "print", "input", "exec", "eval", "breakpoint", "__import__"])


def impure(tree: ast.Module) -> Iterator[Finding]:
    """What a pure module must not have: effectful imports (for types they may), I/O, globals that change."""
    names = names_of(tree)
    for node in _runtime(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        elif isinstance(node, ast.Call) and names.dotted(node.func) in DOES_IO:
            yield Finding(node.lineno, names.dotted(node.func))
            continue
        elif isinstance(node, ast.Global | ast.Await):
            yield Finding(node.lineno, type(node).__name__.lower())
            continue
        else:
            continue
        for module in modules:
            if module.partition(".")[0] in EFFECTFUL:
                yield Finding(node.lineno, f"import {module}")


def _runtime(tree: ast.Module) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))


SUBJECT = re.compile(r"(^|\.)(Subject|AsyncSubject|ReplaySubject|BehaviorSubject)$")


def public_subjects(tree: ast.Module) -> Iterator[Finding]:
    """A raw Subject under a public name: an attribute, a module's variable, what a function returns."""
    names = names_of(tree)

    def is_subject(node: ast.expr | None) -> bool:
        if isinstance(node, ast.Call):
            node = node.func
        if isinstance(node, ast.BinOp):  # Subject[int] | None
            return is_subject(node.left) or is_subject(node.right)
        return node is not None and bool(SUBJECT.search(names.foreign(node)))

    if not any(SUBJECT.search(name) for name in names.imported.values()) and not names.imports("reactivex"):
        return
    local = {
        id(n) for f in names.of(ast.FunctionDef, ast.AsyncFunctionDef) for n in ast.walk(f) if n is not f
    }
    for node in names.of(ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.AsyncFunctionDef):
        if isinstance(node, ast.Assign):
            targets, subject = node.targets, is_subject(node.value)
        elif isinstance(node, ast.AnnAssign):
            targets, subject = [node.target], is_subject(node.value) or is_subject(node.annotation)
        else:
            if not node.name.startswith("_") and id(node) not in local and is_subject(node.returns):
                yield Finding(node.lineno, f"{node.name} returns a Subject")
            continue
        for target in targets if subject else ():
            name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "_")
            if not name.startswith("_") and (isinstance(target, ast.Attribute) or id(node) not in local):
                yield Finding(node.lineno, name)


def sleeps_then_assert(tree: ast.Module) -> Iterator[Finding]:
    """A sleep whose next statement asserts (or checks): it guesses how long others take."""
    names = names_of(tree)
    if not any(last(names.dotted(call.func)) == "sleep" for call in names.calls()):
        return
    for block in statements(names):
        for statement, following in pairwise(block):
            if _sleeps(statement, names) and _asserts(following, names):
                yield Finding(statement.lineno, ast.unparse(statement))


def _called(statement: ast.stmt) -> ast.Call | None:
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.Await):
        value = value.value
    return value if isinstance(value, ast.Call) else None


def _sleeps(statement: ast.stmt, names: Names) -> bool:
    call = _called(statement)
    if call is None or last(names.foreign(call.func)) != "sleep":
        return False
    return not (call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0)


def _asserts(statement: ast.stmt, names: Names) -> bool:
    if isinstance(statement, ast.Assert):
        return True
    if isinstance(statement, ast.With):
        return bool(statement.body) and _asserts(statement.body[0], names)
    call = _called(statement)
    return call is not None and bool(
        re.match(r"_?(check|assert|expect|verify)", last(names.dotted(call.func)))
    )


def swallowed(tree: ast.Module) -> Iterator[Finding]:
    """An exception of any kind that nobody hears of; of a named kind, one that is passed over in silence.

    Of a named kind it may be, where an `else` says what happens when it does not come.
    """
    names = names_of(tree)
    answered = {id(handler) for block in names.of(ast.Try) if block.orelse for handler in block.handlers}
    for node in names.of(ast.ExceptHandler, ast.Call):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or any(_is_broad(kind, names) for kind in _kinds(node.type))
            if (broad or id(node) not in answered) and all(_silent(s, broad) for s in node.body):
                yield Finding(node.lineno, f"except {ast.unparse(node.type) if node.type else ''}".strip())
        elif last(names.dotted(node.func)) == "suppress" and any(_is_broad(k, names) for k in node.args):
            yield Finding(node.lineno, ast.unparse(node))


def _is_broad(kind: ast.expr, names: Names) -> bool:
    return last(names.dotted(kind)) in ("Exception", "BaseException")


def _kinds(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _silent(statement: ast.stmt, broad: bool) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return True
    silent_return = isinstance(statement, ast.Return) and (
        statement.value is None or isinstance(statement.value, ast.Constant)
    )
    return broad and (silent_return or isinstance(statement, ast.Continue | ast.Break))


def bare_locks(tree: ast.Module) -> Iterator[Finding]:
    """A lock that the recorder does not see."""
    names = names_of(tree)
    for node, name in names.uses():
        if re.fullmatch(
            r"(_?threading|_thread|multiprocessing)\.(R?Lock|Condition|allocate_lock)", names.foreign(node)
        ):
            yield Finding(node.lineno, name)
