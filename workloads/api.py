"""The API: one colour's containers, and the one-shot that runs before a release."""

from collections.abc import Mapping
from dataclasses import replace

from settings import Settings
from settings.api import Api
from workloads import images, ollama
from workloads.colour import Colour
from workloads.network import address, attach
from workloads.release import release
from workloads.secrets import delivery
from workloads.way import Way
from workloads.workload import DependsOn, Exemption, Listen, Log, Resources, Stop, Workload

BEFORE = "api-before"
_HOSTS: dict[Colour, int] = {"blue": 32, "green": 64}
"""The host part of a colour's first address; replicas follow. A colour has room for 32."""


def colour_workloads(settings: Settings, colour: Colour, count: int | None = None) -> tuple[Workload, ...]:
    """The replicas of one colour, as many as the settings say, or `count` of them. The image gets OLLAMA_BASE_URL,
    ORCA_COLOUR and ORCA_RELEASE."""
    return tuple(_replica(settings, colour, replica) for replica in range(count or settings.api.replicas))


def before(settings: Settings) -> Workload | None:
    """The one-shot of `api.before`: a container as the API's own, where its settings ask for one."""
    wanted = settings.api.before
    if wanted is None:
        return None
    replica = colour_workloads(settings, "blue")[0]
    return replace(
        replica,
        name=f"{settings.stack}-{BEFORE}",
        service=BEFORE,
        purpose="runs a command of the new image before a release",
        entrypoint=wanted.command[:1],
        command=wanted.command[1:],
        env={name: value for name, value in replica.env.items() if name != "ORCA_COLOUR"},
        labels={},
        networks=tuple(attach(settings, attachment.network) for attachment in replica.networks),
        listens=(),
        restart="no",
        advice="Requests are served by the release before, and its standby is untouched. Correct the command or the "
        "image, then run the same command again.",
        exemptions=(
            Exemption(rule="health-check", reason="it runs to its end; its exit code is the answer"),
            Exemption(rule="restart", reason="a failed run fails the update, and the next update runs it again"),
        ),
    )


def current_release(settings: Settings) -> str:
    """The id of the release that the settings describe."""
    return colour_workloads(settings, "blue")[0].labels["orca.release"]


def former_release(settings: Settings) -> str:
    """The id of the same release in version 0.1, which did not record the way: it was no part of the id."""
    return _release(settings, {})


def way(api: Api) -> Way:
    """The way to the release that the settings describe."""
    return Way(
        port=api.port,
        readiness=api.readiness,
        paths=api.paths,
        marks_streams=api.marks_streams,
        keep_alive=api.keep_alive or 0,
        replicas=api.replicas,
    )


def upstreams(settings: Settings, colour: Colour, to: Way) -> tuple[str, ...]:
    """`address:port` of each replica of a colour that runs a release with the way `to`, where the edge asks it."""
    return tuple(
        f"{address(settings, 'app-network', _HOSTS[colour] + replica)}:{to.port}" for replica in range(to.replicas)
    )


def _replica(settings: Settings, colour: Colour, replica: int) -> Workload:
    labels, usual = way(settings.api).labels, way(Api()).labels
    # A default is no part of the id: so a new setting makes no new release of a stack that does not use it.
    release_id = _release(settings, {name: value for name, value in labels.items() if usual[name] != value})
    return _workload(settings, colour, replica, release_id=release_id, labels=labels)


def _workload(
    settings: Settings, colour: Colour, replica: int, *, release_id: str, labels: Mapping[str, str]
) -> Workload:
    service = f"api-{colour}"
    networks = ["app-network", "model", *(["egress"] if settings.api.egress else [])]
    secrets = delivery(settings)
    return Workload(
        name=f"{settings.stack}-{service}" + (f"-{replica + 1}" if replica else ""),
        service=service,
        purpose=f"the API, {colour}: live, standby or next release",
        image=images.api(settings),
        user=settings.api.user,
        env={
            "OLLAMA_BASE_URL": f"http://ollama:{ollama.PORT}",
            **settings.api.env,
            **secrets.env,
            "ORCA_COLOUR": colour,
            "ORCA_RELEASE": release_id,
        },
        secret_env=secrets.secret_env,
        secrets=secrets.id,
        groups=secrets.groups,
        files=secrets.files,
        mounts=secrets.mounts,
        labels={"orca.colour": colour, "orca.release": release_id, "orca.replica": str(replica), **labels},
        networks=tuple(attach(settings, network, _HOSTS[colour] + replica) for network in networks),
        listens=(
            Listen(
                port=settings.api.port,
                needed_by=frozenset({"nginx", "blackbox"}),
                why="the edge passes requests on, and the probe asks whether it is ready",
                wider="the others share a network with it: the other colour, the model server, and on egress what "
                "else has a way out",
            ),
        ),
        depends_on=(DependsOn(service=ollama.SERVICE), DependsOn(service=ollama.INIT, condition="completed")),
        tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
        log=Log(labels=("orca.colour", "orca.release")),
        stop=Stop(signal="SIGTERM", grace=settings.api.drain),
        resources=Resources(memory=settings.api.memory, cpus=settings.api.cpus, pids=settings.api.pids),
        exemptions=(
            Exemption(
                rule="health-check",
                reason="any image will do, so the check is the image's own; the gate asks the readiness path",
            ),
        ),
    )


def _release(settings: Settings, labels: Mapping[str, str]) -> str:
    # The number of replicas is part of the release, though it is part of no container.
    return release(_workload(settings, "blue", 0, release_id="", labels=labels), settings.api.replicas)
