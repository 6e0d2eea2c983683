"""Lines that end in `# flag` break the rule `hops`; no other line does."""

from reactivex import operators as ops
from reactivex.operators import observe_on
from reactivex.operators import subscribe_on as on

from brummer_rx.pipeline.stage import observe_on_bounded


def hop(source, pool, lane):
    source.observe_on(pool)  # flag
    source.subscribe_on(pool)  # flag
    source.pipe(ops.observe_on(pool))  # flag
    source.pipe(
        ops.map(str),
        ops.subscribe_on(pool),  # flag
    )
    source.pipe(observe_on(pool), on(pool))  # flag # flag
    later(ops.observe_on, pool)  # flag
    source.pipe(observe_on_bounded(lane, name="here"))
    source.map(str).filter(bool)
