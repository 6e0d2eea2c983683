"""Customers of the shop: they look at items, some of which are not there.

Environment: SHOP_PORT (default 8765), SHOP_REQUESTS (end after so many; without it, two a second for ever).
"""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request

from said import Said

PORT = int(os.environ.get("SHOP_PORT", "8765"))
REQUESTS = int(os.environ.get("SHOP_REQUESTS", "0"))
PATHS = ("/items", "/items/1", "/items/4", "/slow", "/items/99", "/items/2")
said = Said()


def get(path: str) -> int:
    """The status of one request; the shop may not be open yet."""
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=10) as answer:
                answer.read()
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def main() -> None:
    """Bounded where SHOP_REQUESTS says so."""
    number = 0
    while not REQUESTS or number < REQUESTS:
        path = PATHS[number % len(PATHS)]
        status = get(path)
        said.out(f"{'INFO' if status < 400 else 'WARN'} GET {path} -> {status}")
        number += 1
        time.sleep(0.02 if REQUESTS else 0.5)
    said.goodbye()


if __name__ == "__main__":
    main()
