"""The body of the engine's create call, from a plan."""

from tools.standins.docker_plugin.schema import Body, ResourceType
from tools.standins.protocol.values import UNKNOWN, Properties


def body(table: ResourceType, planned: Properties) -> Body:
    """The body, from all inputs that have a route. A container's configuration is below "Config", as in inspect."""
    found: Body = {"Config": {}, "HostConfig": {}}
    for field in table.fields:
        value = planned.get(field.name)
        if field.route.write and value is not None and value != UNKNOWN:
            field.route.write(value, found)
    return found
