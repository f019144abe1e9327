"""The steps that finish a container: `python3 -m engine STEP`, as `pulumi up` runs them (engine/arguments.py)."""

import json
import sys

from engine.arguments import Configure, Images, Load, Ready, RunToEnd, with_engine
from engine.errors import CommandError, NeedsPerson, Usage, of_engine

STEPS = ("images", "ready", "run", "load", "configure")


def main(words: list[str]) -> int:
    """Run one step; returns its exit code (engine/errors.py)."""
    try:
        if len(words) != 1 or words[0] not in STEPS:
            raise Usage(f"usage: python3 -m engine {'|'.join(STEPS)}")
        _run(words[0])
    except CommandError as error:
        print(error, file=sys.stderr)
        return error.code
    except OSError as error:
        print(of_engine(error), file=sys.stderr)
        return NeedsPerson.code
    return 0


def _run(name: str) -> None:
    match name:
        case "images":
            from engine.images import ensure

            with_engine(ensure, Images)
        case "ready":
            from engine.ready import ready

            with_engine(ready, Ready)
        case "run":
            from engine.run import run_to_end

            print(json.dumps(with_engine(run_to_end, RunToEnd)))
        case "load":
            from engine.load import load_models

            with_engine(load_models, Load)
        case "configure":
            from engine.configure import configure

            with_engine(configure, Configure)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
