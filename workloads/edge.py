"""NGINX: the only door of the stack."""

from settings import Settings
from workloads import images
from workloads.network import attach
from workloads.places import ACME, ADMIN_SOCKET, CERTIFICATES, CONFIG, HTTP, HTTPS, RUN, STATE
from workloads.storage import Files, Mount, Volume
from workloads.workload import DependsOn, HealthCheck, Listen, Port, Resources, Stop, Workload

SERVICE = "nginx"
_HOST = 5

# The container waits for its first checked configuration; from then on it is always started with the current one. That
# may be one of a container with other volumes: then it waits for the next one, which can only come while it runs.
_WAIT = (
    f"trap 'exit 0' TERM QUIT; until [ -e {STATE}/config/nginx.conf ]; do sleep 0.1; done; "
    f"until nginx -t -q -c {STATE}/config/nginx.conf; do sleep 1; done; "
)
# A certificate that has been renewed is taken up within seconds, unless nginx would refuse it.
_FOLLOW = (
    f"(seen=$(readlink {ACME}/current); while sleep 5; do now=$(readlink {ACME}/current); "
    f'[ "$now" = "$seen" ] || {{ nginx -t -q -c {STATE}/config/nginx.conf && '
    f"nginx -c {STATE}/config/nginx.conf -s reload && seen=$now; }}; done) & "
)
_RUN = f"exec nginx -c {STATE}/config/nginx.conf -g 'daemon off;'"


def listeners(settings: Settings) -> tuple[tuple[int, int], ...]:
    """The ports that nginx listens on in the container for each address of `edge.bind`: HTTP and HTTPS.

    An address has inner ports of its own. The official Docker plugin compares published ports by the inner one: of one
    that is published twice it sees a change at every update, and recreates the container.
    """
    return tuple((HTTP + number, HTTPS + number) for number, _ in enumerate(settings.edge.bind))


def volumes(settings: Settings) -> dict[str, Volume]:
    """Container path to the volume mounted there."""
    places = {CONFIG: "config", CERTIFICATES: "certificates", STATE: "state"}
    if settings.edge.tls.acme:
        places[ACME] = "acme"
    return {path: Volume(name=f"{settings.stack}-edge-{name}") for path, name in places.items()}


def server(settings: Settings) -> Workload:
    """The edge's container. A changed configuration is a reload: its files are in a volume, not in the container."""
    mounted = volumes(settings)
    return Workload(
        name=f"{settings.stack}-{SERVICE}",
        service=SERVICE,
        purpose="the edge: TLS, limits, and the way to the live colour",
        image=images.nginx(settings),
        user="101:101",
        groups=("0",),  # reads certificate keys: owned by root, mode 0440
        entrypoint=("/bin/sh", "-c"),
        command=(_WAIT + (_FOLLOW if ACME in mounted else "") + _RUN,),
        networks=(attach(settings, "edge", _HOST), attach(settings, "app-network", _HOST)),
        files=(Files(volume=mounted[CONFIG]), Files(volume=mounted[CERTIFICATES], mode="0440")),
        mounts=tuple(Mount(volume=mounted[path], path=path, read_only=path != STATE) for path in mounted),
        depends_on=(DependsOn(service="acme"),) if ACME in mounted else (),
        tmpfs={RUN: "rw,noexec,nosuid,nodev,size=256m,uid=101,gid=101,mode=0750"},
        # For an API that keeps no connections, each request leaves a closed one behind for a minute: without this, some
        # 470 requests a second (28,232 ports / 60 s) use up the ports towards the live colour, and the standby would
        # answer instead.
        sysctls={"net.ipv4.tcp_tw_reuse": "1"},
        ports=tuple(
            Port(container=inside, host=outside, bind=address)
            for address, inner in zip(settings.edge.bind, listeners(settings), strict=True)
            for inside, outside in zip(inner, (settings.edge.http_port, settings.edge.https_port), strict=True)
        ),
        listens=tuple(
            Listen(
                port=port,
                needed_by=frozenset({"blackbox"}),
                why="clients come by the published port, and the probe comes as one",
                wider="the edge meets the API on app-network; it asks a client there no less than one outside",
            )
            for inner in listeners(settings)
            for port in inner
        ),
        health=HealthCheck(
            test=("CMD", "curl", "-fsS", "-o", "/dev/null", "--unix-socket", ADMIN_SOCKET, "http://edge/health"),
            interval=10,
            timeout=5,
            retries=3,
            start_period=30,
        ),
        # After SIGQUIT nginx ends each request in flight. It gets as long as an answer may pause.
        stop=Stop(signal="SIGQUIT", grace=settings.edge.read_timeout),
        resources=Resources(memory=settings.edge.memory, cpus=settings.edge.cpus, pids=settings.edge.pids),
    )
