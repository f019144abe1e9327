"""The blocks of code in the docs, and a reader who carries them out on a stack of the tests.

Every block is carried out, unless it is no code (`NOT_CODE`), or the program's own loader reads it (YAML; in
tests/unit/test_docs.py). Of a block of commands, those are left out that begin as one in `NOT_RUN`.
"""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import images
from tools.lab.place import Place
from tools.lab.project import ROOT, Project

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FROM_COMPOSE = ROOT / "docs" / "from-compose.md"
"""The one page that tests/integration/test_compose.py carries out; tests/integration/test_docs.py has all others."""

NOT_CODE = {
    "client ── TLS": "a picture",
    "Pulumi.<stack>.yaml ─>": "a picture",
    "gate: prod-api-green": "output of a release; tests/faults/test_releases.py",
    "watch 15/30 s": "output of a release; tests/faults/test_releases.py",
    "{from:": "values for the block above them; tests/unit/test_secrets.py",
}
# How a command begins, and why nobody carries it out here, or which test does the same.
NOT_RUN = {
    "make test": "runs the tests, this one among them",
    "make lint": "prepares the tests, which run already; `make check` has the same linters",
    "python -m pytest": "runs the tests, this one among them",
    "make security": "takes seven minutes; docs/security.md is its report",
    "make pin": "asks registries beyond this machine; tests/unit/test_pin.py",
    "make preview STACK=second": "its images are in registries; tests/integration/test_preview.py has such a stack",
    "make up STACK=second": "its images are in registries; `make up` is carried out for another stack",
    "make deploy STACK=prod TAG": "its build is in a registry; tests/faults/test_releases.py has one on the engine",
    "pip install": "tools/toolchain/venv.py installs the lock of the same file",
    "python3 -m venv policy/venv": "takes a minute; tests/integration/test_policy.py has another environment",
    "pulumi preview --policy-pack policy": "needs that environment; tests/integration/test_policy.py",
    "pulumi stack init prod && pulumi stack import": "of a stack whose state is lost; tests/faults/test_production.py",
    "pulumi up --refresh --replace": "of a host that was set up anew; tests/faults/test_state.py",
    "docker --host ssh": "another host; tests/faults/test_production.py has one",
    "ollama pull": "a machine with internet; tests/integration/test_models_init.py pulls from such a registry",
    "pulumi config set dockerHost": "another host; tests/faults/test_far_engine.py has one",
    "pulumi config set --path logging.sinks.elast": "needs a collector of a registry; tests/unit/test_monitoring.py",
    "pulumi config set --secret --path logging.sinks.elast": "the same",
    "docker exec dev-ollama nvidia-smi": "needs a GPU",
}
PYTHON, YAML = re.compile(r"import "), re.compile(r"[\w:-]+:( |$)", re.MULTILINE)


def blocks(page: Path) -> Iterator[str]:
    """The indented blocks of a page, each without its indentation."""
    for found in re.finditer(r"(?<=\n\n)((?: {4}.*\n|\n(?= {4}))+)", page.read_text() + "\n"):
        lines = found[1].splitlines()
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        yield "\n".join(line[indent:] for line in lines).strip("\n")


def commands(block: str) -> list[str]:
    """The commands of a shell block, each in one line and without its comment; none of any other block."""
    if block.startswith(tuple(NOT_CODE)) or PYTHON.match(block) or YAML.match(block):
        return []
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in block.replace("\\\n", " ").splitlines())
    return [line for line in lines if line]


def to_run(block: str) -> list[str]:
    """The commands of a block that are carried out; a program in Python is one."""
    if PYTHON.match(block):
        return [block]
    return [command for command in commands(block) if not command.startswith(tuple(NOT_RUN))]


class Reader:
    """Carries out what the pages say, in the checkout of a stack of the tests that is at `place`.

    `found` gives the values that a reader has by the time when a command asks for them, by their names on the page.
    """

    def __init__(self, project: Project, place: Place, found: Mapping[str, Callable[[], str]] | None = None) -> None:
        self.project, self._found = project, found or {}
        inherited = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # of a `make` around the tests
        project.env = {name: value for name, value in project.env.items() if name not in inherited}
        project.env |= {"STACK": place.name, "PULUMI_SKIP_CONFIRMATIONS": "true"}
        # What a reader puts in the place of the page's words; the first model is the one that the stack's mirror has.
        self._own = {
            r"\b(dev|prod)\b|<stack>": place.name,
            r"<project>": f"{place.name}-before",
            r"make down STACK=": "python -m ops down --stack ",  # the target would end the engine of all tests, too
            r"localhost:8443|<host>": f"localhost:{place.https}",
            r"\bapi\.example\.com\b": "localhost",
            r"<image of ollama>": images.reference("ollama"),
            r"\bllama3\.\d:\d+b\b": "tiny-random:latest",
            r"/media/usb/models": f"{place.name}-ollama",
            r"https://\S*…": "https://127.0.0.1/",
            r"…": "none",
            r"^curl ": "curl --silent --show-error --fail --cacert ca.pem ",
        }
        if shutil.which("docker-compose"):
            self._own["docker compose"] = "docker-compose"

    def follow(self, block: str) -> str:
        """What the block says when it is carried out. Raises AssertionError when it fails."""
        if PYTHON.match(block):
            return self.run("python", "-c", self.own(block))
        return self.shell(*map(self.own, to_run(block)))

    def shell(self, *lines: str) -> str:
        return self.run("bash", "-e", "-o", "pipefail", "-c", "\n".join(lines)) if lines else ""

    def run(self, *command: str) -> str:
        done = self.project.run(*command)
        return done.stdout + done.stderr

    def own(self, text: str) -> str:
        """The page's text with the reader's own words in it."""
        for word, value in self._found.items():
            text = text.replace(word, value()) if word in text else text
        for pattern, word in self._own.items():
            text = re.sub(pattern, word, text)
        return text
