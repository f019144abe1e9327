"""Making, looking at, changing and removing the objects of each resource type at the engine."""
