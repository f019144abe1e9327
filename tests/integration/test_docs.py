"""A new user: the pages in the order of README, each command as it stands there, on a stack with its monitoring.

tests/pages.py says which commands are left out, and why. tests/integration/test_compose.py has the page on Compose.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from images import digest
from tests.pages import FROM_COMPOSE, PAGES, Reader, blocks, to_run
from tools.lab.place import place
from tools.lab.project import ROOT, Project, whole
from tools.lab.sweep import sweep, sweep_images

PLACE = place("doc")
DOCS = ROOT / "docs"
FIRST = [ROOT / "README.md", *(DOCS / name for name in ("operations.md", "secrets.md"))]
RUNBOOKS = sorted((DOCS / "runbooks").glob("*.md"))
OTHERS = [page for page in PAGES if page not in (*FIRST, *RUNBOOKS, FROM_COMPOSE)]
REST = [page for page in OTHERS if any(map(to_run, blocks(page)))]
# Every command of the runbooks once; the containers are as the pages before have left them.
LOOKS = dict.fromkeys(command for page in RUNBOOKS for block in blocks(page) for command in to_run(block))
# What the pages promise of a command: part of what it says, or of what a reader sees at its end.
PROMISES = {
    "make up": "whole answer after",
    "make deploy": "whole answer after",
    "import openai": "ChatCompletion(",
    "make new-stack": "Pulumi.second.yaml is written",
    "curl --cacert": '"content":',
    "curl -i": "\nX-Orca-Colour: ",
    "make promote": " is live with release ",
    "make rollback": " is live again with release ",
    "python -m rollout allow": "may go live again",
    "make status": f"http://127.0.0.1:{PLACE.pages}/",
    "python -m rollout status --json": '"rejected": ',
    "make drift": "Nothing of ",
    "pulumi stack output models": "tiny-random:latest",
    "make mirror": "is in the mirror of ",
    "docker exec dev-ollama ollama ps": "PROCESSOR",
    "docker exec dev-ollama ollama list": "smollm2:135m",
    "docker ps --filter name=^/dev-prometheus": "Up ",
    "docker logs --tail 30 dev-ollama-init": "smollm2:135m",
}
DEPLOYS = re.compile("pulumi up|make up|make deploy")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[Reader]:
    """A reader before the first command; the stack is destroyed in the end."""
    sweep(engine, f"{PLACE.name}-")
    config = whole(
        PLACE, ollama={"cpus": "2"}, rollout={"watch": "2s"}, monitoring={}, logging={}, OLLAMA_MODELS=["smollm2:135m"]
    )
    project = Project(tmp_path_factory.mktemp("docs"), PLACE.name, config)
    shutil.copy(ROOT / "Pulumi.prod.yaml", project.folder)  # the model of a new stack's file
    (project.folder / "key.txt").write_text("sk-1234")
    status = ("python", "-m", "rollout", "status", "--json", "--stack", PLACE.name)
    known = {
        "<key>": lambda: project.pulumi("config", "get", "--path", "rollout.previewKey").stdout.strip(),
        "<release>": lambda: json.loads(project.run(*status).stdout)["rejected"][-1]["release"],
        ".pulumi/backups/orca-agents/prod/prod.<time>.json": lambda: str(
            max(project.backend.rglob("backups/*/*/*.json"))
        ),
    }
    try:
        yield Reader(project, PLACE, known)
    finally:
        project.deploy("down", check=False)
        sweep(engine, f"{PLACE.name}-")
        sweep_images(engine, f"orca-agents/api:{digest('api', project.folder / 'images')[:12]}")


@pytest.mark.parametrize("page", [*FIRST, *REST], ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page(reader: Reader, page: Path) -> None:
    """What a page sets and does not deploy is previewed and taken back, at its end or before a state is restored."""
    file = reader.project.file
    deployed = file.read_text()
    for block in blocks(page):
        if "python -m ops recover" in block:
            take_back(reader.project, deployed)
        before(reader.project, block)
        follow(reader, block)
        if DEPLOYS.search(block):
            after(reader.project, block)
            deployed = file.read_text()
    take_back(reader.project, deployed)


def take_back(project: Project, deployed: str) -> None:
    if project.file.read_text() != deployed:
        project.pulumi("preview")
        project.file.write_text(deployed)


def before(project: Project, block: str) -> None:
    """What the page takes for granted: a change to release, a client beside the one whose keys come and go."""
    if "make deploy" in block:
        source = project.folder / "images" / "api" / "orca_api" / "__init__.py"
        source.write_text(f"{source.read_text()}# A new version.\n")
    if "make promote" in block:
        project.pulumi("config", "set", "--path", "api.env.VERSION", "3")
    if "edge.apiKeys" in block:
        key = "0123456789abcdef" * 2
        project.pulumi("config", "set", "--secret", "--path", "edge.apiKeys.first-client.keys[0]", key)


def after(project: Project, block: str) -> None:
    if "make promote" in block:
        project.pulumi("config", "rm", "--path", "rollout.promote")


@pytest.mark.parametrize("command", LOOKS)
def test_what_a_runbook_looks_at(reader: Reader, command: str) -> None:
    follow(reader, command)


def follow(reader: Reader, block: str) -> None:
    said = reader.follow(block)
    print(f"{block}\n{said}")
    promised = [text for begin, text in PROMISES.items() if any(one.startswith(begin) for one in to_run(block))]
    assert [text for text in promised if text not in said] == []
