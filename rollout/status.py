"""`status`: which colour is live, what each of them runs, and what happened last."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.client import not_running
from rollout import connections, state
from rollout.colours import Colours, Replica, attempt_of, release_of, shortage
from rollout.gate import NOT_ASKED, codes, passes
from rollout.hint import for_stack
from rollout.journal import Journal, now, rebuilt
from rollout.stack import Stack
from workloads.colour import COLOURS, Colour, other

_FLIPS = 5  # below the table
_NUMBERS = ("age", "in flight", "restarts")
_WIDTH = 132  # columns of the table at least


@dataclass(frozen=True, kw_only=True)
class ColourStatus:
    """One colour; `since` is the start of its youngest container."""

    release: str
    image: str
    health: str
    in_flight: int
    restarts: int
    since: str


@dataclass(frozen=True, kw_only=True)
class CertificateStatus:
    """The certificate that clients are shown; `not_after` is the end of its life."""

    not_after: datetime
    issuer: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """`standby` is the colour that a rollback would go to, None if there is none. `down` are the other services that
    should run and do not, each with its state."""

    stack: str
    marker: Colour
    damage: str
    journal: Journal
    colours: dict[Colour, ColourStatus | None]
    certificate: CertificateStatus | None = None
    pages: str = ""
    standby: Colour | None = None
    down: Mapping[str, str] = field(default_factory=dict)


def look(stack: Stack) -> Status:
    """Everything that the table shows; a colour without containers is None."""
    colours, found = stack.colours(), state.read(stack.edge)
    in_flight = connections.by_colour(stack.edge, colours, found.marker)
    releases = {colour: release_of(replicas) for colour, replicas in colours.items() if replicas}
    journal = found.journal or rebuilt(found.marker, releases, 0, now())
    return Status(
        stack=stack.name,
        marker=found.marker,
        damage=found.damage,
        journal=journal,
        colours={colour: _colour(stack, colours[colour], in_flight[colour]) for colour in COLOURS},
        certificate=_certificate(stack.edge.certificate()),
        pages=stack.pages(),
        standby=_standby(journal, colours, found.marker),
        down=stack.down(),
    )


def as_json(status: Status) -> str:
    """The form that scripts may rely on."""
    data = json.loads(status.journal.dump())
    colours: dict[str, Any] = {
        colour: found
        and {
            "release": found.release,
            "image": found.image,
            "health": found.health,
            "inFlight": found.in_flight,
            "restarts": found.restarts,
            "since": found.since,
        }
        for colour, found in status.colours.items()
    }
    shown = {"live": data["live"], "generation": data["generation"], "phase": data["phase"], "colours": colours}
    shown["down"] = dict(status.down)
    if status.certificate:
        shown["certificate"] = {
            "notAfter": status.certificate.not_after.isoformat(),
            "issuer": status.certificate.issuer,
        }
    return json.dumps(shown | {"rejected": data["rejected"], "flips": data["flips"]}, indent=2)


def show(status: Status) -> None:
    """Print the table for a person."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    # A narrower terminal breaks a line in two, which reads better than an image's name in a column of two letters.
    console = Console(width=max(Console().width, _WIDTH))
    journal = status.journal
    title = f"Stack {status.stack}, generation {journal.generation}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("colour", "", "release", "health", "age", "in flight", "restarts"):
        table.add_column(column, justify="right" if column in _NUMBERS else "left", no_wrap=True)
    table.add_column("image", overflow="fold")
    for colour, found in status.colours.items():
        role = "live" if colour == journal.live else "standby" if colour == status.standby else "unreleased"
        if found is None:
            table.add_row(colour, "", "none", style="dim")
            continue
        numbers = (age(found.since), str(found.in_flight), str(found.restarts))
        style = "bold" if role == "live" else ""
        table.add_row(colour, role, found.release, found.health, *numbers, found.image, style=style)
    # Captured: rich itself ends the process with an error when the reader has gone.
    with console.capture() as shown:
        console.print(table)
        for line in remarks(status):
            console.print(for_stack(line, status.stack), highlight=False)
    print(shown.get(), end="")


def remarks(status: Status) -> list[str]:
    """What is to be said below the table."""
    journal = status.journal
    lines = []
    if status.damage:
        lines.append(f"{status.damage[0].upper()}{status.damage[1:]}: run `python -m rollout repair`.")
    lines += [not_running(name, found) for name, found in status.down.items()]
    if journal.phase == "waiting":
        lines.append(
            f"{journal.target} has passed the gate and waits (since {journal.updated}): `make promote` makes it live."
        )
    elif journal.phase != "done":
        # A step that has failed or was killed leaves the journal as one does that is at work.
        lines.append(
            f"Not finished: {journal.target} is at {journal.phase} (since {journal.updated}). If no `pulumi up` runs, "
            "the last one failed or was cut off; the next one goes on from here."
        )
    if found := status.certificate:
        left = (found.not_after - datetime.now(UTC)).days
        lines.append(f"Certificate: {left} days left, to {found.not_after:%Y-%m-%d %H:%M}Z; issued by {found.issuer}.")
    if status.pages:
        lines.append(f"Status page, metrics and logs, on the stack's host: {status.pages}")
    for flip in reversed(journal.flips[-_FLIPS:]):
        took = f", {flip.ms} ms" if flip.ms else ""
        lines.append(f"{flip.at}  {flip.source or 'nothing'} -> {flip.to}  {flip.release}  {flip.reason}{took}")
    lines += [f"Rejected: {found.release} at {found.at}, {found.reason}" for found in journal.rejected]
    return lines


def age(since: str, at: datetime | None = None) -> str:
    """The time since then in its two largest units: `3d 4h`, `5m 10s`; `-` if there was no such time."""
    if not since:
        return "-"
    # The host's clock may be ahead of this machine's.
    seconds = max(0, int(((at or datetime.now(UTC)) - datetime.fromisoformat(since)).total_seconds()))
    units = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        units.append((seconds // size, unit))
        seconds %= size
    first = next((i for i, (count, _) in enumerate(units) if count > 0), len(units) - 1)
    return " ".join(f"{count}{unit}" for count, unit in units[first : first + 2])


def _standby(journal: Journal, colours: Colours, live: Colour) -> Colour | None:
    """The colour that is not live, if it has been so with these containers or runs the very release that is."""
    idle = other(live)
    older = attempt_of(colours[idle]) < attempt_of(colours[live])
    release = release_of(colours[idle])
    same = release != "" and release == release_of(colours[live])
    return idle if same or journal.has_been_live(idle, release, older=older) else None


def _certificate(pem: str) -> CertificateStatus | None:
    if not pem:
        return None
    from cryptography import x509

    leaf = x509.load_pem_x509_certificates(pem.encode())[0]
    names = leaf.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME) or list(leaf.issuer)
    issuer = str(names[0].value) if names else "nobody"
    return CertificateStatus(not_after=leaf.not_valid_after_utc, issuer=issuer)


def _colour(stack: Stack, replicas: tuple[Replica, ...], in_flight: int) -> ColourStatus | None:
    if not replicas:
        return None
    return ColourStatus(
        release=release_of(replicas) or "mixed",
        image=replicas[0].image,
        health=_health(replicas, codes(stack.edge, replicas)),
        in_flight=in_flight,
        restarts=sum(replica.restarts for replica in replicas),
        since=max(replica.since for replica in replicas),
    )


def _health(replicas: tuple[Replica, ...], answers: list[int]) -> str:
    """`ready` if all are; else what is wrong with the first that is not, or how many are left."""
    for replica, code in zip(replicas, answers, strict=True):
        where = f"{replica.name} " if len(replicas) > 1 else ""
        if not replica.running:
            return f"{where}{replica.state}"
        if replica.health == "unhealthy":
            return f"{where}unhealthy"
        if code != NOT_ASKED and not passes([code]):
            return f"{where}not ready ({code or 'no answer'})"
    return shortage(replicas) or "ready"
