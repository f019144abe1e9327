"""The certificate of a development stack."""

import json
from dataclasses import dataclass
from datetime import date

import pulumi

from certificates.self_signed import LEAF_DAYS
from components.step import step
from settings import Settings


@dataclass(frozen=True, kw_only=True)
class CertificateArgs:
    settings: Settings


class Certificate(pulumi.ComponentResource):
    """A self-signed certificate: a CA that stays, and a leaf that is renewed at two thirds of its life.

    Pulumi type `orca:edge:Certificate`; makes the step that creates both. `key` is secret.
    """

    ca: pulumi.Output[str]
    certificate: pulumi.Output[str]
    key: pulumi.Output[str]

    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("orca:edge:Certificate", name, {}, opts)
        made = step(
            f"{name}-self-signed",
            "certificates self-signed",
            args.settings,
            {
                "STACK": args.settings.stack,
                "HOSTNAME": args.settings.edge.hostname,
                # The first `up` of a new period renews.
                "PERIOD": str(date.today().toordinal() // (LEAF_DAYS * 2 // 3)),
            },
            pulumi.ResourceOptions(parent=self, additional_secret_outputs=["stdout", "stderr"]),
            silent=True,
        )
        pem: pulumi.Output[dict[str, str]] = made.stdout.apply(json.loads)
        self.ca = pulumi.Output.unsecret(pem["ca"])
        self.certificate = pulumi.Output.unsecret(pem["certificate"])
        self.key = pem["key"]
        self.register_outputs({"ca": self.ca})
