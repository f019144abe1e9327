"""A proxy in the user's environment, and what must go around it."""

import os
from collections.abc import Mapping

import pytest
import requests

from ops import __main__ as command_line
from ops import ask
from ops.loopback import unproxied

OWN = "localhost,127.0.0.1,::1"
PROXY = "http://user:secret@127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    monkeypatch.setattr(os, "environ", kept)


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "grpc_proxy"])
def test_every_kind_of_proxy_gets_the_exceptions(name: str) -> None:
    assert unproxied({name: PROXY}) == {"no_proxy": OWN, "NO_PROXY": OWN, "no_grpc_proxy": OWN}


def test_blanks_between_names_are_none_that_grpc_reads() -> None:
    found = unproxied({"http_proxy": PROXY, "no_proxy": "localhost 127.0.0.1"})
    assert found["no_proxy"] == f"localhost 127.0.0.1,{OWN}"


@pytest.mark.parametrize("user", [{}, {"no_proxy": ".example.com"}, {"https_proxy": ""}])
def test_without_a_proxy_nothing_is_set(user: dict[str, str]) -> None:
    assert unproxied(user) == {}


@pytest.mark.parametrize(
    ("user", "set_here"),
    [
        ({"no_proxy": ".a.com"}, dict.fromkeys(("no_proxy", "NO_PROXY", "no_grpc_proxy"), f".a.com,{OWN}")),
        ({"NO_PROXY": ".a.com"}, {"no_proxy": f".a.com,{OWN}", "NO_PROXY": f".a.com,{OWN}", "no_grpc_proxy": OWN}),
        (
            {"no_proxy": "a.com", "NO_PROXY": "localhost, b.com,"},
            {
                "no_proxy": f"a.com,{OWN}",
                "NO_PROXY": "localhost, b.com,127.0.0.1,::1",
                "no_grpc_proxy": f"a.com,{OWN}",
            },
        ),
        ({"no_proxy": "*"}, {"no_grpc_proxy": f"*,{OWN}"}),
        ({"no_proxy": OWN, "NO_PROXY": OWN, "no_grpc_proxy": "x"}, {"no_grpc_proxy": f"x,{OWN}"}),
    ],
)
def test_the_users_exceptions_stay(user: dict[str, str], set_here: Mapping[str, str]) -> None:
    user = {"https_proxy": PROXY, **user}
    first = unproxied(user)
    assert first == set_here
    assert unproxied(user | first) == {}


def test_what_a_command_starts_goes_around_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `make env`."""
    os.environ["HTTPS_PROXY"] = PROXY
    seen: dict[str, str] = {}
    monkeypatch.setattr(command_line, "up", lambda _: seen.update(os.environ))
    assert command_line.main(["up", "--stack", "x"]) == 0
    assert seen["no_proxy"] == seen["NO_PROXY"] == OWN
    assert requests.utils.get_environ_proxies("https://localhost:8443/") == {}
    assert requests.utils.get_environ_proxies("https://[::1]:8443/") == {}
    assert requests.utils.get_environ_proxies("https://llm.example.com/") != {}


def test_a_proxy_that_refuses_is_named_without_its_password() -> None:
    os.environ["HTTPS_PROXY"] = PROXY
    with pytest.raises(ask.NoAnswer) as failed, ask._sent("GET", "https://llm.example.com/", "", "", ""):
        pass
    text = str(failed.value)
    assert "the proxy of HTTPS_PROXY. For a direct way, add llm.example.com to no_proxy." in text
    assert "secret" not in text


def test_a_failure_on_a_direct_way_names_no_proxy() -> None:
    os.environ |= {"HTTPS_PROXY": PROXY, "no_proxy": "127.0.0.1"}
    with pytest.raises(ask.NoAnswer) as failed, ask._sent("GET", "https://127.0.0.1:9/", "", "", ""):
        pass
    assert "proxy" not in str(failed.value)
