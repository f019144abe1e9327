"""The models of a stack: how a model is named, and where it is pulled from."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, SecretStr, model_validator

from settings.effect import NONE
from settings.group import Group
from settings.scalars import Items, Secret, decoded, exact, known, text
from settings.values import LOCAL

DEFAULT_HOST, DEFAULT_NAMESPACE = "registry.ollama.ai", "library"
"""What Ollama fills in where a name has no host or no namespace (its types/model/name.go)."""

# Ollama's own grammar (types/model/name.go): [host/][namespace/]model[:tag], each part up to 80 characters. A namespace
# has no dot, and there is one of them at most: a registry is asked at the root of its host.
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"
_NAMESPACE = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?(?::\d+)?"
_MODEL = re.compile(rf"(?:(?:({_HOST})/)?({_NAMESPACE})/)?({_PART}):({_PART})(?:@(sha256:[0-9a-f]{{64}}))?")
_REGISTRY = re.compile(rf"(https?)://({_HOST})(?:/({_NAMESPACE}))?/?")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_LARGEST_CA = 100_000
"""Characters. The container gets the authorities in one variable, and Linux takes 128 KiB for one (MAX_ARG_STRLEN)."""
_LONGEST = 80
_HUGGING_FACE = ("hf.co", "huggingface.co")
_ROOT = (
    "Ollama asks a registry at the root of its host; give the repository a host name or a port of its own "
    "(Artifactory: subdomain or port method; Nexus: a connector; any other: a reverse proxy, see docs/operations.md)"
)


class Model(str):
    """A model as the operator wrote it, `[host/][namespace/]name:tag[@sha256:<digest of the manifest>]`, and its parts.

    `host` and `namespace` are Ollama's defaults where the text has none; `digest` is empty where there is none;
    `reference` is the text without the digest: what clients ask for. Raises ValueError for a text that is no model.
    """

    host: str
    namespace: str
    name: str
    tag: str
    digest: str
    reference: str

    def __new__(cls, value: str) -> "Model":
        match = _MODEL.fullmatch(value)
        if not match:
            raise ValueError(f'"{value}" cannot be a model{_why_not(value)}')
        made = super().__new__(cls, value)
        host, namespace, made.name, made.tag, digest = match.groups()
        made.host, made.namespace, made.digest = host or DEFAULT_HOST, namespace or DEFAULT_NAMESPACE, digest or ""
        made.reference = value.partition("@")[0]
        return made

    @property
    def full_name(self) -> str:
        """The reference with the host and the namespace: two spellings of one model have the same one."""
        return f"{self.host}/{self.namespace}/{self.name}:{self.tag}"

    @property
    def shown(self) -> str:
        """The name as Ollama lists it: without its own host and namespace."""
        return self.reference.removeprefix(f"{DEFAULT_HOST}/").removeprefix(f"{DEFAULT_NAMESPACE}/")

    @property
    def manifest(self) -> str:
        """Where Ollama keeps the model's manifest, below `manifests/`."""
        return f"{self.host}/{self.namespace}/{self.name}/{self.tag}"

    @property
    def from_library(self) -> bool:
        """Whether the name leads to Ollama's public library, and so to its mirror where there is one."""
        return self.host == DEFAULT_HOST


def _why_not(value: str) -> str:
    """The end of the sentence that refuses a model."""
    reference = value.partition("@")[0]
    if "://" in reference:
        return ": it has a protocol. Write it without, and name a registry by plain http in models.plainHttp"
    *before, last = reference.split("/")
    name, _, tag = last.partition(":")
    if not re.fullmatch(r"[A-Za-z0-9_.:/-]+", reference) or not name or "" in before:
        return "; write name:tag or name:tag@sha256:<64 hex digits>"
    if not tag:
        return f": it has no tag; write {reference.rstrip(':')}:<tag>"
    if len(before) > 2 and before[0] in _HUGGING_FACE:
        return f": a model there is a whole repository; write {'/'.join(before[:3])}:<quantization>"
    if len(before) > 2:
        return f": it has a path of more than one part. {_ROOT}, and write <that host>/{before[-1]}/{last}"
    if len(before) == 1 and re.fullmatch(_HOST, before[0]) and re.search(r"[.:]", before[0]):
        return ": behind a registry's host, Ollama needs a namespace; write host/namespace/name:tag"
    if long := next((part for part in (*before[1:], name, tag) if len(part) > _LONGEST), ""):
        return f": {long} has {len(long)} characters, and Ollama takes {_LONGEST}"
    if before and "." in before[-1]:
        return f": {before[-1]} is a namespace, and Ollama takes no dot in one"
    return "; write name:tag or name:tag@sha256:<64 hex digits>"


def _no_registry(value: str) -> str:
    """The begin of the sentence that refuses a registry."""
    if "@" in value:
        return "has a user or a password in it, and Ollama has no login for registries (docs/model-registry.conf)"
    path = re.fullmatch(rf"https?://{_HOST}/([^\s/]+)(/\S+)?", value)
    if path and path[2]:
        return f'"{value}" has a path of more than one part. {_ROOT}'
    if path:
        return f'"{value}" has the namespace {path[1]}, where Ollama takes up to {_LONGEST} letters, digits, - and _'
    return f'"{value}" is not a registry'


class Registry(str):
    """A registry as a URL, `http[s]://host[:port][/namespace]`, and its parts; without a namespace it is empty.

    The word `local` has no parts: the stack knows where its own mirror is. Raises ValueError for any other text.
    """

    host: str
    namespace: str
    plain: bool

    def __new__(cls, value: str) -> "Registry":
        made = super().__new__(cls, value)
        if value == LOCAL:
            made.host, made.namespace, made.plain = "", "", True
            return made
        match = _REGISTRY.fullmatch(value)
        if not match:
            raise ValueError(f"{_no_registry(value)}; write https://host[:port], https://host/namespace, or {LOCAL}")
        made.plain, made.host, made.namespace = match[1] == "http", match[2], match[3] or ""
        return made


def _names(value: Any) -> Any:
    """A list may also be written as one text, `a, b c`: the form of an environment variable."""
    value = decoded(value)
    names = re.split(r"[,\s]+", text(value).strip(", \n")) if isinstance(value, str) else value
    if names in ([], [""]):
        raise ValueError("names no model; write a list of name:tag")
    return names


def model(value: Any) -> Model:
    """A model from its text; a number without quotes is none."""
    found = exact(value)
    if not isinstance(found, str):
        raise ValueError("is not the name of a model; write name:tag")
    return Model(found)


def _registry(value: Any) -> Registry:
    return Registry(str(text(value)))


def _pem(value: str) -> str:
    """The certificates alone: bundles have words between them."""
    blocks = _PEM.findall(value)
    if not blocks or len(blocks) != value.count("-----BEGIN "):
        raise ValueError(
            "is no PEM of certificates; each begins with -----BEGIN CERTIFICATE-----, and no key is among them"
        )
    found = "".join(f"{block}\n" for block in blocks)
    if len(found) > _LARGEST_CA:
        raise ValueError(
            f"has {len(blocks)} certificates, more than a container can be given; name your own authorities alone, "
            "for the public ones are trusted already"
        )
    return found


def _proxy(value: str) -> str:
    if "@" in value:
        raise ValueError(
            "has a user or a password in it, which would be in plain text on the host; write the URL without, and give "
            "both as a secret in models.proxyLogin"
        )
    if not re.fullmatch(rf"https?://{_HOST}/?", value):
        raise ValueError(f'"{value}" is not a proxy; write http://host:port')
    return value


def _past_the_proxy(value: str) -> str:
    """As Go's NO_PROXY takes it: https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config"""
    if not re.fullmatch(rf"\*|\.?{_HOST}|[0-9a-fA-F.:]+(/\d+)?", value):
        raise ValueError(f'"{value}" is no host; write host[:port], .domain, an address, or a range as 10.0.0.0/8')
    return value


ModelName = Annotated[Model, PlainValidator(model)]
ModelNames = Annotated[tuple[ModelName, ...], BeforeValidator(_names)]
"""A list of models; also accepted as one text, separated by commas or blanks."""
PastTheProxy = Annotated[str, AfterValidator(_past_the_proxy), BeforeValidator(text)]
HostPort = Annotated[str, Field(pattern=rf"^{_HOST}$"), BeforeValidator(text)]


class Models(Group):
    """Where `ollama-init` pulls from."""

    mirror: Annotated[Registry, PlainValidator(_registry)] | None = Field(
        None,
        description="registry to pull the models of Ollama's library from, or `local` for images/model-mirror; a model "
        "whose name begins with a host is pulled from that host",
        json_schema_extra=NONE,
    )
    plain_http: Items[HostPort] = Field(
        (), description="hosts, with their ports, of registries that are asked by plain http", json_schema_extra=NONE
    )
    proxy: Annotated[str, AfterValidator(_proxy), BeforeValidator(text)] | None = Field(
        None, description="proxy that pulls by https go through", json_schema_extra=NONE
    )
    proxy_login: Secret = Field(
        None, description="a secret; `user:password` for a proxy that asks for both", json_schema_extra=NONE
    )
    no_proxy: Items[PastTheProxy] = Field(
        (),
        description="hosts, .domains and ranges of addresses that are asked without the proxy",
        json_schema_extra=NONE,
    )
    ca: Annotated[str, AfterValidator(_pem), BeforeValidator(text)] | None = Field(
        None,
        description="PEM of further authorities to trust when models are pulled: of a registry, or of a proxy that "
        "inspects TLS",
        json_schema_extra=NONE,
    )
    keep: bool = Field(
        True, description="leave the volume of the models when the stack is destroyed", json_schema_extra=NONE
    )

    @model_validator(mode="after")
    def _used(self) -> Self:
        if self.no_proxy and not self.proxy:
            raise ValueError("noProxy has no effect without proxy; remove it")
        if self.proxy_login and not self.proxy:
            raise ValueError("proxyLogin has no effect without proxy; remove it")
        login = known(self.proxy_login) if isinstance(self.proxy_login, SecretStr) else None
        if login is not None and not re.fullmatch(r"[^:\s]+:\S+", login):
            raise ValueError("proxyLogin is not of the form user:password, without blanks")
        return self
