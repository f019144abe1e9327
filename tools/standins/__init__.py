"""Stand-ins for two Pulumi resource plugins, for machines that cannot download the official ones.

`docker_plugin` stands in for `pulumi-resource-docker`, `command_plugin` for `pulumi-resource-command`. `protocol` has
the code that both use. `language_host` stands in for Pulumi's Python language host.
"""
