"""Volume: every change is a replacement, and a replaced volume is empty."""

from tools.standins.docker_plugin.routes import at, reader
from tools.standins.docker_plugin.schema import Field, Kind, Output, ResourceType, Route
from tools.standins.docker_plugin.tables.labels import LABEL, LABELS

VOLUME = ResourceType(
    token="docker:index/volume:Volume",
    fields=(
        Field("name", route=at("Name"), required=True),
        Field("cluster", Kind.BLOCK, supported=False),
        Field("driver", route=at("Driver"), computed=True),
        Field("driverOpts", Kind.MAP, route=Route(at("DriverOpts").write, reader("Options"))),
        Field("labels", Kind.BLOCK_SET, route=at("Labels", LABELS), fields=LABEL),
    ),
    outputs=(Output("mountpoint", reader("Mountpoint")),),
)
