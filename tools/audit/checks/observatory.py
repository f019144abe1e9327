"""MDN HTTP Observatory: the headers of the edge's answers, and the redirect from http to https."""

import json

from tools.audit import stack, tools
from tools.audit.stack import Target
from tools.audit.verdict import Verdict, verdict

ENOUGH = 130


def check(target: Target) -> Verdict:
    folder, version = tools.observatory()
    report = json.loads(
        target.scan(
            "node", f"{stack.TOOL}/{tools.OBSERVATORY}/src/scan.js", "localhost/v1/echo", timeout=60, tool=folder
        )
    )
    tool = f"@mdn/mdn-http-observatory {version}"
    bar = f"a score of {ENOUGH} or more, every test passed"
    if "scan" not in report:
        return verdict(tool, bar, "no scan", [str(report.get("error", report))])
    scan = report["scan"]
    findings = [f"{name} {test['result']}" for name, test in report["tests"].items() if not test["pass"]]
    if scan["score"] < ENOUGH:
        findings.append(f"score {scan['score']}")
    seen = f"{scan['grade']}, {scan['score']} points, {scan['testsPassed']} of {scan['testsQuantity']} tests"
    return verdict(tool, bar, seen, findings)
