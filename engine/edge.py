"""The edge's container as the rollout sees it: its admin socket, its state volume, its files.

Everything goes through `docker exec`, so no port is needed and a remote engine is as good as a local one.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine import quick
from engine.client import Result, execute, find, not_running
from engine.errors import NeedsPerson
from workloads import places

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

_CODES = re.compile(r"(\d{3}\s*)*")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# A shell takes note of the end of a command in the background while it waits for `sleep`; then `kill -0` fails.
_WHILE = """"$@" & command=$!
while kill -0 $command 2>/dev/null; do
if {condition}; then sleep 0.1; else kill $command; break; fi
done
wait $command"""
_READY = 5  # seconds that a readiness answer may take


class Edge:
    """The running proxy container. Raises NeedsPerson when it is not there or not running."""

    container: "Container | quick.Container"
    name: str

    def __init__(self, client: "docker.DockerClient | quick.Engine", name: str) -> None:
        container = find(client, name)
        if container is None or container.status != "running":
            raise NeedsPerson(f"The edge's container {not_running(name, container.status if container else 'absent')}")
        self.container, self.name = container, name

    @property
    def root(self) -> str:
        """For `run`: the user who may write the state, in the group that may enter the folder of the admin socket."""
        user: str = self.container.attrs["Config"]["User"]
        return "0:" + user.partition(":")[2]

    def run(self, command: Sequence[str], *, user: str = "", env: dict[str, str] | None = None) -> Result:
        """Run a command in the container. The state volume belongs to root: writing there needs `user="0"`."""
        return execute(self.container, command, user=user, env=env)

    def run_while(self, command: Sequence[str], condition: str) -> Result:
        """Run a command, and end it when the shell condition no longer holds."""
        return self.run(["sh", "-c", _WHILE.format(condition=condition), "sh", *command])

    def must(self, command: Sequence[str], *, user: str = "", env: dict[str, str] | None = None) -> str:
        """The standard output of a command that has to succeed. Raises NeedsPerson with its error output if not."""
        result = self.run(command, user=user, env=env)
        if result.code:
            raise NeedsPerson(
                f"In {self.name}, `{' '.join(command)}` failed with exit code {result.code}:\n"
                f"{result.stderr.strip() or result.stdout.strip()}"
            )
        return result.stdout

    def ask(self, path: str, *, timeout: float = 2) -> str | None:
        """The body of a 2xx answer on the admin socket, without its line end; None if there is none in time."""
        result = self.run([*self._curl(timeout), "-f", f"http://edge{path}"])
        return result.stdout.rstrip("\n") if result.code == 0 else None

    def codes(self, places: Sequence[str]) -> list[int]:
        """The status of a GET of each place on the admin socket (as `blue-0/readyz`), 0 for no answer in time."""
        return read_codes(self.run(self.asking(places)).stdout, len(places))

    def asking(self, places: Sequence[str]) -> list[str]:
        """The command whose output `read_codes` reads."""
        asked = [word for place in places for word in ("-o", "/dev/null", f"http://{place}")]
        return [*self._curl(_READY), "-w", "%{http_code}\\n", *asked]

    def send(self, method: str, place: str, body: str, *, timeout: float, only_while: str) -> tuple[int, str]:
        """Status (0 for no whole answer) and text of a request with a JSON body to a place on the admin socket. It is
        cut off as `run_while` says."""
        data = ["-H", "Content-Type: application/json", "--data-raw", body] if body else []
        curl = [*self._curl(timeout), "-X", method, *data, "-w", "\\n%{http_code}", f"http://{place}"]
        result = self.run_while(curl, only_while)
        text, _, code = result.stdout.rpartition("\n")
        return (int(code) if result.code == 0 else 0), text

    def holding(self, path: str) -> list[str]:
        """A command that prints the answers to one path over a single connection, 50 a second, for 30 s.

        It ends early where one does not come in time.
        """
        return [*self._curl(_READY), "-N", "--fail-early", "--rate", "50/s", f"http://edge{path}?[1-1500]"]

    def renewing(self, path: str, times: int) -> list[str]:
        """A command that prints the answers to one path, each over a connection of its own."""
        return [*self._curl(_READY), "-H", "Connection: close", f"http://edge{path}?[1-{times}]"]

    def certificate(self) -> str:
        """The certificate that clients are shown now, in PEM without its chain; empty if none is."""
        hostname, _, spoken = (self.ask("/hostname") or "").partition(" ")
        curl = ["curl", "-sk", "--max-time", "5", "-o", "/dev/null", "-w", "%{certs}"]
        first = ["--haproxy-protocol"] if spoken else []
        where = ["--connect-to", f"{hostname}:443:127.0.0.1:{places.HTTPS}", f"https://{hostname}/"]
        said = self.run([*curl, *first, *where]).stdout if hostname else ""
        found = _PEM.search(said)  # curl describes it before
        return found[0] if found else ""

    def _curl(self, timeout: float) -> list[str]:
        return ["curl", "-sS", "--max-time", str(timeout), "--unix-socket", places.ADMIN_SOCKET]


def read_codes(printed: str, count: int) -> list[int]:
    """What `Edge.asking` has printed for `count` places."""
    # Where curl cannot even be run, what comes is an error's text, or nothing.
    answers = [int(code) for code in printed.split()] if _CODES.fullmatch(printed) else []
    return answers + [0] * (count - len(answers))
