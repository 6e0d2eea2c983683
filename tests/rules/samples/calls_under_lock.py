"""Lines that end in `# flag` break the rule `calls_under_lock`; no other line does."""

import threading

from brummer_rx.pipeline import guards

LOCK = threading.Lock()
global_lock = guards.lock("global")


class Hub:
    def __init__(self, subject, pool, on_change, callbacks):
        self._lock = guards.lock("hub")
        self._callbacks_lock = guards.lock("hub callbacks")
        self._subject = subject
        self._pool = pool
        self._on_change = on_change
        self._callbacks = callbacks
        self._clock = None

    def publish(self, x):
        with self._lock:
            self._subject.on_next(x)  # flag
            self._subject.on_error(ValueError())  # flag
            self._subject.on_completed()  # flag
            self._stage.offer(x)  # flag
            self._stage.try_emit(x)  # flag
            self._bus.emit(x)  # flag
            self._pool.submit(print)  # flag
            self._lane.submit_drain(print)  # flag
            self._upstream.dispose()  # flag
            self._parked.resume()  # flag
            self._on_change(x)  # flag
            self.on_drop(x)  # flag
            self._future.set_result(x)  # flag
            self._submit()  # flag
        self._subject.on_next(x)

    def each(self, x, change, key=lambda y: y):
        with self._callbacks_lock:
            for tell in self._callbacks:
                tell(x)  # flag
            change(x)  # flag
            if key is not None:
                return key(x)  # flag
        change(x)
        return None

    def deeper(self, x):
        with self._lock:
            self._outer(x)
            self._pure(x)

    def _outer(self, x):
        if x:
            self._inner(x)

    def _inner(self, x):
        self._subject.on_next(x)  # flag

    def _pure(self, x):
        self._items.append(x)
        later = lambda: self._subject.on_next(x)  # noqa: E731
        self._later.append(later)

        def much_later():
            self._subject.on_next(x)

        self._later.append(much_later)

    def _free(self, x):
        self._subject.on_next(x)

    def waits(self, event, future):
        with self._lock, open("x") as file:
            event.wait(1)  # flag
            time.sleep(1)  # flag
            future.result()  # flag
            file.read()
            len(self._items)
            self._items.popleft()

    def copies(self):
        with self._lock:
            callbacks = tuple(self._callbacks)
            size = len(callbacks)
        for callback in callbacks:
            callback(size)

    def other_names(self, x):
        with self._clock:
            self._subject.on_next(x)
        with self.block:
            self._subject.on_next(x)

    async def suspended(self, source):
        async with self._lock:
            await source.read()  # flag

    def generated(self):
        with self._lock:
            yield from self._items  # flag
        yield 1


def plain(lock, subject, wake):
    with lock:
        taken = subject.take()
        for resume in wake:
            resume()  # flag
    with global_lock:
        subject.on_next(taken)  # flag
        helper(subject)
    with guards.lock("made on the spot"):
        subject.on_next(taken)  # flag
    with LOCK:
        subject.on_completed()  # flag


def helper(subject):
    subject.on_next(1)  # flag
