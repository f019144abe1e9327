"""HAProxy of Debian, switched over its runtime socket: one command readies the new server and drains the old one."""

from pathlib import Path

import docker

from certificates.pem import Pair
from tools.benchmarks.contenders import Contender
from tools.benchmarks.host import EDGE_NETWORK, STACK, Backends, address, build, printed, start

_FOLDER = Path(__file__).parent.parent / "haproxy"
_SWITCH = (
    "echo 'set server api/{to} state ready; set server api/{old} state drain'"
    " | socat stdio unix-connect:/run/haproxy/admin.sock"
)


def begin(engine: docker.DockerClient, backends: Backends, certificate: Pair, ca: Path, port: int) -> Contender:
    name = f"{STACK}-haproxy"
    config = (_FOLDER / "haproxy.cfg").read_text()
    files = {
        "haproxy.cfg": config.replace("BLUE", backends.blue).replace("GREEN", backends.green),
        "tls.pem": certificate.certificate + ca.read_text() + certificate.key,
    }
    start(engine, name, build(engine, _FOLDER, name), files, "/etc/haproxy", port=port, backends=backends)
    return Contender(
        name="HAProxy, runtime socket",
        software=printed(engine, name, "haproxy -v | head -n 1 | cut -d ' ' -f 1,3"),
        url=f"https://localhost:{port}",
        direct=f"{address(engine, name, EDGE_NETWORK)}:8443",
        ca=ca,
        forth=("docker", "exec", name, "sh", "-c", _SWITCH.format(to="green", old="blue")),
        back=("docker", "exec", name, "sh", "-c", _SWITCH.format(to="blue", old="green")),
    )
