"""Labels: a list of {label, value} to Pulumi, a map to the engine."""

from typing import Any

from tools.standins.docker_plugin.routes import Form
from tools.standins.docker_plugin.schema import Field

LABEL = (Field("label", required=True), Field("value", required=True))


def _pairs(labels: dict[str, str]) -> list[dict[str, Any]]:
    return [{"label": name, "value": value} for name, value in labels.items()]


LABELS = Form(lambda value: {item["label"]: item["value"] for item in value}, _pairs)
