"""Pulumi's own secrets, under `secrets.pulumi` in the stack's configuration; the key is the name there."""

from collections.abc import Sequence

from settings.scalars import known
from settings.secrets import Secrets
from stores.store import Deadline, Found, StoreError


def fetch(secrets: Secrets, keys: Sequence[str], _deadline: Deadline) -> Found:
    values = {key: known(secrets.pulumi.get(key)) for key in keys}
    missing = StoreError("there is no such secret in secrets.pulumi")
    return {key: missing if value is None else value.encode(errors="surrogateescape") for key, value in values.items()}
