"""Lines that end in `# flag` break the rule `runs_in_callbacks`; no other line does."""

import subprocess

import reactivex
from reactivex import operators as ops


def main(source, session, loop):
    def on_next(x):
        source.run()  # flag
        x.pipe(ops.count()).run()  # flag
        x.run(scheduler=loop)  # flag
        subprocess.run(["true"], check=True)

    source.subscribe(on_next)
    source.map(lambda x: x.run())  # flag
    reactivex.of(1, 2).run()  # flag
    source.pipe(ops.last()).run()  # flag
    session.run()
    session.run("now")
    loop.run()


class Loop:
    def run(self):
        self._session.run()

    async def serve(self):
        self._inner.run()
