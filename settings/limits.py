"""The limits of the edge: requests by time and at once, of an address, of a key and of all clients."""

from pydantic import Field

from settings.effect import RELOAD
from settings.group import Group
from settings.scalars import Whole
from settings.values import Rate, rate

_ADDRESS = "of one client address; of an IPv6 client, of its /64"
_KEY = "of one API key"
_SERVER = "of all clients together; a request without its key does not count"


class CompletionRates(Group):
    """Requests that make a model work, by time: `120/m` is a hundred and twenty a minute, which may come at once."""

    address: Rate = Field(rate("120/m"), description=f"completions by time {_ADDRESS}", json_schema_extra=RELOAD)
    key: Rate = Field(rate("120/m"), description=f"completions by time {_KEY}", json_schema_extra=RELOAD)
    server: Rate = Field(rate("20/s"), description=f"completions by time {_SERVER}", json_schema_extra=RELOAD)


class Rates(Group):
    """All requests, by time. A request to one of `completionPaths` must fit `completions` as well."""

    address: Rate = Field(rate("50/s"), description=f"requests by time {_ADDRESS}", json_schema_extra=RELOAD)
    key: Rate = Field(rate("100/s"), description=f"requests by time {_KEY}", json_schema_extra=RELOAD)
    server: Rate = Field(rate("500/s"), description=f"requests by time {_SERVER}", json_schema_extra=RELOAD)
    completions: CompletionRates = CompletionRates()


class CompletionConcurrency(Group):
    """Requests that make a model work, at the same moment. Ollama's own queue does not bound them."""

    address: Whole = Field(16, ge=1, description=f"completions at once {_ADDRESS}", json_schema_extra=RELOAD)
    key: Whole = Field(16, ge=1, description=f"completions at once {_KEY}", json_schema_extra=RELOAD)
    server: Whole = Field(64, ge=1, description=f"completions at once {_SERVER}", json_schema_extra=RELOAD)


class BodyConcurrency(Group):
    """Requests with a body of 1 MB and more, at the same moment. The API may have to hold `bodyLimit` for each."""

    address: Whole = Field(8, ge=1, description=f"large bodies at once {_ADDRESS}", json_schema_extra=RELOAD)
    server: Whole = Field(16, ge=1, description=f"large bodies at once {_SERVER}", json_schema_extra=RELOAD)


class Concurrency(Group):
    """All requests at the same moment. A request to one of `completionPaths` must fit `completions` as well."""

    address: Whole = Field(128, ge=1, description=f"requests at once {_ADDRESS}", json_schema_extra=RELOAD)
    key: Whole = Field(256, ge=1, description=f"requests at once {_KEY}", json_schema_extra=RELOAD)
    server: Whole = Field(2048, ge=1, description=f"requests at once {_SERVER}", json_schema_extra=RELOAD)
    completions: CompletionConcurrency = CompletionConcurrency()
    bodies: BodyConcurrency = BodyConcurrency()
