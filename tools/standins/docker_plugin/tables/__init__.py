"""What each resource type is made of."""

from tools.standins.docker_plugin.tables.container import CONTAINER
from tools.standins.docker_plugin.tables.network import NETWORK
from tools.standins.docker_plugin.tables.remote_image import REMOTE_IMAGE
from tools.standins.docker_plugin.tables.volume import VOLUME

TABLES = {table.token: table for table in (CONTAINER, NETWORK, VOLUME, REMOTE_IMAGE)}
