"""sslyze: the TLS port against Mozilla's intermediate profile."""

from tools.audit import tools
from tools.audit.stack import HTTPS, Target
from tools.audit.verdict import Verdict, verdict


def check(target: Target) -> Verdict:
    command, version = tools.python_tool("sslyze", "sslyze")
    ask = [command, "--mozilla_config=intermediate", f"--certinfo_ca_file={target.ca}", f"localhost:{HTTPS}"]
    lines = tools.output(ask, timeout=120).splitlines()
    word = next((line.strip() for line in lines if line.strip().startswith(f"localhost:{HTTPS}:")), "no word")
    compliant = "OK - Compliant" in word
    findings = [] if compliant else [line.strip() for line in lines[-12:] if line.strip()]
    return verdict(f"sslyze {version}", "Mozilla intermediate: compliant", word.split(": ", 1)[-1], findings)
