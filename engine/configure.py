"""Step `configure`: make a rendered configuration the running one of the edge.

It is checked by the nginx of the running container, whose version is looked at too, switched by one rename of a
symbolic link, reloaded, and read back: the exit code of a reload says nothing. A bad configuration never becomes the
running one.
"""

import re
import ssl
import time
from hashlib import sha256

import docker

from engine.arguments import Configure
from engine.client import find, last_words, say
from engine.edge import Edge
from engine.errors import NeedsPerson, Refused, Undone
from nginx import versions
from workloads import places

_READ_BACK = 15  # seconds; a reload takes well under one
_MIB = 1024 * 1024
_OF_WORKER = 6 * _MIB
"""Memory that a worker keeps which has requests of before a reload; 5.1 MiB were seen."""
_FORMER = "grep -ls '[i]s shutting down' /proc/[0-9]*/cmdline || true"
"""Such workers, a line each. https://nginx.org/en/docs/control.html#reconfiguration"""
_HTTP2 = re.compile(r"^\s*http2\s+on;", re.MULTILINE)


def configure(client: docker.DockerClient, args: Configure) -> None:
    """Raises Refused when nginx does not accept the files, Undone when it did not take them up after a reload."""
    edge = Edge(client, args.container)
    files = f"{places.CONFIG}/releases/{args.config}"
    checked = edge.run(["nginx", "-T", "-q", "-c", f"{files}/nginx.conf"])  # what `-t` does, and prints all of it
    if checked.code:
        raise Refused(f"nginx refuses the new configuration; the running one is untouched:\n{checked.stderr.strip()}")
    said = edge.run(["nginx", "-v"]).stderr.strip()
    _must_be_safe(edge.name, said, http2=bool(_HTTP2.search(checked.stdout)), production=args.production)
    must_have_room(edge)
    before = edge.run(["readlink", f"{places.STATE}/config"]).stdout.strip()
    config = args.config
    if before and edge.ask("/config") is not None and (other := _made_for_another(client, args)):
        say(
            f"{args.container}: configuration {config} is right; the edge takes it up when {other} is gone, just "
            "before the new release. Until then, and if the update fails before, the edge keeps the one before with "
            "its API keys and limits. A key that must go at once needs an update of its own, without a release."
        )
        files, config = before, _id(before)  # a new certificate does not wait
    begin = time.monotonic()
    if _switch(edge, files, config):
        _must_show(client, edge, args.certificate)
        say(f"{args.container}: configuration {config} is running after {time.monotonic() - begin:.1f} s")
        return
    words = last_words(client.containers.get(edge.name))
    if before:
        _switch(edge, before, _id(before))
    raise Undone(f"nginx accepted configuration {args.config} but does not run it; the one before is back. {words}")


def _id(files: str) -> str:
    return files.rsplit("/", 1)[-1]


def _made_for_another(client: docker.DockerClient, args: Configure) -> str:
    """The name of a container for which the configuration is not made; empty if there is none.

    A label that a container does not have, as one of version 0.1, says nothing.
    """
    for name, labels in args.made_for.items():
        container = find(client, name)
        if container and any(container.labels.get(label, value) != value for label, value in labels.items()):
            return name
    return ""


def _must_be_safe(name: str, said: str, *, http2: bool, production: bool) -> None:
    """HTTP/2 and production are for an nginx without known faults: what counts is what runs, whatever its image is
    called. `said` is what `nginx -v` in the container `name` says.
    """
    version = versions.of_program(said)
    if version and versions.is_safe(version):
        return
    program = f"nginx {versions.text(version)}" if version else f"an nginx that does not tell its version ({said})"
    runs, wanted = f"{name} runs {program}", f"nginx {versions.wanted()} (docs/security.md)"
    if production:
        raise Refused(
            f"{runs}, and a production stack needs {wanted}: older ones have known faults. The running configuration "
            "is untouched. Name such an image as images.nginx; then run `pulumi up` again."
        )
    if http2:
        raise Refused(
            f"{runs}, and HTTP/2 needs {wanted}: older ones have known faults in it. The running configuration is "
            "untouched. Name such an image as images.nginx, or take edge.http2 out of the stack's configuration; then "
            "run `pulumi up` again."
        )
    say(f"{runs}, which has known faults; HTTP/2 stays off on it. Without them is {wanted}.")


def must_have_room(edge: Edge) -> None:
    """A reload leaves workers that end their requests, streams of an hour too. They share the container's memory."""
    former = len(edge.run(["sh", "-c", _FORMER]).stdout.splitlines())
    limit = edge.container.attrs["HostConfig"]["Memory"] if former else 0
    if limit and former * _OF_WORKER > limit / 2:  # an engine on a kernel that counts no memory has no limit
        raise Refused(
            f"{former} workers of {edge.name} still have requests of before a reload, and keep about "
            f"{former * _OF_WORKER // _MIB} of {limit // _MIB} MiB. One more reload could end all requests in flight. "
            "The running configuration is untouched. Run the same command again when streams have ended; for reloads "
            "as frequent as these, raise edge.memory when it is quiet, for that recreates the edge."
        )


def _must_show(client: docker.DockerClient, edge: Edge, certificate: str) -> None:
    """Wait until new connections are shown that certificate: the id of a configuration says nothing of it."""
    if not certificate:
        return
    deadline = time.monotonic() + _READ_BACK
    while time.monotonic() < deadline:
        shown = edge.certificate()
        if shown and sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest() == certificate:
            return
        time.sleep(0.1)
    raise NeedsPerson(
        f"The configuration is running, but {edge.name} does not show the new certificate to clients. "
        f"{last_words(client.containers.get(edge.name))}"
    )


def _switch(edge: Edge, files: str, config: str) -> bool:
    """Whether the edge serves `config` in the end."""
    link = f"{places.STATE}/config"
    edge.must(["sh", "-c", f"ln -sfn {files} {link}.new && mv -T {link}.new {link}"], user="0")
    if edge.ask("/config") is not None:
        # Not by a signal from the engine: it takes any for a stop by hand, and would not restart nginx after a crash.
        edge.run(["nginx", "-c", f"{link}/nginx.conf", "-s", "reload"])
    deadline = time.monotonic() + _READ_BACK
    while time.monotonic() < deadline:
        if edge.ask("/config") == config:
            return True
        time.sleep(0.1)
    return False
