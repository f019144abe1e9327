"""Builds the server of this folder once for a machine, and runs it."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tools.lab import go
from tools.toolchain import cache, paths

SOURCE = Path(__file__).parent
TOKEN, ROLE_ID, SECRET_ID = "hvs.lab-root-token", "lab-role", "lab-secret-id"
LIMITED = "limited"
"""A token that may read below `app/` alone; a login by AppRole gives it."""


@dataclass(frozen=True)
class VaultServer:
    """A server at `address`, with the secrets engine at `secret`."""

    address: str

    def put(self, path: str, fields: Mapping[str, Any]) -> None:
        """Write a new version of the secret at a path."""
        self._ask("POST", f"/v1/secret/data/{path}", {"data": fields})

    def delete(self, path: str) -> None:
        """Delete the newest version."""
        self._ask("DELETE", f"/v1/secret/data/{path}")

    def trouble(self, *, times: int, status: int = 0, after: str = "", delay: str = "") -> None:
        """The next `times` requests are answered with `status`, or as late as `delay` says."""
        ordered: dict[str, str | int] = {"times": times, "status": status, "after": after, "delay": delay}
        requests.post(f"{self.address}/lab/trouble", params=ordered, timeout=5).raise_for_status()

    def _ask(self, method: str, path: str, body: object = None) -> None:
        headers = {"X-Vault-Token": TOKEN}
        requests.request(method, self.address + path, json=body, headers=headers, timeout=5).raise_for_status()


@contextmanager
def running() -> Iterator[VaultServer]:
    """An empty server on a free port of loopback."""
    environment = os.environ | {"TOKEN": TOKEN, "ROLE_ID": ROLE_ID, "SECRET_ID": SECRET_ID}
    with subprocess.Popen([_binary()], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        try:
            yield VaultServer(f"http://{process.stdout.readline().strip()}")
        finally:
            process.kill()


def _binary() -> Path:
    """Compiled once: it takes a minute or two, for the backend brings much of Vault's SDK along."""
    entry = paths.cache() / "vault" / cache.key_of_files(SOURCE, [*SOURCE.glob("*.go"), *SOURCE.glob("go.*")])
    with cache.lock(paths.cache() / "vault.lock", lambda _: None):
        return cache.fill(entry, lambda folder: go.build(SOURCE, folder / "server")) / "server"
