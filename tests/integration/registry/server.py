"""A registry of models with faults, each kind on a port of its own, and a proxy: run by Python's standard library in a
container beside /models, the folder that images/model-mirror serves.

| port | what it is |
|---|---|
| 5000 | a registry in order, by plain http |
| 5001 | sends blobs from another path of the same host |
| 5002 | slow: `SLOW` bytes a second |
| 5003 | breaks each download off in the middle, as often as `BREAKS` says |
| 5004 | goes silent in the middle of each blob, and keeps the connection |
| 5005 | refuses everybody |
| 5006 | serves the manifest, and blobs with other contents |
| 5007 | below a path, for who logs in; it sends blobs itself, and says no address |
| 5443 | in order, by https with a certificate of a private authority |
| 5444 | the same, and sends blobs from another host |
| 3128 | a proxy for https (CONNECT); its log has the hosts that it was asked for |
| 3129 | the same, for who logs in |

Every namespace has the models of `library`.
"""

import os
import re
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MODELS = Path("/models/v2/library")
LOGIN = "Basic dXNlcjpwYXNzd29yZA=="  # user:password
PROXY_LOGIN = "Basic dXNlcjpwQHNzOncvcmQl"  # user:p@ss:w/rd%
SLOW = int(os.environ.get("SLOW", "10000000"))
TLS = (5443, 5444)
SILENT = threading.Event()  # nobody sets it
breaks = int(os.environ.get("BREAKS", "2"))


class Registry(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        port: int = self.connection.getsockname()[1]
        if port == 5005:
            self.refuse(401, '{"errors": [{"code": "UNAUTHORIZED", "message": "log in first"}]}')
            return
        below = "/repository/models" if port == 5007 else ""
        if below and self.headers["Authorization"] != LOGIN:
            self.refuse(401, '{"errors": [{"code": "UNAUTHORIZED", "message": "log in first"}]}')
            return
        match = re.fullmatch(below + r"/(?:v2|elsewhere)/[^/]+/([^/]+)/(manifests|blobs)/([^/?]+)", self.path)
        file = MODELS / match[1] / match[2] / match[3] if match else MODELS
        if match is None or not file.is_file():
            self.refuse(404, '{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')
            return
        blob = match[2] == "blobs"
        if port == 5001 and blob and self.path.startswith("/v2/"):
            self.send_response(307)
            self.send_header("Location", self.path.replace("/v2/", "/elsewhere/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if port == 5444 and blob:
            self.send_response(307)
            self.send_header("Location", f"https://hf.example:5443{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send(file, body=body, blob=blob, port=port)

    def send(self, file: Path, *, body: bool, blob: bool, port: int) -> None:
        global breaks
        size, first = file.stat().st_size, 0
        if wanted := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
            first, last = int(wanted[1]), min(int(wanted[2]), size - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        else:
            last = size - 1
            self.send_response(200)
        if blob and port != 5007:
            scheme = "https" if port in TLS else "http"
            self.send_header("Location", f"{scheme}://{self.headers['Host']}{self.path}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if not body:
            return
        # Ollama asks for a blob once without a range, for its place alone, and leaves.
        if port == 5003 and wanted and breaks > 0:
            breaks -= 1
            last = (first + last) // 2
            self.close_connection = True
        begin = time.monotonic()
        with file.open("rb") as data:
            data.seek(first)
            sent, left = 0, last - first + 1
            while left and (piece := data.read(min(65536, left))):
                self.wfile.write(piece[::-1] if port == 5006 and blob else piece)
                sent, left = sent + len(piece), left - len(piece)
                if port == 5004 and blob and left < sent:
                    SILENT.wait()
                if port == 5002 and blob:
                    time.sleep(max(0.0, sent / SLOW - (time.monotonic() - begin)))

    def refuse(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


class Proxy(BaseHTTPRequestHandler):
    def do_CONNECT(self) -> None:
        by: int = self.connection.getsockname()[1]
        if by == 3129 and self.headers["Proxy-Authorization"] != PROXY_LOGIN:
            self.send_response(407)
            self.send_header("Proxy-Authenticate", "Basic")
            self.end_headers()
            return
        print(f"CONNECT {self.path} by {by}", flush=True)
        host, port = self.path.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as far:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=pump, args=(far, self.connection))
            back.start()
            pump(self.connection, far)
            back.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(port: int, handler: type[BaseHTTPRequestHandler]) -> None:
    server = ThreadingHTTPServer(("", port), handler)
    if port in TLS:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("/registry/tls.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    for number in (5000, 5001, 5002, 5003, 5004, 5005, 5006, 5007, *TLS):
        serve(number, Registry)
    for number in (3129, 3128):  # the tests wait for the last one
        serve(number, Proxy)
