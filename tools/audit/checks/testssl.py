"""testssl.sh: the grade of the TLS port, and no finding of severity MEDIUM or above."""

import json

from tools.audit.stack import CA, Target
from tools.audit.verdict import Verdict, verdict

UNDONE = "check failed because of connect problem"
"""testssl.sh's text for a test that it could not do, because one of its hundreds of handshakes took too long.

It says nothing about the edge, so the check runs testssl.sh once more."""
WEIGHTY = ("MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL")
EXCUSES = {
    "cert_revocation": "a development CA has no place to publish revocations; public authorities bring their own",
    "engine_problem": "testssl.sh says of its own OpenSSL that it has no GOST ciphers; nothing about the edge",
}


def check(target: Target) -> Verdict:
    """All tests of testssl.sh against the edge, as a client that trusts the stack's CA."""
    found = _scan(target)
    if any(UNDONE in one["finding"] for one in found.values()):
        found = _scan(target)
    grade, score = found["overall_grade"]["finding"], found["final_score"]["finding"]
    findings = [f"{id} {one['severity']}: {one['finding']}" for id, one in found.items() if one["severity"] in WEIGHTY]
    if grade != "A+":
        findings.append(f"overall_grade is {grade}, not A+")
    return verdict(
        f"testssl.sh {target.scan('dpkg-query', '-W', '-f', '${Version}', 'testssl.sh', timeout=30)}",
        "grade A+, no finding MEDIUM or above",
        f"{grade}, score {score}, {len(found)} results",
        findings,
        EXCUSES,
    )


def _scan(target: Target) -> dict[str, dict[str, str]]:
    report = target.scan(
        "sh",
        "-c",
        f"testssl --quiet --color 0 --warnings off --add-ca={CA} --ip=127.0.0.1 --jsonfile=/tmp/report.json "
        "https://localhost:443 >/tmp/log 2>&1; cat /tmp/report.json",
        timeout=400,
    )
    return {entry["id"]: entry for entry in json.loads(report)}
