"""Asks the server in this container whether it is alive: ends with 0 or 1."""

import http.client
import os
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8000), timeout=3)
try:
    connection.request("GET", "/healthz")
    status = connection.getresponse().status
except (OSError, http.client.HTTPException) as error:
    sys.exit(f"{type(error).__name__}: {error}")
sys.exit(status != 200)
