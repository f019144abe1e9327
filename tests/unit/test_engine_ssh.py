"""How an engine on another host is reached."""

import subprocess
from urllib.parse import urlsplit

from engine import ssh


def test_a_connection_that_dies_silently_ends_within_a_minute() -> None:
    """As ssh itself understands its options: a step would wait for hours otherwise."""
    words = ssh._ssh(urlsplit("ssh://deploy@llm-1.example.com:2222"), "-G", "-F", "none")
    said = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    found = dict(line.split(" ", 1) for line in said.splitlines())
    assert int(found["serveraliveinterval"]) * int(found["serveralivecountmax"]) == 60
    assert (found["user"], found["hostname"], found["port"]) == ("deploy", "llm-1.example.com", "2222")
