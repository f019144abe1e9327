"""AWS Secrets Manager by moto's server."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab"}


@dataclass(frozen=True)
class AwsServer:
    """A server at `endpoint`."""

    endpoint: str

    @property
    def client(self) -> Any:
        return boto3.client(
            "secretsmanager",
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="lab",
            aws_secret_access_key="lab",
        )

    def put(self, name: str, value: str | bytes) -> None:
        """Make a secret, or a new version of it."""
        kind = "SecretBinary" if isinstance(value, bytes) else "SecretString"
        client = self.client
        try:
            client.create_secret(Name=name, **{kind: value})
        except client.exceptions.ResourceExistsException:
            client.put_secret_value(SecretId=name, **{kind: value})


@contextmanager
def running() -> Iterator[AwsServer]:
    """An empty server on a free port of loopback."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield AwsServer(f"http://{host}:{port}")
    finally:
        server.stop()
