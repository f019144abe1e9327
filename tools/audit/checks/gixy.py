"""gixy-ng and gixy-next: scan the output of `nginx -T` in the running container."""

import json

from tools.audit import tools
from tools.audit.stack import Target
from tools.audit.verdict import Verdict, verdict

EXCUSES = {
    "proxy_pass_normalized": "the admin socket's doors to single containers: reached by docker exec alone, and "
    "asked for no path but those of the settings",
    "missing_resolver": "a variable in proxy_pass holds the name of an upstream block, whose servers are addresses",
    "low_keepalive_requests": "the gate tries a connection with 100 requests; nothing is known of more",
    "try_files_is_evil_too": "a cache of look-ups would hide a change of the marker file, so a flip; the file of "
    "try_files never exists, and its look-up is part of the throughput in docs/benchmarks.md",
}


def check_ng(target: Target) -> Verdict:
    return _check("gixy-ng", target)


def check_next(target: Target) -> Verdict:
    return _check("gixy-next", target)


def _check(package: str, target: Target) -> Verdict:
    command, version = tools.python_tool(package, "gixy")
    dump = target.work / "nginx.conf"
    dump.write_text(running_configuration(target))
    findings = json.loads(tools.output([command, "--format", "json", str(dump)], timeout=120))
    return verdict(
        f"{package} {version}",
        "no finding on `nginx -T` of the running container",
        f"{len(findings)} findings in {dump.read_text().count('# configuration file')} files",
        [f"{one['plugin']} {one['severity']}: {one['summary']} {one.get('config', '')}".strip() for one in findings],
        EXCUSES,
    )


def running_configuration(target: Target) -> str:
    """The output of `nginx -T` in the container: the configuration that nginx runs."""
    dump = ["nginx", "-T", "-q", "-c", "/var/lib/edge/config/nginx.conf"]
    output = target.container("nginx").exec_run(dump, stderr=False).output
    return bytes(output).decode() if isinstance(output, bytes) else ""
