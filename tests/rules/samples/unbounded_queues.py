"""Lines that end in `# flag` break the rule `unbounded_queues`; no other line does."""

import asyncio
import multiprocessing
import queue
from queue import PriorityQueue, Queue
from queue import SimpleQueue as Simple

from brummer_rx.pipeline.somewhere import LifoQueue

BOUND = 10

queue.Queue()  # flag
queue.Queue(0)  # flag
queue.Queue(maxsize=0)  # flag
queue.Queue(maxsize=-1)  # flag
queue.LifoQueue()  # flag
PriorityQueue()  # flag
Queue[int]()  # flag
Simple()  # flag
queue.SimpleQueue()  # flag
asyncio.Queue()  # flag
multiprocessing.Queue()  # flag
queue.Queue(10)
queue.Queue(maxsize=BOUND)
asyncio.Queue(maxsize=1)
PriorityQueue(5)
LifoQueue()
