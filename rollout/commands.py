"""What a person can do to the releases of a stack: roll back, promote, flip, allow, repair."""

from dataclasses import dataclass
from typing import Literal

from engine.client import connect, say
from engine.edge import read_codes
from engine.errors import Refused
from rollout import state
from rollout.claim import Claim, new_id, standing
from rollout.colours import Colours, Replica, attempt_of, release_of, releases
from rollout.flip import flip
from rollout.gate import asking, gate, passes
from rollout.journal import Journal, now, rebuilt
from rollout.stack import Stack
from rollout.state import State
from workloads.colour import COLOURS, Colour, other


def rollback(stack: Stack) -> None:
    """Back to the standby at once; the release that was live is rejected. Raises Refused when there is no way back."""
    seen = _look(stack, ask="standby")
    before = seen.journal
    live = before.live or seen.state.marker
    bad, good = seen.colours[live], seen.colours[other(live)]
    _must_differ(stack.name, before, bad, good)
    _must_have_been_live(stack.name, before, bad, good)
    _must_be_ready(seen, good)

    def back(journal: Journal) -> Journal:
        _must_be_same(journal, before)
        at, reason = now(), "rolled back by hand"
        flipped = journal.flipped(good[0].colour, good[0].release, reason, at)
        return flipped.reject(release_of(bad), reason, at) if release_of(bad) else flipped

    flip(Claim(stack.edge), good[0].colour, back, seen=seen.state, instead=before)
    say(f"{good[0].colour} is live again with release {good[0].release} ({good[0].image}). {seen.remark}")
    say(
        f"Release {release_of(bad)} is rejected: `pulumi up` will refuse it. To make this permanent, put back in "
        f"Pulumi.{stack.name}.yaml what release {good[0].release} had (in images/api, if IMAGE_TAG is local); "
        f"its image was {good[0].image}."
    )


def flip_to(stack: Stack, to: Colour) -> None:
    """The bare flip: it rejects nothing and watches nothing. Raises Refused unless the colour is ready; where no
    container of the live colour runs, one replica that is ready is enough."""
    seen = _look(stack, ask=to)
    before = seen.journal
    if before.live == to:
        say(f"{to} is live already; nothing was changed.")
        return
    down = before.live is not None and not any(replica.running for replica in seen.colours[before.live])
    _must_be_ready(seen, seen.colours[to], one_will_do=down)
    release = release_of(seen.colours[to])

    def over(journal: Journal) -> Journal:
        _must_be_same(journal, before)
        return journal.flipped(to, release, "flipped by hand", now())

    flip(Claim(stack.edge), to, over, seen=seen.state, instead=before)
    say(f"{to} is live with release {release}. {seen.remark}")


def promote(stack: Stack) -> None:
    """Make the release that waits behind the gate live, and watch it; or go on with a watch that was cut off. Raises
    Refused when there is neither."""
    from rollout.release import go_live  # a rollback has no time for it

    seen = _look(stack)
    before = seen.journal
    if before.phase == "watching" and before.live == before.target:
        _watch_on(stack, seen)
        return
    if before.phase != "waiting" or before.target is None or before.terms is None:
        raise Refused(f"No release waits to be promoted; {before.live} stays live. `pulumi up` brings one to the gate.")
    replicas = seen.colours[before.target]
    if not replicas:
        raise Refused(f"{before.target} waits to be promoted but has no container. Nothing was changed.")
    client, claim = connect(stack.engine), Claim(stack.edge)
    gate(
        client,
        claim,
        stack.service,
        replicas,
        needed=before.terms.passes,
        timeout=before.terms.passes * 10,
        smoke=None,
    )
    go_live(client, claim, stack.service, replicas, before.terms, before, "promoted")
    say(f"{replicas[0].colour} is live with release {replicas[0].release}. The next `pulumi up` takes note of it.")


def allow(stack: Stack, release: str) -> None:
    """Lift a rejection. Raises Refused when the release is not rejected."""

    def lift(journal: Journal) -> Journal:
        if journal.rejection(release) is None:
            known = ", ".join(found.release for found in journal.rejected) or "none"
            raise Refused(f'Release "{release}" is not rejected; these are: {known}. Nothing was changed.')
        return journal.allow(release, now())

    state.change(stack.edge, lift)
    say(f"Release {release} may go live again.")


def repair(stack: Stack) -> None:
    """Make the journal agree with what is: the marker, and the containers."""
    seen = _look(stack)
    # A step relies on the generation and the attempt, which a journal that is made anew counts from elsewhere.
    claim = "" if seen.state.journal else new_id()
    journal = state.change(stack.edge, lambda journal: journal, claim=claim, instead=seen.journal).known
    live = f"{journal.live} is live with release {journal.releases.get(journal.live)}" if journal.live else "nothing is"
    say(f"The journal agrees with the marker: {live}, generation {journal.generation}. {seen.remark}")


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """The colours, the readiness answers of the one that was asked, and the state with a journal: one that cannot be
    read is made anew from the marker, which decides. `remark` is what to say of that."""

    colours: Colours
    answers: list[int]
    state: State
    journal: Journal
    remark: str = ""


def _look(stack: Stack, *, ask: Colour | Literal["standby"] | None = None) -> _Seen:
    """One command in the edge's container sees the state and asks: each further one would cost as much as the flip."""
    colours = stack.colours()
    blue, green = (asking(stack.edge, colours[colour]) for colour in COLOURS)
    standby = f"case $live in (blue) {green} ;; (*) {blue} ;; esac"
    found, said = state.read_and(stack.edge, {None: ":", "standby": standby, "blue": blue, "green": green}[ask])
    asked = other(found.marker) if ask == "standby" else ask
    answers = read_codes(said, len(colours[asked])) if asked else []
    if found.journal:
        return _Seen(colours=colours, answers=answers, state=found, journal=found.journal)
    attempt = max(attempt_of(replicas) for replicas in colours.values())
    made = rebuilt(found.marker, releases(colours), attempt, now())
    remark = f"{found.damage[0].upper()}{found.damage[1:]}: it was made anew, and rejected releases are forgotten."
    return _Seen(colours=colours, answers=answers, state=found, journal=made, remark=remark)


def _watch_on(stack: Stack, seen: _Seen) -> None:
    """Watch what is live. Takes nothing over: where the watch was not cut off, it now has two watchers."""
    from rollout.release import watch_on

    live, terms = seen.journal.live, seen.journal.terms
    replicas = seen.colours[live] if live else ()
    if not replicas or not terms:
        raise Refused(f"{live} is live and under watch, but has no container. Nothing was changed. Run `pulumi up`.")
    say(f"{live} is live already with release {release_of(replicas)}; the watch of it goes on")
    with standing(stack.edge) as claim:
        watch_on(connect(stack.engine), claim, stack.service, replicas, seen.journal.generation, terms)
    say(f"{live} is live with release {release_of(replicas)}. The next `pulumi up` takes note of it.")


def _must_have_been_live(stack: str, journal: Journal, bad: tuple[Replica, ...], good: tuple[Replica, ...]) -> None:
    """The standby must have proved itself on requests. One that is on its way has not, and neither has one that failed
    its gate or was never promoted, even if its release has been given up since."""
    colour, release = good[0].colour, release_of(good)
    if not journal.has_been_live(colour, release, older=attempt_of(good) < attempt_of(bad)):
        why = f"has not been live since {colour} was made"
    elif journal.target == colour and journal.phase in ("starting", "gating", "waiting"):
        why = f"is at {journal.phase} once more and has not gone live"
    else:
        return
    raise Refused(
        f"There is nothing to roll back to: {colour} holds release {release or 'unknown'}, which {why}. {journal.live} "
        f"stays live; nothing was changed. {_put_back(stack)} `flip --to {colour}` overrides this."
    )


def _must_differ(stack: str, journal: Journal, bad: tuple[Replica, ...], good: tuple[Replica, ...]) -> None:
    if not good:
        raise Refused(
            f"There is no standby to roll back to; {journal.live} stays live. Nothing was changed. {_put_back(stack)}"
        )
    if release_of(good) == release_of(bad):
        raise Refused(f"Both colours run release {release_of(good)}; {journal.live} stays live. Nothing was changed.")
    if rejection := journal.rejection(release_of(good)):
        raise Refused(
            f"The standby {good[0].colour} holds release {rejection.release}, which was rejected at {rejection.at}: "
            f"{rejection.reason}. {journal.live} stays live; nothing was changed. `flip --to {good[0].colour}` "
            f"overrides this. {_put_back(stack)}"
        )


def _put_back(stack: str) -> str:
    return f"For another release, put its configuration back in Pulumi.{stack}.yaml, then run `make up STACK={stack}`."


def _must_be_ready(seen: _Seen, standby: tuple[Replica, ...], *, one_will_do: bool = False) -> None:
    live = seen.journal.live
    if not standby:
        raise Refused(f"That colour has no container; {live} stays live. Nothing was changed.")
    if one_will_do and any(passes([code]) for code in seen.answers):
        return
    if not all(replica.running for replica in standby) or not passes(seen.answers):
        found = ", ".join(
            f"{replica.name} is {replica.state} and answers {code or 'nothing'}"
            for replica, code in zip(standby, seen.answers, strict=True)
        )
        raise Refused(f"{standby[0].colour} is not ready: {found}. {live} stays live; nothing was changed.")


def _must_be_same(journal: Journal, before: Journal) -> None:
    if journal.generation != before.generation:
        raise Refused(
            f"Somebody else has just made {journal.live} the live colour. Nothing was changed; look with "
            "`python -m rollout status`, then decide again."
        )
