"""`python -m tools.toolchain.images [NAME...]`: builds the images of `images/` that this machine's engine lacks."""

import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import images
from tools.toolchain import base_image, cache, docker_cli, paths, problems, processes
from tools.toolchain.progress import Progress, Step

# Most builds wait for one core and for downloads in turn: a third one at once gains nothing on two cores.
BUILDS_AT_ONCE = 2
# The variables of the user's environment that a build needs to reach registries by way of proxies and mirrors.
PASSED_ON = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "GOPROXY",
    "PIP_INDEX_URL",
)
CERTIFICATES = "ca-certificates.crt"


def ensure(names: Sequence[str] | None = None) -> dict[str, str]:
    """Have these images (default: all but those on demand) in the engine; gives their references by name.

    Builds only what is missing, and what that is built on. Raises Problem; what was finished until then stays.
    """
    names = names or [name for name in images.NAMES if name not in images.ON_DEMAND]
    wanted = _with_parents(names)
    engine = docker_cli.ask()
    if isinstance(engine, docker_cli.NoAnswer):
        raise problems.Problem(f"images: no Docker engine answers ({engine.reason or 'there is no docker command'}).")
    progress = Progress()
    if not all(exists(images.reference(name)) for name in wanted):
        with progress.running(), cache.lock(paths.cache() / "images.lock", _waiting(progress)):
            _build_missing([name for name in wanted if not exists(images.reference(name))], progress)
    return {name: images.reference(name) for name in names}


def exists(reference: str) -> bool:
    """Whether the engine has an image under this reference."""
    return subprocess.run(["docker", "image", "inspect", reference], capture_output=True, check=False).returncode == 0


def build_arguments(name: str, base: str) -> list[str]:
    """The `--build-arg` options of one image, on the base image given."""
    values = {"DEBIAN": base} | {_variable(parent): images.reference(parent) for parent in images.PARENTS.get(name, ())}
    options = [f"{key}={value}" for key, value in values.items()] + [key for key in PASSED_ON if os.environ.get(key)]
    return [part for option in options for part in ("--build-arg", option)]


def _variable(parent: str) -> str:
    """The build argument that holds the reference of a parent image."""
    return parent.upper().replace("-", "_")


def certificates() -> str:
    """The authorities that this machine trusts, in PEM: inside a build, a network that inspects TLS is trusted too."""
    known = ssl.get_default_verify_paths()
    places = (
        os.environ.get("SSL_CERT_FILE"),
        known.cafile,
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/cert.pem",
    )
    for place in places:
        if place and Path(place).is_file():
            return Path(place).read_text(encoding="utf-8")
    return "".join(map(ssl.DER_cert_to_PEM_cert, ssl.create_default_context().get_ca_certs(binary_form=True)))


def _with_parents(names: Sequence[str]) -> list[str]:
    needed = {parent for name in names for parent in images.PARENTS.get(name, ())} | set(names)
    unknown = needed - set(images.NAMES)
    if unknown:
        raise problems.Problem(
            f"There is no image {', '.join(sorted(unknown))} in images/: there are {', '.join(images.NAMES)}."
        )
    return [name for name in images.NAMES if name in needed]


def _build_missing(names: Sequence[str], progress: Progress) -> None:
    if not names:
        return
    base = base_image.ensure(progress.step("base image"))
    work = paths.cache() / "images"
    shutil.rmtree(work, ignore_errors=True)  # what a killed run has left
    built: dict[str, Future[None]] = {}

    def build(name: str) -> None:
        for parent in images.PARENTS.get(name, ()):
            if parent in built:
                built[parent].result()
        _build(name, base, work / name, progress.step(name))

    with ThreadPoolExecutor(BUILDS_AT_ONCE) as pool:
        for name in names:
            built[name] = pool.submit(build, name)
        processes.wait_for(list(built.values()))
    shutil.rmtree(work, ignore_errors=True)


def _build(name: str, base: str, context: Path, step: Step) -> None:
    shutil.copytree(images.FOLDER / name, context, ignore=shutil.ignore_patterns(*images.LEFTOVERS))
    (context / CERTIFICATES).write_text(certificates(), encoding="utf-8")
    command = ["docker", "build", "--tag", images.reference(name), *build_arguments(name, base)]
    log = paths.log(f"image-{name}")
    with step.doing("building"):
        try:
            processes.run([*command, str(context)], log=log, on_line=_how_far(step), env=environment())
        except processes.CommandFailed as failure:
            registry = "Debian's archive, PyPI or the Go module proxy from inside a container"
            raise problems.explain(f"image {name}", failure.output, registry=registry, log=log) from None


def _how_far(step: Step) -> Callable[[str], None]:
    def tell(line: str) -> None:
        # `Step 3/10 :` is the classic builder's way to say it, `#7 [build 3/10]` that of BuildKit.
        found = re.match(r"Step (\d+/\d+) |#\d+ \[(.*\d+/\d+)\]", line)
        if found:
            step.detail(f"step {found[1] or found[2]}")

    return tell


def environment() -> Mapping[str, str]:
    """BuildKit where the docker command can drive it, on the engine itself; else the classic builder."""
    buildx = subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0
    chosen = {"BUILDX_BUILDER": "default", "BUILDKIT_PROGRESS": "plain"} if buildx else {}
    return os.environ | {"DOCKER_BUILDKIT": "1" if buildx else "0"} | chosen


def _waiting(progress: Progress) -> Callable[[str], None]:
    return lambda holder: progress.say("images", f"waiting for another build on this machine (process {holder})")


def main(arguments: Sequence[str]) -> int:
    """Prints the references of the images named, one a line; progress and problems go to stderr."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for reference in ensure(arguments or None).values():
            print(reference)
    except problems.Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as error:
        message = problems.from_os_error(error)
        if message is None:
            raise
        print(message, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. Finished parts stay. Run the same command again; it continues.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
