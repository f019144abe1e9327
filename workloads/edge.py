"""NGINX: the only door of the stack."""

from settings import Settings
from workloads import images
from workloads.network import attach
from workloads.workload import HealthCheck, Mount, Port, Resources, Stop, Workload

HTTP, HTTPS = 8080, 8443
CONFIG, CERTIFICATES, STATE = "/etc/edge", "/etc/edge-certificates", "/var/lib/edge"
"""Read-only volumes of rendered files and of certificates, and the state volume that root alone may write."""
ACME = "/var/lib/acme"
"""The volume of the ACME client, which nginx may read; only in a stack that has one."""
RUN = "/run/edge"
ADMIN_SOCKET = f"{RUN}/admin.sock"

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


def volumes(settings: Settings) -> dict[str, str]:
    """Container path to the name of the volume mounted there."""
    acme = {ACME: f"{settings.stack}-edge-acme"} if settings.edge.tls.acme else {}
    return {
        CONFIG: f"{settings.stack}-edge-config",
        CERTIFICATES: f"{settings.stack}-edge-certificates",
        STATE: f"{settings.stack}-edge-state",
        **acme,
    }


def proxy(settings: Settings) -> Workload:
    """The proxy container. A changed configuration never replaces it."""
    mounted = volumes(settings)
    return Workload(
        name=f"{settings.stack}-nginx",
        image=images.nginx(settings),
        user="101:101",
        groups=("0",),  # reads certificate keys: owned by root, mode 0440
        entrypoint=("/bin/sh", "-c"),
        command=(_WAIT + (_FOLLOW if ACME in mounted else "") + _RUN,),
        networks=(attach(settings, "edge", "nginx"), attach(settings, "app-network", "nginx")),
        mounts=tuple(Mount(volume=mounted[path], path=path, read_only=path != STATE) for path in mounted),
        tmpfs={RUN: "rw,noexec,nosuid,nodev,size=256m,uid=101,gid=101,mode=0750"},
        # A connection per request leaves a closed one behind for a minute each: without this, some 470 requests a
        # second (28,232 ports / 60 s) use up the ports towards the live colour, and the standby would answer instead.
        sysctls={"net.ipv4.tcp_tw_reuse": "1"},
        ports=(
            Port(container=HTTP, host=settings.edge.http_port, bind=settings.edge.bind),
            Port(container=HTTPS, host=settings.edge.https_port, bind=settings.edge.bind),
        ),
        health=HealthCheck(
            test=("CMD", "curl", "-fsS", "-o", "/dev/null", "--unix-socket", ADMIN_SOCKET, "http://edge/health"),
            interval=10,
            timeout=5,
            retries=3,
            start_period=30,
        ),
        # SIGQUIT lets running answers end; it is as long as the longest pause that an answer may have.
        stop=Stop(signal="SIGQUIT", grace=settings.edge.read_timeout),
        resources=Resources(memory=settings.edge.memory, cpus=settings.edge.cpus, pids=settings.edge.pids),
    )
