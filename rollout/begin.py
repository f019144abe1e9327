"""How an update begins: it sees what is, plans, and claims the very state that the plan was made from."""

from dataclasses import replace

import docker

from engine.edge import Edge
from engine.errors import NeedsPerson
from rollout import state
from rollout.claim import new_id
from rollout.observe import observe
from rollout.plan import Last, Plan, plan

_TRIES = 5


def begin(
    client: docker.DockerClient,
    edge: str,
    service: str,
    *,
    volume: str,
    image: str,
    last: Last,
    wanted: str,
    manual: bool,
    preview: bool,
) -> Plan:
    """The plan of an update, claimed. `edge`, `service`, `volume` and `image` as in `observe`, the rest as in `plan`.

    A preview claims nothing, and neither does an update that is refused. An edge that does not run cannot be claimed:
    then no step of another deployment can change anything either. Raises NeedsPerson when others keep writing.
    """
    for _ in range(_TRIES):
        seen, found = observe(client, edge, service, volume=volume, image=image)
        made = plan(seen, last, wanted, manual=manual)
        if preview or made.refusal or found is None or seen.edge != "running":
            return made
        try:
            if state.take(Edge(client, edge), new_id(), found):
                return made
        except NeedsPerson as error:
            # Where there is nothing to release, nothing needs to be written; a release's own steps say it again.
            return replace(made, note=f"{error}\n{made.note}".strip())
    raise NeedsPerson(
        f"The state of releases in {edge} changes faster than it can be planned for. Nothing was changed; "
        "run the same command again."
    )
