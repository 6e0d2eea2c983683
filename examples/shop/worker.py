"""The shop's worker: packs orders, and now and then one fails with a traceback on standard error.

Environment: SHOP_JOBS (end after so many; without it, one a second for ever).
"""

from __future__ import annotations

import os
import time
import traceback

from said import Said

JOBS = int(os.environ.get("SHOP_JOBS", "0"))
said = Said()


def pack(order: int) -> str:
    """Pack one order; every seventh has no address."""
    address = {"street": "Long Lane 1"} if order % 7 else {}
    return f"order {order} goes to {address['street']}"


def main() -> None:
    """Bounded where SHOP_JOBS says so."""
    order = 0
    while not JOBS or order < JOBS:
        order += 1
        try:
            said.out(f"INFO packed: {pack(order)}")
        except KeyError:
            said.err(f"ERROR order {order} failed\n{traceback.format_exc().rstrip()}")
        time.sleep(0.01 if JOBS else 1.0)
    said.goodbye()


if __name__ == "__main__":
    main()
