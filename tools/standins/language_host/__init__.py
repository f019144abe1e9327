"""Stand-in for Pulumi's Python language host, for machines that cannot download the official one.

The engine starts it as `pulumi-language-python`, and asks it over gRPC (service `pulumirpc.LanguageRuntime`) which
plugins a program needs and to run the program. The program itself is run by Pulumi's own
`pulumi-language-python-exec`, which comes with the SDK's Go module.
"""
