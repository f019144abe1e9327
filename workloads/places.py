"""Where things are inside the edge's container: for those who make it and those who ask it. It imports nothing."""

CONFIG, CERTIFICATES, STATE = "/etc/edge", "/etc/edge-certificates", "/var/lib/edge"
"""Read-only volumes of rendered files and of certificates, and the state volume that root alone may write."""
ACME = "/var/lib/acme"
"""The volume of the ACME client, which nginx may read; only in a stack that has one."""
RUN = "/run/edge"
ADMIN_SOCKET = f"{RUN}/admin.sock"
HTTP, HTTPS = 8080, 8443
"""The ports that nginx listens on in the container, for the first address of `edge.bind`."""
KEPT = f"{STATE}/kept"
"""With `-<colour>` behind it: a file that is there if the edge may keep connections to the colour (rollout/kept.py)."""
