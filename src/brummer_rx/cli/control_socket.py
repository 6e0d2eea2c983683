"""The control socket of a run: started after the first frame, on the io loop; closed before the rest."""

from __future__ import annotations

from dataclasses import replace

from brummer_rx.cli.session import Session
from brummer_rx.pipeline.ioloop import IoLoop
from brummer_rx.sources.control import ControlServer, load_library

__all__ = ["Control"]

TIMEOUT = 3.0


class Control:
    """Starts and ends the control server of a session. Main thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._io = IoLoop(prepare=load_library)
        self._server = ControlServer(
            session.live, run_folder=session.run_folder.path, state_dir=session.settings.state_dir
        )
        self._started = False

    def start(self) -> None:
        """Begin to listen, in the background; a failure is told and the run goes on without."""
        if self._started:
            return
        self._started = True
        self._io.start()
        self._io.submit(self._serve())

    async def _serve(self) -> None:
        """On the io loop."""
        try:
            await self._server.start()
            if self._server.elsewhere:
                self._name_it()
        except Exception as error:  # noqa: BLE001 - told; the run does not depend on it
            self._session.tell(f"no control socket: {error}", True)

    def _name_it(self) -> None:
        path = str(self._server.path)
        self._session.run_folder.manifest.update(lambda m: replace(m, extra={**m.extra, "control": path}))

    def close(self) -> None:
        """Stop listening and end the io loop. Idempotent."""
        if not self._started:
            return
        self._started = False
        try:
            self._io.submit(self._server.close()).result(TIMEOUT)
        except Exception as error:  # noqa: BLE001 - told; the shutdown goes on
            self._session.tell(f"the control socket did not close: {error!r}", True)
        self._io.close(TIMEOUT)
