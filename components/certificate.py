"""The certificate of the edge: the operator's own, or a self-signed one."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pulumi
from pulumi_command import local

from certificates import LEAF_DAYS
from certificates.pem import Pair
from components.secrets import unknown
from settings import Settings
from settings.references import Reference
from settings.scalars import known


@dataclass(frozen=True, kw_only=True)
class CertificateArgs:
    settings: Settings


class Certificate(pulumi.ComponentResource):
    """What the edge shows to clients.

    Pulumi type `orca:edge:Certificate`. Either the pair that `edge.tls` gives, by value or by file; or a self-signed
    one, with a CA that stays and a leaf that is renewed at two thirds of its life. With `edge.tls.acme` the edge begins
    with the self-signed one. `key` is secret. Raises `pulumi.RunError` for a pair that would not do.
    """

    ca: pulumi.Output[str]
    """PEM to trust; empty where clients trust the certificate's issuer already."""
    certificate: pulumi.Output[str]
    key: pulumi.Output[str]

    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orca:edge:Certificate", name, {}, opts)
        settings, tls = args.settings, args.settings.edge.tls
        if isinstance(tls.certificate, Reference) or isinstance(tls.key, Reference):
            # A preview that cannot ask the store.
            self.ca = pulumi.Output.from_input("")
            self.certificate, self.key = unknown(), unknown()
        elif given := _given(settings):
            self.ca = pulumi.Output.from_input("")
            self.certificate = pulumi.Output.from_input(given.certificate)
            self.key = pulumi.Output.secret(given.key)
        else:
            self._self_signed(name, settings)
        self.register_outputs({"ca": self.ca})

    def _self_signed(self, name: str, settings: Settings) -> None:
        made = local.Command(
            f"{name}-self-signed",
            create="python3 -m certificates self-signed",
            environment={
                "STACK": settings.stack,
                "HOSTNAME": " ".join(settings.edge.names),
                # The first `up` of a new period renews.
                "PERIOD": str(date.today().toordinal() // (LEAF_DAYS * 2 // 3)),
            },
            logging=local.Logging.NONE,  # it prints keys
            opts=pulumi.ResourceOptions(parent=self, additional_secret_outputs=["stdout", "stderr"]),
        )
        pem: pulumi.Output[dict[str, str]] = made.stdout.apply(json.loads)
        self.ca = pulumi.Output.from_input("") if settings.edge.tls.acme else pulumi.Output.unsecret(pem["ca"])
        self.certificate = pulumi.Output.unsecret(pem["certificate"])
        self.key = pem["key"]


def _given(settings: Settings) -> Pair | None:
    """The pair of `edge.tls`, if there is one."""
    tls = settings.edge.tls
    certificate, key = known(tls.certificate), known(tls.key)
    if certificate and key:
        names = ("edge.tls.certificate", "edge.tls.key")
        texts = (certificate, key)
    elif tls.certificate_file and tls.key_file:
        names = (f"edge.tls.certificateFile ({tls.certificate_file})", f"edge.tls.keyFile ({tls.key_file})")
        texts = (_read("edge.tls.certificateFile", tls.certificate_file), _read("edge.tls.keyFile", tls.key_file))
    else:
        return None
    from certificates.check import check  # only for a pair that is given: the import takes as long as a plan

    try:
        for hostname in settings.edge.hostnames:
            check(*texts, hostname, names=names)
        return check(*texts, settings.edge.hostname, names=names)
    except ValueError as error:
        raise pulumi.RunError(f"{error}. Nothing was changed.") from None


def _read(key: str, path: str) -> str:
    """A file as text: what stands around PEM may have any encoding, PEM itself is ASCII."""
    try:
        return Path(path).read_bytes().decode(errors="replace")
    except (OSError, ValueError) as error:
        raise pulumi.RunError(f"{key}: {path} cannot be read ({error}). Nothing was changed.") from None
