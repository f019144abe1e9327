"""A local engine that must not be asked: it notes every request and answers none."""

import os
import socket
import threading
from pathlib import Path


class Recorder:
    """Listens at `address`. A command that is started by `instead` finds it at Docker's default socket too."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[str] = []
        self._path = folder / "docker.sock"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        return f"unix://{self._path}"

    def instead(self, *command: str) -> tuple[str, ...]:
        """The command, in a mount namespace where this is the default socket; that takes root."""
        if os.geteuid() != 0:
            return command
        mount = 'mount --bind "$1" /var/run/docker.sock && shift && exec "$@"'
        return ("unshare", "--mount", "sh", "-c", mount, "sh", str(self._path), *command)

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    request = connection.recv(4096).decode(errors="replace")
                except OSError:
                    request = ""
                self.requests.append(request.partition("\r\n")[0] or "a connection without a request")
