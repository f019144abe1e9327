"""The small stack as the tests of its edge use it, and a client to try it with."""

import json
import ssl
import time
from pathlib import Path
from typing import Any

import docker
import httpx

from tools.lab.place import Place
from tools.lab.stack import SmallStack

OPEN: dict[str, Any] = {"rateLimit": "off", "concurrency": "off"}
COMPLETION = "/v1/stream"
"""The path that stands for a completion: an event every 100 ms for `?seconds=`."""


class EdgeStack(SmallStack):
    """A small stack whose edge is configured anew by each group of tests."""

    def __init__(self, base: Path, engine: docker.DockerClient, image: str, place: Place) -> None:
        self.ports, self.cidr = (place.http, place.https), place.cidr
        self.bound = place.settings["edge"] | {"completionPaths": [COMPLETION]}
        super().__init__(base, engine, image, place)

    def _config(self, version: str, change: dict[str, Any]) -> dict[str, Any]:
        edge = self.bound | change.pop("edge", OPEN)
        return super()._config(version, change) | {"edge": edge}

    def wants(self, **edge: Any) -> None:
        """Write these settings of the edge down."""
        self.write(self._config(self.version, {"edge": edge}))

    def configure(self, **edge: Any) -> None:
        """Give the edge these settings, and see to it that nothing else is touched."""
        before = self.ids()
        self.wants(**edge)
        self.up()
        assert self.ids() == before
        # A self-signed certificate that comes back has a new CA.
        self.ca.write_text(self.outputs()["ca"] or self.ca.read_text())

    def client(self, **options: Any) -> httpx.Client:
        """A client that trusts the stack's CA alone."""
        context = ssl.create_default_context(cafile=str(self.ca))
        return httpx.Client(base_url=self.url, verify=context, timeout=20, **options)

    def log(self, request_id: str) -> dict[str, Any]:
        """The access log's line of a request."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for line in reversed(self.container("nginx").logs(tail=500).decode().splitlines()):
                if request_id in line:
                    found: dict[str, Any] = json.loads(line)
                    return found
            time.sleep(0.1)
        raise AssertionError(f"request {request_id} is not in the access log")


def error_code(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, the code in the body, the content type of a refusal."""
    return answer.status_code, answer.json()["error"]["code"], answer.headers["content-type"]


def refusal(status: int) -> tuple[int, str, str]:
    return status, str(status), "application/json"
