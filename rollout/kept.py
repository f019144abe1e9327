"""Kept connections: the edge keeps connections to a colour if its containers keep them for longer than the edge does.

If the API closed a connection while the edge sends a POST over it, the POST would be lost, and the edge never repeats
one. So the gate tries each container: over one connection it sends as many requests as the edge ever sends, and then
one more after a pause that is longer than `api.keepAlive`. If a container closes the connection before that without a
word, a file that nginx looks for on every request is not there, and the edge opens a connection for each request.
"""

from collections.abc import Sequence
from itertools import pairwise

from engine.client import say
from engine.edge import Edge
from rollout.claim import Claim
from rollout.colours import Replica
from workloads import places
from workloads.colour import Colour
from workloads.way import KEPT_REQUESTS

_MARGIN = 0.5  # seconds that a container must keep a connection for longer than the edge
_LONGEST = 15  # seconds for all the requests without a pause; a container that takes longer has not shown anything
_HOUR = 3600
_REQUEST = "curl -sS --max-time 10 -o /dev/null -w '%{num_connects}:%{http_code}:%header{connection}\\n'"
# $1 is the pause between two requests as curl's rate; then come pairs of a container's name on the admin socket and its
# readiness path. Prints a line a container: its name and the answers.
_TRY = f"""
rate=$1; shift
try() {{
server=$(curl -sS --max-time 2 --unix-socket {places.ADMIN_SOCKET} -f "http://$1/-/server") || return
timeout {_LONGEST} {_REQUEST} "http://$server$2#[1-{KEPT_REQUESTS}]"
{_REQUEST} --rate "$rate" "http://$server$2#[1-2]"
}}
while [ $# -gt 0 ]; do
(answers=$(try "$1" "$2"); echo "$1" $answers) & shift 2
done
wait
"""


def keep(claim: Claim, replicas: Sequence[Replica]) -> None:
    """Find out whether the edge may keep connections to the replicas of a colour, and let it. Raises TakenOver within
    two seconds of another claim."""
    edge, colour = claim.edge, replicas[0].colour
    seconds = min(replica.way.keep_alive if replica.way else 0 for replica in replicas)
    known = " ".join(replica.id for replica in replicas)
    if not seconds or edge.run(["cat", _file(colour)]).stdout == known:
        return
    rate = f"{int(_HOUR / (seconds + _MARGIN))}/h"
    places_and_paths = [word for replica in replicas for word in (replica.at(""), replica.readiness)]
    tried = edge.run_while(["sh", "-c", _TRY, "sh", rate, *places_and_paths], claim.condition)
    claim.read()
    answers = {name: said for name, *said in map(str.split, tried.stdout.splitlines())}
    closing = [replica.name for replica in replicas if not holds(answers.get(replica.at(""), []))]
    if closing:
        say(
            f"gate: {', '.join(closing)} may close a connection that the edge would keep for {seconds} s "
            "(api.keepAlive), so the edge opens one for each request"
        )
        return
    edge.must(["sh", "-c", 'printf %s "$1" >"$0"', _file(colour), known], user="0")
    say(f"gate: {colour} keeps connections, so the edge keeps an idle one for {seconds} s")


def forget(edge: Edge, colour: Colour) -> None:
    """The containers of this colour are about to be made anew: from here on the edge keeps no connection to it."""
    edge.must(["rm", "-f", _file(colour)], user="0")


def holds(answers: Sequence[str]) -> bool:
    """Whether a container held its connection, by what curl printed: the connections that a request opened, the status,
    and the answer's Connection header. The last two requests have the pause between them.

    A connection that an answer ends by `Connection: close` is fine: nginx does not use it again.
    """
    found = [answer.split(":") for answer in answers]
    if len(found) != KEPT_REQUESTS + 2 or any(code == "000" for _, code, _ in found):
        return False
    *burst, before, after = found
    pairs = [*pairwise(burst), (before, after)]
    return all(opened == "0" or said.lower() == "close" for (_, _, said), (opened, _, _) in pairs)


def _file(colour: Colour) -> str:
    return f"{places.KEPT}-{colour}"
