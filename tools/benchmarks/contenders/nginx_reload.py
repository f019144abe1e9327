"""Plain nginx, from the same image as this project's edge: a command changes its configuration and reloads it."""

from pathlib import Path

import docker

import images
from certificates.pem import Pair
from tools.benchmarks.contenders import Contender
from tools.benchmarks.host import EDGE_NETWORK, NGINX_VERSION, STACK, Backends, address, printed, start

_CONFIG = Path(__file__).parent.parent / "nginx" / "nginx.conf"
_UPSTREAM = "upstream api {{\n    server {server};\n    keepalive 32;\n}}\n"
# A rename, so that a reload never reads half of the file.
_SWITCH = "cd /etc/nginx/live && cp {colour}.conf new && mv -T new upstream.conf && nginx -s reload"


def begin(
    engine: docker.DockerClient, backends: Backends, certificate: Pair, ca: Path, port: int, *, min_timeout: str = ""
) -> Contender:
    """`min_timeout` is what `keepalive_min_timeout` is set to, as "10s": how long a connection is kept after its last
    request, also by a worker that a reload has told to end. By default it is not set, as in most configurations.
    """
    name = f"{STACK}-reload" + ("-min-timeout" if min_timeout else "")
    options = f"keepalive_min_timeout {min_timeout};" if min_timeout else ""
    files = {
        "nginx.conf": _CONFIG.read_text(),
        "certificate.pem": certificate.certificate + ca.read_text(),
        "key.pem": certificate.key,
        "live/blue.conf": _UPSTREAM.format(server=backends.blue),
        "live/green.conf": _UPSTREAM.format(server=backends.green),
        "live/upstream.conf": _UPSTREAM.format(server=backends.blue),
        "live/options.conf": options,
    }
    start(engine, name, images.reference("nginx"), files, "/etc/nginx", owner=101, port=port, backends=backends)
    return Contender(
        name="nginx reload, patient" if min_timeout else "nginx reload",
        software=printed(engine, name, NGINX_VERSION)
        + (f", keepalive_min_timeout {min_timeout}" if min_timeout else ""),
        url=f"https://localhost:{port}",
        direct=f"{address(engine, name, EDGE_NETWORK)}:8443",
        ca=ca,
        forth=("docker", "exec", name, "sh", "-c", _SWITCH.format(colour="green")),
        back=("docker", "exec", name, "sh", "-c", _SWITCH.format(colour="blue")),
    )
