"""The strict load client of this folder, run beside a test: what it sent, and what became of each request."""

import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tools.lab import go
from tools.lab.wait import eventually

SOURCE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Mix:
    """How many clients of each kind, and the pause of each between two requests, as `20@5ms,15@1s`. `header` is that
    of every request, as `X-Api-Key: secret`."""

    keepalive: str = ""
    fresh: str = ""
    get: str = ""
    stream: str = ""
    post_path: str = "/v1/echo"
    body: str = '{"load": true}'
    get_path: str = "/v1/hello"
    stream_path: str = "/v1/stream?seconds=8"
    header: str = ""


@dataclass(frozen=True)
class Request:
    """One request; times in Unix seconds. `outcome` is `ok`, `truncated`, a status, or an error's text. `first` is when
    the first byte of the answer's body came, negative if none did."""

    kind: str
    start: float
    end: float
    version: str
    outcome: str
    first: float = -1


@dataclass
class Result:
    """All requests of a run, in the order of their ends."""

    requests: list[Request] = field(default_factory=list)

    def of(self, *kinds: str) -> "Result":
        return Result([request for request in self.requests if request.kind in kinds])

    def after(self, moment: float) -> "Result":
        """The requests that began after that moment."""
        return Result([request for request in self.requests if request.start > moment])

    @property
    def lost(self) -> list[Request]:
        return [request for request in self.requests if request.outcome != "ok"]

    @property
    def versions(self) -> set[str]:
        """The versions that answered; an answer that came from none has the version ''."""
        return {request.version for request in self.requests}

    def first(self, version: str) -> float:
        """When the first answer of a version had come."""
        return min(request.end for request in self.requests if request.version == version)

    def summary(self) -> str:
        """One line a kind and outcome, for a failed assertion."""
        counts = Counter((request.kind, request.outcome, request.version) for request in self.requests)
        return "\n".join(f"{n:8} {' '.join(what)}" for what, n in sorted(counts.items()))

    def __len__(self) -> int:
        return len(self.requests)


class Running:
    """A run that goes on. What it prints is only collected meanwhile: the machine is needed for the load."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._lines: list[str] = []
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            if line == "ready\n":
                self._ready.set()
                continue
            if not line.endswith("\n"):  # cut off with the client itself
                break
            self._lines.append(line)

    def wait_ready(self, timeout: float = 30) -> None:
        assert self._ready.wait(timeout), "not every client's first answer has begun"

    def wait_answers(self, count: int, timeout: float = 60) -> None:
        """Go on until so many requests have ended, however fast the machine is."""
        eventually(lambda: len(self._lines) >= count, timeout, f"{count} requests have ended")

    def end(self) -> Result:
        """Stop sending, let running requests end, and return all of them."""
        assert self._process.stdin
        if not self._process.stdin.closed:
            self._process.stdin.close()
        self._reader.join(180)
        assert self._process.wait(10) == 0
        return Result([_request(line) for line in self._lines])


def _request(line: str) -> Request:
    kind, start, end, version, outcome, first = line.rstrip("\n").split("\t")
    return Request(kind, float(start), float(end), version, outcome, float(first))


class LoadClient:
    """Compiles the client into the folder `build`; `prefix` is the command that it is run by, if any."""

    def __init__(self, build: Path, prefix: tuple[str, ...] = ()) -> None:
        self._binary = build / "load"
        self._prefix = prefix
        go.build(SOURCE, self._binary)

    @contextmanager
    def run(self, url: str, ca: Path, mix: Mix, *, wait: bool = True, dial: str = "") -> Iterator[Running]:
        """Send load until the block ends. It begins when every client's first answer has, unless told not to `wait`.

        `dial` is the address (host:port) to connect to, if it is not that of `url`.
        """
        flags = [word for name, value in asdict(mix).items() for word in (f"-{name.replace('_', '-')}", value)]
        process = subprocess.Popen(
            [*self._prefix, str(self._binary), "-url", url, "-ca", str(ca), "-dial", dial, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running = Running(process)
        try:
            if wait:
                running.wait_ready()
            yield running
            running.end()
        finally:
            process.kill()
            process.wait()
