"""`view(state, snap) -> Frame`: what is to be seen. Pure; the state must have `Seen` this snapshot."""

from __future__ import annotations

from brummer_rx.tui.frame import Frame, Hit, Row, Scroll, blank_row
from brummer_rx.tui.layout import layout
from brummer_rx.tui.search import catch_up_due
from brummer_rx.tui.state import Mode, Snap, State, View
from brummer_rx.tui.views import chrome, filters, help, logs, procs, quit
from brummer_rx.tui.views.chrome import message_now
from brummer_rx.tui.views.parts import Part

__all__ = ["view", "wake_at"]

TITLE = "brummer-rx"
SECOND = 1_000_000_000


class _Sheet:
    """The frame while it is put together; lives for one call of `view`."""

    def __init__(self, width: int, height: int) -> None:
        self.rows: list[Row] = [blank_row(width)] * height
        self.hits: list[Hit] = []
        self.cursor: tuple[int, int] | None = None

    def put(self, y: int, part: Part) -> None:
        """A part from row `y` on; what lay there is covered, its hits too."""
        if y < 0:
            return
        below = range(y, y + len(part.rows))
        self.hits = [hit for hit in self.hits if hit.y not in below]
        self.rows[y : y + len(part.rows)] = part.rows
        self.hits += [Hit(hit.y + y, hit.x, hit.width, hit.target) for hit in part.hits]
        if part.cursor is not None:
            self.cursor = (part.cursor[0], part.cursor[1] + y)


def _body(state: State, snap: Snap) -> Part:
    if state.mode is Mode.HELP:
        return help.body(state)
    if state.view is View.PROCS:
        return procs.body(state, snap)
    below = logs.body(state, snap)
    return filters.over(below, state, snap) if state.mode is Mode.FILTERS else below


def view(state: State, snap: Snap) -> Frame:
    """The whole screen: exactly `height` rows of `width` columns."""
    places = layout(state.height)
    sheet = _Sheet(state.width, state.height)
    body = _body(state, snap)
    sheet.put(places.top, body)
    sheet.put(places.header, chrome.header(state, snap))
    sheet.put(places.chips, chrome.chips_row(state, snap))
    sheet.put(places.status, Part((chrome.status(state, snap),)))
    sheet.put(places.footer, chrome.footer(state))
    last = state.height - 1
    if state.mode is Mode.SEARCH:
        sheet.put(last, chrome.prompt_row(state))
    elif state.mode is Mode.QUIT:
        dialog = quit.dialog(state, 2 if places.footer >= 0 else 1)
        sheet.put(state.height - len(dialog.rows), dialog)
    scroll = None
    if body.ids is not None and places.height > 1:
        scroll = Scroll(places.top, places.top + places.height, body.ids)
    rows = tuple(sheet.rows)
    return Frame(state.width, state.height, rows, sheet.cursor, scroll, TITLE, tuple(sheet.hits))


def wake_at(state: State, snap: Snap) -> int | None:
    """When the picture changes although nothing happens, as a wall clock time in ns; None: never."""
    moments: list[int] = []
    message = message_now(state, snap)
    if message is not None:
        moments.append(message.until_ns)
    due = catch_up_due(state, snap.log.end_seq)
    if due is not None:
        moments.append(max(due, snap.now_ns + 1))
    if state.view is View.PROCS and state.mode is not Mode.HELP:
        moments += [_next_second(p.started_ns, snap.now_ns) for p in snap.table.processes if p.started_ns]
    return min(moments, default=None)


def _next_second(since_ns: int, now_ns: int) -> int:
    """When a duration shown in seconds changes next."""
    return now_ns + SECOND - max(0, now_ns - since_ns) % SECOND
