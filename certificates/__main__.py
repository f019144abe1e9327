"""`python3 -m certificates self-signed`: the step that makes a development stack's certificate.

In: STACK and HOSTNAME (several are separated by blanks), and what it printed last time in PULUMI_COMMAND_STDOUT: the CA
is kept, the leaf is new.
Out: one JSON object {ca, caKey, certificate, key}, all PEM. Nothing else is printed, for two of them are secret.
"""

import json
import os
import sys

from certificates.pem import Pair
from certificates.self_signed import authority, leaf


def self_signed(stack: str, hostname: str, previous: str) -> dict[str, str]:
    before = json.loads(previous) if previous else {}
    ca = Pair(certificate=before["ca"], key=before["caKey"]) if before else authority(stack)
    server = leaf(ca, *hostname.split())
    return {"ca": ca.certificate, "caKey": ca.key, "certificate": server.certificate, "key": server.key}


if __name__ == "__main__":
    if sys.argv[1:] != ["self-signed"]:
        sys.exit("usage: python3 -m certificates self-signed (with STACK and HOSTNAME in the environment)")
    made = self_signed(os.environ["STACK"], os.environ["HOSTNAME"], os.environ.get("PULUMI_COMMAND_STDOUT", ""))
    print(json.dumps(made))
