"""The shop's web server: a catalogue over HTTP with an access log.

Environment: SHOP_PORT (default 8765), SHOP_REQUESTS (end after so many; without it, serve until stopped).
"""

from __future__ import annotations

import json
import os
import random
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from said import Said

PORT = int(os.environ.get("SHOP_PORT", "8765"))
REQUESTS = int(os.environ.get("SHOP_REQUESTS", "0"))
ITEMS = {n: {"id": n, "name": name} for n, name in enumerate(("lamp", "chair", "kettle", "bücher", "椅子"))}
said = Said()


class Shop(BaseHTTPRequestHandler):
    """GET /items, /items/N and /slow; anything else is 404."""

    def do_GET(self) -> None:
        if self.path == "/items":
            self._answer(200, list(ITEMS.values()))
        elif self.path.startswith("/items/") and self.path[7:].isdigit() and int(self.path[7:]) in ITEMS:
            self._answer(200, ITEMS[int(self.path[7:])])
        elif self.path == "/slow":
            said.out(f"WARN slow query on /slow took {random.randrange(200, 900)} ms")
            self._answer(200, [])
        else:
            self._answer(404, {"error": "not found"})

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        said.out(f'{self.client_address[0]} "{self.requestline}" {int(code)} {size}')

    def log_message(self, format: str, *args: object) -> None:
        said.err("ERROR " + format % args)


def main() -> None:
    """Serve; the number of requests is bounded when SHOP_REQUESTS says so."""
    with ThreadingHTTPServer(("127.0.0.1", PORT), Shop) as server:
        server.daemon_threads = False
        said.out(f"shop is open at http://127.0.0.1:{PORT}/items")
        if REQUESTS:
            for _ in range(REQUESTS):
                server.handle_request()
        else:
            server.serve_forever()
    said.goodbye()


if __name__ == "__main__":
    main()
