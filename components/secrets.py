"""The stack's secret values: fetched once in a run, and secret outputs from then on."""

import asyncio
import base64
from collections.abc import Mapping

import pulumi
from pydantic import SecretStr

from settings import Settings
from settings.references import Reference, references
from settings.scalars import known
from stores.fetch import fetch
from workloads.storage import Value


def fetched(settings: Settings) -> Mapping[Reference, SecretStr]:
    """The values of every reference in the settings.

    With `secrets.onPreview: placeholder`, a preview goes on without the values of a store that it cannot ask, and says
    which they are. Raises `pulumi.RunError` with all other problems, by the keys of the settings; no resource is
    registered by then.
    """
    places: dict[Reference, list[str]] = {}
    for key, reference in references(settings):
        places.setdefault(reference, []).append(key)
    if not places:
        return {}
    answer = fetch(settings.secrets, places)
    may_lack = pulumi.runtime.is_dry_run() and settings.secrets.on_preview == "placeholder"
    lacking = {reference: error for reference, error in answer.problems.items() if not (may_lack and error.no_access)}
    if lacking:
        count = "One secret" if len(lacking) == 1 else f"{len(lacking)} secrets"
        lines = [f"  {', '.join(places[ref])} ({ref.store}, {ref.key}): {error}" for ref, error in lacking.items()]
        raise pulumi.RunError(
            "\n".join([f"{count} could not be fetched; nothing was changed.", *lines])
            + "\nCorrect the configuration or the store, then run the same command again (docs/secrets.md)."
        )
    if answer.problems:
        lines = [f"  {', '.join(places[ref])} ({ref.store}): {error}" for ref, error in answer.problems.items()]
        pulumi.log.warn(
            "\n".join(["This preview has placeholders in place of secrets that it could not fetch:", *lines])
            + "\nIt shows a change of whatever uses them. An update needs the values, and fails without them."
        )
    return answer.values


def sealed(value: Value, before: str = "") -> pulumi.Output[str]:
    """The text of a secret behind `before`, as a secret output; unknown for a placeholder."""
    text = known(value)
    return unknown() if text is None else pulumi.Output.secret(before + text)


def sealed_bytes(value: str) -> pulumi.Output[str]:
    """The base64 of a value of any bytes, as a secret output."""
    return pulumi.Output.secret(base64.b64encode(value.encode(errors="surrogateescape")).decode())


def unknown() -> pulumi.Output[str]:
    """An output that a preview does not know. Pulumi cannot apply it."""

    def future(value: object) -> "asyncio.Future[object]":
        made: asyncio.Future[object] = asyncio.Future()
        made.set_result(value)
        return made

    # The SDK has no public call for an unknown output. Its types do not see what these futures hold.
    return pulumi.Output(future(set()), future(None), future(False), future(True))  # type: ignore[arg-type]
