"""The stand-in plugins, driven as Pulumi drives them."""
