"""The images that this project builds itself, and their content hashes.

A tag is a digest of the image's folder and of the images that it is built on. So a checkout has the same tags on every
machine, and an image with its tag is up to date.
"""

import hashlib
from pathlib import Path

NAMES = (
    "nginx",
    "model-mirror",
    "ollama",
    "api",
    "cadvisor",
    "collector",
    "victorialogs",
    "prometheus",
    "lego",
)
"""In build order: a parent image comes before the images that are built on it."""

ON_DEMAND = frozenset({"lego"})
"""Images that few stacks need. The builder builds them only if they are named."""

BASE = "debian"
"""The folder of the base image. The builder builds it only if it cannot pull the published one."""

PARENTS = {"model-mirror": ("nginx",), "ollama": ("model-mirror",)}
"""Image name to its parents, besides the base."""

LEFTOVERS = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
"""Folders that Python tools create. They are not part of an image."""

_REPOSITORY = "orca-agents/"
FOLDER = Path(__file__).resolve().parent


def reference(name: str) -> str:
    """`orca-agents/<name>:<12 hex digits>`, for one of NAMES or BASE. Raises KeyError for any other name."""
    return f"{_REPOSITORY}{name}:{digest(name)[:12]}"


def is_built(image: str) -> bool:
    """Whether an image is one that this checkout builds, and that no registry has."""
    return image.startswith(_REPOSITORY) and image in map(reference, NAMES)


def digest(name: str, root: Path = FOLDER) -> str:
    """SHA-256 in hex over an image's folder below `root` and the digests of its parents and the base."""
    if name not in (*NAMES, BASE):
        raise KeyError(f"there is no image {name!r} in images/: there are {', '.join(NAMES)}")
    parents = [] if name == BASE else [BASE, *PARENTS.get(name, ())]
    total = hashlib.sha256(tree_digest(root / name).encode())
    for parent in parents:
        total.update(digest(parent, root).encode())
    return total.hexdigest()


def tree_digest(folder: Path) -> str:
    """SHA-256 in hex over the relative path, the executable bit and the content of every file, in sorted order."""
    total = hashlib.sha256()
    for file in sorted(files(folder), key=lambda file: file.relative_to(folder).as_posix()):
        content = file.read_bytes()
        executable = "x" if file.stat().st_mode & 0o100 else "-"
        total.update(f"{file.relative_to(folder).as_posix()}\0{executable}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def files(folder: Path) -> list[Path]:
    """Every file that belongs to an image's folder."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in found if not LEFTOVERS & set(path.relative_to(folder).parts)]
