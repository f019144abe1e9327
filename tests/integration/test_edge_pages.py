"""A page of another origin in a real browser: it asks, it reads a stream as it comes, and it can read a refusal."""

import base64
import hashlib
import json
import queue
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import docker
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.integration.edge import EdgeStack

SOURCE = Path(__file__).parent / "browser"
GOOD, SLOW = secrets.token_hex(32), secrets.token_hex(32)


class Site(ThreadingHTTPServer):
    """The page's own server, `origin`; the same server under the name `stranger` is another origin to a browser.

    `said` has what each of the two pages reports, by the host name that it was asked under.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server_port}"
        self.stranger = f"http://localhost:{self.server_port}"
        self.page = ""
        self.said: queue.Queue[tuple[str, Any]] = queue.Queue()


class Handler(BaseHTTPRequestHandler):
    """The page, which has the same page under the stranger's name in a frame."""

    server: Site

    @property
    def asked(self) -> str:
        """The host name that the browser knows this server by."""
        return self.headers["Host"].partition(":")[0]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        framed = f"{self.server.stranger}/" if self.asked == "127.0.0.1" else "about:blank"
        self.wfile.write(self.server.page.replace("STRANGER", framed).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.said.put((self.asked, json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def fingerprint(stack: EdgeStack) -> str:
    """What Chromium takes for "this certificate is trusted": SHA-256 of its public key, in base64."""
    context = ssl.create_default_context(cafile=str(stack.ca))
    with (
        socket.create_connection(("127.0.0.1", stack.ports[1]), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        found = connection.getpeercert(binary_form=True)
    key = x509.load_der_x509_certificate(found or b"").public_key()
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(encoded).digest()).decode()


def test_a_chat_page(edge: EdgeStack, site: Site, browser: str, engine: docker.DockerClient) -> None:
    edge.configure(
        rateLimit={"completions": {"key": "1000/s"}},
        apiKeys={"page": {"keys": [GOOD]}, "slow": {"keys": [SLOW], "rate": "1/m"}},
        cors={"origins": [site.origin]},
        bodyLimit="1M",
    )
    page = (SOURCE / "page.html").read_text()
    page = page.replace("EDGE", edge.url).replace("KEYS", json.dumps({"good": GOOD, "slow": SLOW}))
    site.page = page
    container = engine.containers.run(
        browser,
        [
            f"--ignore-certificate-errors-spki-list={fingerprint(edge)}",
            "--remote-debugging-port=0",
            "--enable-logging=stderr",
            site.origin,
        ],
        network_mode="host",
        mem_limit="1g",
        init=True,
        detach=True,
    )
    try:
        said = dict(site.said.get(timeout=60) for _ in range(2))
    except queue.Empty:
        pytest.fail(f"the page said nothing:\n{container.logs().decode()}")
    finally:
        log = container.logs().decode()
        container.remove(force=True)

    assert said["localhost"] == {"problem": "TypeError: Failed to fetch"}, "an origin that is not allowed"
    mine = said["127.0.0.1"]
    assert "problem" not in mine, f"{mine}\n{log}"
    chat = mine["chat"]
    assert (chat["status"], chat["type"], chat["version"]) == (200, "text/event-stream", edge.version)
    text = "".join(piece for _, piece in chat["pieces"])
    assert text.endswith("data: [DONE]\n\n")
    (first, begin), (last, _) = chat["pieces"][0], chat["pieces"][-1]
    assert begin.startswith("data: ")
    assert last - first > 800, "milliseconds; the first piece came long before the end"
    assert edge.log(chat["id"])["key"] == "page"
    assert mine["noKey"] == [401, "401", None]
    assert mine["tooLarge"] == [413, "413", None]
    assert (mine["first"], mine["tooMany"]) == (405, [429, "429", "60"])
    lines = edge.container("nginx").logs(tail=200).decode().splitlines()
    asked = [json.loads(line) for line in lines if line.startswith("{")]
    assert ("OPTIONS", "/v1/chat", "204") in {(line["method"], line["path"], line["status"]) for line in asked}
