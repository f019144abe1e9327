"""`pulumi-resource-docker`: Container, Network, Volume and RemoteImage over the docker SDK.

`tables/` says for each resource type what its inputs are, what a change of each input means, and how it maps to the
engine's API. `schema` has the types of these tables. `check`, `planning`, `difference` and `reading` apply the tables
and know no input by name. `lifecycle/` creates and removes the objects.
"""
