"""Another colour is live than the last update made live, or the journal is damaged: what works in that state."""

from collections.abc import Iterator

from ops.drift.deployed import Deployed
from rollout.journal import Journal
from rollout.state import State


def flips(wanted: Deployed, seen: State, up: str) -> Iterator[tuple[str, list[str]]]:
    """What differs, and the commands after which it is gone. `up` is the update of the stack."""
    if seen.damage:  # first: an update without a journal is refused
        yield seen.damage, [f"python -m rollout repair --stack {wanted.stack}"]
    journal, live = seen.journal or Journal(), seen.marker
    if live == wanted.live:
        return
    what = f"{live} is live, and the last update made {wanted.live} live"
    rejected = journal.rejection(wanted.release)
    if journal.phase == "watching":
        yield f"{what}; the watch of {live} is not finished. If nothing runs, run the same command again", [up]
    elif rejected:
        # The update is refused, unless one of two things is done before it.
        back = f"put back in Pulumi.{wanted.stack}.yaml what release {journal.releases.get(live)} had"
        yield (
            f"{what} with release {wanted.release}, which is rejected: {rejected.reason}. Take one of the two ways",
            [
                f"# To keep {live}: {back} (in images/api, if IMAGE_TAG is local). Then",
                up,
                f"# To make release {wanted.release} live again",
                f"python -m rollout allow {wanted.release} --stack {wanted.stack}",
                up,
            ],
        )
    else:
        yield what, [up]
