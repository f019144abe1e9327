"""The environment without proxies for this machine's own names.

Pulumi and its program talk over loopback, and so does `make up` with an edge on this machine. A company's machine or a
runner of CI often sets a proxy and no exception. The toolchain uses this module before there is any package.
"""

from collections.abc import Mapping

_OWN = ("localhost", "127.0.0.1", "::1")
_PROXIES = ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy")
_EXCEPTIONS = {"no_proxy": "NO_PROXY", "NO_PROXY": "no_proxy", "no_grpc_proxy": "no_proxy"}
"""Each variable of exceptions, and the one whose names it gets where it is not set. grpc asks its own one first."""


def unproxied(user: Mapping[str, str]) -> dict[str, str]:
    """What to set on top of the environment `user`: nothing where it names no proxy, or has the exceptions already.
    Names that are there stay."""
    if not any(user.get(name) or user.get(name.upper()) for name in _PROXIES):
        return {}
    there = {name: user.get(name, user.get(other, "")).strip(" ,") for name, other in _EXCEPTIONS.items()}
    # All programs but grpc take a `*`, and only alone.
    wanted = {name: _with_own(kept) for name, kept in there.items() if kept != "*" or name == "no_grpc_proxy"}
    return {name: value for name, value in wanted.items() if value != user.get(name)}


def _with_own(kept: str) -> str:
    names = [name.strip() for name in kept.split(",")]  # grpc, Go and requests split there alone
    return ",".join([*filter(None, [kept]), *(name for name in _OWN if name not in names)])
