"""An engine on another host, by ssh: a local socket, each connection to which is one `docker system dial-stdio` there.

That is how the docker command does it. The docker package needs paramiko for it, whose import takes a third of a second
from every command, also where no ssh is.
"""

import atexit
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

SCHEME = "ssh://"
_PATIENCE = ("-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4")
"""Half a minute to connect. A connection that has died without a word ends after a minute, and with it the step."""


def tunnel(host: str) -> str:
    """The `unix://` address for the engine at `ssh://[user@]host[:port][/path/of/socket]`, for as long as this process.

    It is reached with the user's own ssh, its configuration and keys; what ssh has to say goes to standard error.
    Raises ConnectionError if the host cannot be reached.
    """
    url = urlsplit(host)
    folder = Path(
        tempfile.mkdtemp(prefix="orca-ssh-")
    )  # this user's alone: a process that can open the socket controls the engine
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    control, path = folder / "control", folder / "docker.sock"
    _hold(url, control)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    engine = ["--host", f"unix://{url.path}"] if url.path.strip("/") else []
    dial = [*_ssh(url, "-q", "-S", str(control)), "docker", *engine, "system", "dial-stdio"]
    threading.Thread(target=_serve, args=(listener, dial), daemon=True).start()
    return f"unix://{path}"


def _hold(url: SplitResult, control: Path) -> None:
    """One connection to the host that all others go through: a handshake for each of them would take most of the time.

    It ends with this process, however that ends: what it runs there reads from here.
    """
    # A server refuses more than ten at a time (MaxSessions); ssh then connects anew, and has no need to say so.
    share = ("-M", "-S", str(control), "-o", "ControlPersist=no", "-o", "LogLevel=ERROR")
    held = subprocess.Popen([*_ssh(url, *share), "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    while not control.exists():
        if held.poll() is not None:
            raise ConnectionError(f"ssh ended with exit code {held.returncode}")
        time.sleep(0.01)


def _ssh(url: SplitResult, *options: str) -> list[str]:
    user = ["-l", url.username] if url.username else []
    port = ["-p", str(url.port)] if url.port else []
    return ["ssh", "-T", *_PATIENCE, *options, *user, *port, "--", url.hostname or ""]


def _serve(listener: socket.socket, dial: list[str]) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            subprocess.Popen(dial, stdin=connection.fileno(), stdout=connection.fileno())
