"""HashiCorp Vault and OpenBao, secrets engine KV version 2. A key is `path#field`."""

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from settings.scalars import known
from settings.secrets import Secrets, Vault
from stores.http import patiently, session
from stores.store import Deadline, Found, StoreError, each, part, split, token

if TYPE_CHECKING:
    import hvac


def fetch(secrets: Secrets, keys: Sequence[str], deadline: Deadline) -> Found:
    """The values of the newest versions; each path is read once."""
    import hvac

    vault = secrets.vault
    if vault is None:
        raise StoreError("secrets.vault.address is not set")
    with session() as http:
        # Variables of Vault's own command. hvac never reads the namespace, and no CA's beside a session that is given.
        http.verify = os.environ.get("VAULT_CACERT") or os.environ.get("VAULT_CAPATH") or True
        namespace = vault.namespace or os.environ.get("VAULT_NAMESPACE")
        # An empty token keeps the login free of a token of the environment.
        given = "" if vault.app_role else known(vault.token)
        client = hvac.Client(url=vault.address, token=given, session=http, namespace=namespace, timeout=10)
        if vault.app_role:
            _log_in(client, vault, deadline)
        elif client.token:
            client.token = client.token.strip()  # of a line end: a header takes none
        else:
            raise StoreError(
                "there is no token: set VAULT_TOKEN, or secrets.vault.token as a Pulumi secret", no_access=True
            )
        paths = sorted({split(key)[0] for key in keys})
        found = each(paths, lambda path: _read(client, vault, path, deadline))
    return {key: _field(found[path], field) for key in keys for path, field in [split(key)]}


def _log_in(client: "hvac.Client", vault: Vault, deadline: Deadline) -> None:
    from hvac.exceptions import VaultError

    role = vault.app_role
    assert role
    secret_id = token(known(role.secret_id), "VAULT_SECRET_ID", "secrets.vault.appRole.secretId")

    def login(_: float) -> None:
        client.auth.approle.login(role.role_id, secret_id, mount_point=role.mount)

    try:
        patiently(login, deadline)
    except VaultError as error:
        raise StoreError(f"it does not accept the login by AppRole ({type(error).__name__})", no_access=True) from None


def _read(client: "hvac.Client", vault: Vault, path: str, deadline: Deadline) -> bytes:
    """The fields of the newest version, as a JSON object."""
    from hvac.exceptions import Forbidden, InvalidPath, Unauthorized, VaultError

    def ask(_: float) -> Any:
        return client.secrets.kv.v2.read_secret_version(path, mount_point=vault.mount, raise_on_deleted_version=True)

    # Vault answers these mistakes as it answers a path that is not there, or not allowed.
    hint = (
        f"{vault.mount} must be an engine of KV version 2; a key stands without {vault.mount}/ and data/, and "
        "secrets.vault.address without /v1 and /ui"
    )
    try:
        return json.dumps(patiently(ask, deadline)["data"]["data"]).encode()
    except InvalidPath:
        raise StoreError(
            f"there is nothing at {path} in {vault.mount}, or its newest version is deleted; {hint}"
        ) from None
    except (Forbidden, Unauthorized):
        raise StoreError(
            f"its token may not read {path} in {vault.mount}, or is no longer valid; {hint}", no_access=True
        ) from None
    except VaultError as error:
        raise StoreError(f"it refuses ({type(error).__name__})", no_access=True) from None
    except (KeyError, TypeError, ValueError):
        raise StoreError(f"its answer is none of KV version 2; {hint}", no_access=True) from None


def _field(content: bytes | StoreError, field: str) -> bytes | StoreError:
    return part(content, field) if field else StoreError("the key names no field; write it as path#field")
