"""Files that go into a container before it starts."""

import base64
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.standins.docker_plugin.engine import explained
from tools.standins.protocol.provider import Failed

if TYPE_CHECKING:
    from docker import APIClient

SOURCES = ("content", "contentBase64", "source")
EXECUTABLE, PLAIN = 0o744, 0o644


def upload(client: "APIClient", identity: str, files: list[dict[str, Any]]) -> None:
    """Copy each file into the container, owned by root. Creates missing directories."""
    for item in files:
        with explained("Unable to upload volume content: "):
            client.put_archive(identity, "/", _archive(item))


def _archive(item: dict[str, Any]) -> bytes:
    content = _content(item)
    entry = tarfile.TarInfo(item["file"].lstrip("/"))
    entry.size = len(content)
    entry.mode = EXECUTABLE if item.get("executable") else PLAIN
    if item.get("permissions"):
        entry.mode = int(item["permissions"], 8)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _content(item: dict[str, Any]) -> bytes:
    names = ", ".join(f"'{name}'" for name in ("content", "content_base64")) + ", or 'source'"
    given = [name for name in SOURCES if item.get(name)]
    if not given:
        raise Failed(f"error with upload content: one of {names} must be set")
    if len(given) > 1:
        raise Failed(f"error with upload content: only one of {names} can be set")
    text = str(item[given[0]])
    match given[0]:
        case "contentBase64":
            return base64.b64decode(text)
        case "source":
            try:
                return Path(text).read_bytes()
            except OSError as error:
                raise Failed(f"could not read file: {error}") from None
        case _:
            return text.encode()
