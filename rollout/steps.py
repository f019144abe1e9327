"""The steps of a deployment, `python -m rollout step <name>`; their inputs come by environment (see components/)."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict

from engine.client import connect, say
from engine.errors import NeedsPerson, Usage
from rollout.gate import Smoke
from rollout.journal import Terms
from rollout.plan import Last, Plan, plan_unseen
from workloads.colour import COLOURS, Colour

Env = Mapping[str, str]


def run(name: str, env: Env = os.environ) -> None:
    """Run one step. Raises Usage when there is none of that name, or when an input is missing."""
    if name not in _STEPS:
        raise Usage(f'There is no step "{name}"; there are {", ".join(_STEPS)}.')
    try:
        _STEPS[name](env)
    except KeyError as error:
        raise Usage(f"The step {name} needs {error} in its environment.") from None


def _ready(env: Env) -> None:
    from engine.ready import Ready, ready

    ready(
        connect(),
        Ready(container=env["CONTAINER"], pids=int(env["PIDS"]), test=env["TEST"], timeout=float(env["TIMEOUT"])),
    )


def _pull(env: Env) -> None:
    from engine.pull import Pull, pull

    print(json.dumps(pull(connect(), Pull(container=env["CONTAINER"], pids=int(env["PIDS"])))))


def _configure(env: Env) -> None:
    from engine.configure import Configure, configure

    configure(connect(), Configure(container=env["CONTAINER"], config=env["CONFIG"], certificate=env["CERTIFICATE"]))


def _plan(env: Env) -> None:
    """Claim the state, and print the plan as JSON. A host that cannot be reached is a refusal. A preview (PREVIEW=1)
    claims nothing and is not refused for that."""
    from rollout.begin import begin

    last = Last(live=_colour(env["LAST_LIVE"]) if env["LAST_LIVE"] else None, release=env["LAST_RELEASE"])
    wanted, preview = env["RELEASE"], env["PREVIEW"] == "1"
    try:
        made = begin(
            connect(),
            env["EDGE"],
            env["SERVICE"],
            volume=env["EDGE_STATE"],
            image=env["EDGE_IMAGE"],
            last=last,
            wanted=wanted,
            manual=env["PROMOTE"] == "manual",
            preview=preview,
        )
    except NeedsPerson as error:
        made = plan_unseen(last, wanted, str(error)) if preview else Plan(refusal=str(error))
    print(json.dumps(asdict(made)))


def _preflight(env: Env) -> None:
    from rollout.preflight import Preflight, preflight

    preflight(
        connect(),
        Preflight(
            edge=env["EDGE"],
            service=env["SERVICE"],
            colour=_colour(env["COLOUR"]),
            release=env["RELEASE"],
            generation=int(env["GENERATION"]),
            attempt=int(env["ATTEMPT"]),
            drain_timeout=float(env["DRAIN_TIMEOUT"]),
        ),
    )


def _release(env: Env) -> None:
    from rollout.release import Release, release

    smoke = json.loads(env["SMOKE"])
    live = release(
        connect(),
        Release(
            edge=env["EDGE"],
            service=env["SERVICE"],
            target=_colour(env["TARGET"]),
            release=env["RELEASE"],
            generation=int(env["GENERATION"]),
            attempt=int(env["ATTEMPT"]),
            manual=env["PROMOTE"] == "manual",
            terms=Terms(passes=int(env["GATE_PASSES"]), watch=int(env["WATCH"]), error_ratio=float(env["ERROR_RATIO"])),
            gate_timeout=float(env["GATE_TIMEOUT"]),
            smoke=Smoke(**smoke) if smoke else None,
            pids=int(env["PIDS"]),
        ),
    )
    print(json.dumps(asdict(live)))
    say(f"{live.live} is live with release {live.release}")


def _colour(text: str) -> Colour:
    for colour in COLOURS:
        if text == colour:
            return colour
    raise Usage(f'"{text}" is no colour; write blue or green.')


_STEPS: dict[str, Callable[[Env], None]] = {
    "ready": _ready,
    "pull": _pull,
    "configure": _configure,
    "plan": _plan,
    "preflight": _preflight,
    "release": _release,
}
