"""Stand-ins for two Pulumi resource plugins, for machines that cannot download the official ones.

`docker_plugin` is `pulumi-resource-docker`, `command_plugin` is `pulumi-resource-command`; `protocol` is what both
share.
"""
