"""The rules of the policy pack as pure functions, and the excuses from them."""

import re
from pathlib import Path
from typing import Any

import pytest

from policy.excuses import excuses
from policy.rules import CONTAINER, RULES, UNKNOWN
from settings import load
from tools.lab.place import place
from tools.lab.project import ROOT, whole
from tools.toolchain.pins import pinned, pins
from workloads.stack import stack as everything

DIGEST = "sha256:" + "0" * 64
GOOD: dict[str, Any] = {
    "name": "app",
    "image": f"registry.example/app:1.2.3@{DIGEST}",
    "memory": 512.0,
    "memorySwap": 512.0,
    "cpus": "1.0",
    "ports": [{"internal": 9090.0, "external": 9090.0, "ip": "127.0.0.1"}],
    "envs": ["PORT=8000", "DATABASE_PASSWORD_FILE=/run/secrets/password", "MAX_TOKENS=8", "MONKEY=1", "KEY="],
    "command": ["serve"],
    "capabilities": {"adds": [], "drops": ["ALL"]},
    "volumes": [{"volumeName": "data", "containerPath": "/data"}],
    "mounts": [{"type": "tmpfs", "target": "/tmp"}],
    "user": "1000:1000",
    "readOnly": True,
    "securityOpts": ["no-new-privileges:true"],
    "healthcheck": {"tests": ["CMD", "true"]},
    "restart": "unless-stopped",
    "logDriver": "json-file",
    "logOpts": {"max-size": "10m", "max-file": "5"},
}
SOCKET = {"hostPath": "/var/run/docker.sock", "containerPath": "/var/run/docker.sock"}
MISTAKES: list[tuple[str, dict[str, Any]]] = [
    ("pinned-image", {"image": "nginx:latest"}),
    ("pinned-image", {"image": "nginx"}),
    ("pinned-image", {"image": "nginx:1.31.9-alpine"}),
    ("memory-limit", {"memory": None, "memorySwap": None}),
    ("memory-limit", {"memorySwap": None}),
    ("memory-limit", {"memorySwap": -1.0}),
    ("cpu-limit", {"cpus": None}),
    ("published-port", {"ports": [{"internal": 11434.0, "external": 11434.0}]}),
    ("published-port", {"ports": [{"internal": 11434.0, "ip": "::"}]}),
    ("published-port", {"publishAllPorts": True}),
    ("plain-secret", {"envs": ["OPENAI_API_KEY=sk-1"]}),
    ("plain-secret", {"envs": ["db_password=x"]}),
    ("plain-secret", {"envs": ["DATABASE_URL=postgres://app:hunter2@db/app"]}),
    ("plain-secret", {"command": ["--key", "-----BEGIN PRIVATE KEY-----"]}),
    ("capability", {"capabilities": {"adds": ["CAP_SYS_ADMIN"], "drops": ["ALL"]}}),
    ("capability", {"capabilities": None}),
    ("engine-socket", {"volumes": [SOCKET]}),
    ("engine-socket", {"volumes": [{"hostPath": "/var/run", "containerPath": "/host"}]}),
    ("engine-socket", {"mounts": [{"type": "bind", "source": "/run/containerd/containerd.sock", "target": "/s"}]}),
    ("host-path", {"volumes": [{"hostPath": "/srv/data", "containerPath": "/data"}]}),
    ("host-namespace", {"privileged": True}),
    ("host-namespace", {"networkMode": "host"}),
    ("host-namespace", {"pidMode": "host"}),
    ("root-user", {"user": None}),
    ("root-user", {"user": "0:0"}),
    ("read-only", {"readOnly": False}),
    ("new-privileges", {"securityOpts": ["seccomp=unconfined"]}),
    ("health-check", {"healthcheck": None}),
    ("restart", {"restart": "no"}),
    ("log-limit", {"logOpts": {"max-size": "10m"}}),
    ("log-limit", {"logDriver": "syslog"}),
    ("pinned-image", {"image": "registry.example/app:202611280130"}),
    ("pinned-image", {"image": "registry.example/app:20261128013000"}),
    ("memory-limit", {"memory": 0.0, "memorySwap": 0.0}),
    ("cpu-limit", {"cpus": "0"}),
    ("cpu-limit", {"cpus": "0.00"}),
    ("cpu-limit", {"cpus": None, "cpuQuota": -1.0}),
    ("plain-secret", {"envs": ["REDIS_URL=redis://:s3cret@cache"]}),
    ("plain-secret", {"envs": ["SECRET_KEY=x"]}),
    ("plain-secret", {"envs": ["DB_PASS=x"]}),
    ("plain-secret", {"envs": ["MYSQL_PWD=x"]}),
    ("plain-secret", {"envs": ["ADMIN_PASSWORD=$2y$10$abc"]}),
    ("plain-secret", {"command": ["sh", "-c", "serve --password 'hunter2'"]}),
    ("plain-secret", {"envs": ["TOKEN=/9j4AAQSkZJRg=="]}),
    ("plain-secret", {"command": ["redis-server", "--requirepass", "s3cret"]}),
    ("plain-secret", {"command": ["serve", "--verbose", "--password", "hunter2"]}),
    ("plain-secret", {"command": ["--api-key=sk-123"]}),
    ("plain-secret", {"command": ["sh", "-c", "API_KEY=sk-123 exec serve --port 8000"]}),
    ("plain-secret", {"entrypoints": ["serve", "--auth-token"], "command": ["t0k"]}),
    ("engine-socket", {"volumes": [{"hostPath": "/var/run/", "containerPath": "/host"}]}),
    ("engine-socket", {"volumes": [{"hostPath": "//run/../run/docker.sock", "containerPath": "/s"}]}),
    ("engine-socket", {"mounts": [{"type": "bind", "source": "/run/user/1000/", "target": "/s"}]}),
    ("health-check", {"healthcheck": {"tests": ["NONE"]}}),
    ("health-check", {"healthcheck": {"tests": []}}),
]


def broken(inputs: dict[str, Any]) -> list[str]:
    """The rules that these inputs of a container break."""
    return [rule.name for rule in RULES if CONTAINER in rule.types and [*rule.wrong(inputs)]]


def test_a_good_container_breaks_no_rule() -> None:
    assert broken(GOOD) == []


@pytest.mark.parametrize(("rule", "change"), MISTAKES)
def test_each_mistake_breaks_its_rule_and_no_other(rule: str, change: dict[str, Any]) -> None:
    assert broken({name: value for name, value in (GOOD | change).items() if value is not None}) == [rule]


def test_every_rule_has_a_mistake_and_a_reason() -> None:
    assert {rule.name for rule in RULES} == {name for name, _ in MISTAKES}
    assert all(rule.why for rule in RULES)


def test_every_rule_is_in_the_docs_with_its_reason() -> None:
    page = (ROOT / "docs" / "policy.md").read_text()
    for rule in RULES:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{rule.name}` |"))
        assert row.endswith(f"| {rule.why} |")


def test_the_pack_asks_for_the_version_that_the_project_has() -> None:
    assert pins((ROOT / "policy" / "requirements.txt").read_text()) == {"pulumi-policy": pinned("pulumi-policy")}


@pytest.mark.parametrize("name", GOOD)
def test_what_a_preview_does_not_know_breaks_no_rule(name: str) -> None:
    assert broken({**GOOD, name: UNKNOWN}) == []


@pytest.mark.parametrize(
    "change",
    [
        {"envs": ["TOKEN=/run/secrets/token", "BYPASS=1", "PWD=/app", "OLDPWD=x", "SORT_KEY=id", "URL=http://a:80/@b"]},
        {"command": ["serve", "--password-file", "/run/secrets/p", "--token", "/run/secrets/t", "--max-tokens", "8"]},
        {"command": ["sh", "-c", 'exec serve --password "$PASSWORD" --token=$(cat token)']},
        {"command": ["serve", "--password", "--verbose"]},
        {"command": ["psql", "--no-password", "app"]},
        {"healthcheck": {"tests": UNKNOWN}},
        {"cpus": None, "cpuQuota": 50000.0},
        {"cpus": "0.05"},
    ],
)
def test_what_only_looks_like_a_mistake_is_none(change: dict[str, Any]) -> None:
    assert broken({**GOOD, **change}) == []


@pytest.mark.parametrize(
    "image", [DIGEST, "orca-agents/api:b99a8d707055", "orca-agents/api:309912345678", f"nginx@{DIGEST}"]
)
def test_an_image_by_its_content_is_pinned(image: str) -> None:
    assert broken({**GOOD, "image": image}) == []


def test_a_one_shot_needs_no_health_check_and_no_restart() -> None:
    assert broken({**GOOD, "healthcheck": None, "restart": "no", "mustRun": False}) == []


def test_excuses_are_those_of_the_project_and_of_the_stack(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(
        "name: p\nconfig: {policy:excuses: {value: [{rule: root-user, resource: '*-db', why: its image}]}}"
    )
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {policy:excuses: [{rule: '*', resource: x, why: a trial}]}")
    found = excuses(tmp_path, "dev")
    assert [excuse.why for excuse in found] == ["its image", "a trial"]
    assert found[0].covers("root-user", "dev-db")
    assert not found[0].covers("root-user", "db")
    assert not found[0].covers("read-only", "dev-db")
    assert [excuse.why for excuse in excuses(tmp_path, "prod")] == ["its image"]


@pytest.mark.parametrize(
    "written", ["[{rule: a, resource: b}]", "[{rule: a, resource: b, why: ' '}]", "[a]", "[{rule: a, why: c, x: d}]"]
)
def test_an_excuse_without_a_reason_is_refused(tmp_path: Path, written: str) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config: {{policy:excuses: {written}}}")
    with pytest.raises(ValueError, match=r"policy:excuses in Pulumi\.dev\.yaml"):
        excuses(tmp_path, "dev")


@pytest.mark.parametrize("page", ["docs/secrets.md", "Pulumi.prod.yaml"])
def test_a_secret_as_a_variable_has_its_excuse_beside_it(tmp_path: Path, page: str) -> None:
    """The pack sees the value of a Pulumi secret, and no mark of one."""
    assert broken({**GOOD, "envs": ["DATABASE_URL=postgres://app:hunter2@db/app"]}) == ["plain-secret"]
    (shown,) = re.findall(r"policy:excuses:\n(?:.*(?:rule|resource|why): .*\n)+", (ROOT / page).read_text())
    shown = "\n".join(f"  {line.strip(' #')}" for line in shown.splitlines())
    written = re.sub(r"(?m)^  (resource|why)", r"    \1", shown)
    (tmp_path / "Pulumi.prod.yaml").write_text(f"config:\n{written}\n")
    (excuse,) = excuses(tmp_path, "prod")
    assert excuse.covers("plain-secret", "prod-api-blue")
    assert not excuse.covers("plain-secret", "prod-nginx")


def test_the_project_s_own_containers_are_excused_from_what_they_are_exempt_from() -> None:
    """So `make preview` refuses none of them. The pack asks one-shots for no health check and no restart."""
    rules = {"non-root": "root-user", "capabilities": "capability", "host-paths": "host-path"}
    config = whole(place("doc"), monitoring={}, logging={}, api={"before": {"command": ["true"]}})
    found = excuses(ROOT, "none")
    works = everything(load("doc", config)).services
    for work in works:
        envs = [f"{name}={value}" for name, value in work.env.items()]
        assert "plain-secret" not in broken({"envs": envs, "entrypoints": work.entrypoint, "command": work.command})
    asked = [
        (work, rules.get(exemption.rule, exemption.rule))
        for work in works
        for exemption in work.exemptions
        if not (work.one_shot and exemption.rule in ("health-check", "restart"))
    ]
    assert len(asked) > 6
    assert [(w.name, rule) for w, rule in asked if not any(one.covers(rule, w.name) for one in found)] == []
