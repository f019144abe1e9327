"""`pulumi-resource-docker`: Container, Network, Volume and RemoteImage over the docker SDK.

`tables/` says for each resource type what its inputs are, what a change of each means and how it maps to the engine's
API; `schema` is the language of these tables; `check`, `planning`, `difference` and `reading` apply them, without
knowing any input; `lifecycle/` makes and removes the objects.
"""
