"""Lines that end in `# flag` break the rule `replaying_subjects`; no other line does."""

from reactivex import Subject
from reactivex import operators as ops
from reactivex.subject import BehaviorSubject
from reactivex.subject import ReplaySubject as Replay

Replay(100)  # flag
BehaviorSubject(0)  # flag
BehaviorSubject[int](0)  # flag
source = Subject()
source.replay(buffer_size=10)  # flag
source.pipe(ops.replay(10))  # flag
source.pipe(ops.publish_value(0))  # flag
source.pipe(ops.multicast(subject_factory=Replay))  # flag
source.pipe(ops.share())
source.pipe(ops.publish())


class Kept(BehaviorSubject):  # flag
    pass
