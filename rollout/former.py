"""The way to a colour whose containers are of version 0.1: their labels do not hold it.

The edge has been configured for them, so its configuration knows. Every later version writes the ways into it, a line
each; of version 0.1 the directives are read.
"""

import re
from dataclasses import replace

from engine.edge import Edge
from rollout.colours import Colours
from workloads import places
from workloads.colour import COLOURS, Colour
from workloads.way import KEEP_ALIVE, Way, parse

_FILES = ("conf.d/60-upstreams.conf", "sites/10-api.conf", "snippets/proxy.conf")
_LINE = r"^# {colour}: (.+)$"
_UPSTREAM = r"^upstream {colour} {{(.+?)^}}"
_SERVER = re.compile(r"server \S+:(\d+) max_fails")
_PATH = re.compile(r"location (\S+) {\s+include snippets/keys\.conf;")
_UNBUFFERED = re.compile(r"^proxy_buffering\s+off;", re.MULTILINE)


def with_ways(edge: Edge, colours: Colours) -> Colours:
    """The colours, where each replica has its way, unless the edge has no configuration yet."""
    if all(replica.way for replicas in colours.values() for replica in replicas):
        return colours
    text = edge.run(["cat", *(f"{places.STATE}/config/{file}" for file in _FILES)]).stdout
    return {
        colour: tuple(
            replica if replica.way else replace(replica, way=way_in(text, colour, replica.readiness))
            for replica in colours[colour]
        )
        for colour in COLOURS
    }


def way_in(text: str, colour: Colour, readiness: str) -> Way | None:
    """The way to a colour in the text of the edge's configuration; version 0.1 has `readiness` in a label alone.

    The edge keeps no connection to its containers, because no gate has tried that (rollout/kept.py).
    """
    if line := re.search(_LINE.format(colour=colour), text, re.MULTILINE):
        return parse(line[1])
    upstream = re.search(_UPSTREAM.format(colour=colour), text, re.MULTILINE | re.DOTALL)
    ports = _SERVER.findall(upstream[1]) if upstream else []
    if not ports:
        return None
    return Way(
        port=int(ports[0]),
        readiness=readiness,
        paths=tuple(_PATH.findall(text)),
        marks_streams=not _UNBUFFERED.search(text),
        replicas=len(ports),
        keep_alive=KEEP_ALIVE,
    )
