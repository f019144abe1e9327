"""Starts the pack: Pulumi runs this folder with the Python of its virtual environment."""

import sys
from collections.abc import Mapping, Sequence
from io import FileIO, TextIOWrapper
from pathlib import Path
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

# Pulumi puts this folder itself on the path, and the modules are imported by the folder's name.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policy.excuses import excuses
from policy.rules import CONTAINER, RULES, UNKNOWN, Rule


def plain(value: Any) -> Any:
    """The inputs of a resource, `UNKNOWN` in the place of every value that only the update will know."""
    if isinstance(value, Mapping):
        return {key: _known(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_known(value, index) for index in range(len(value))]
    return value


def _known(whole: Any, key: Any) -> Any:
    try:
        return plain(whole[key])
    except UnknownValueError:
        return UNKNOWN


def _policy(rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type not in rule.types:
            return
        inputs = plain(args.props)
        name = inputs.get("name") if args.resource_type == CONTAINER else None
        resource = name if isinstance(name, str) else args.name
        stack = args.urn.split("::")[0].removeprefix("urn:pulumi:")
        try:
            excused = any(excuse.covers(rule.name, resource) for excuse in excuses(Path.cwd(), stack))
        except ValueError as error:
            report(str(error), None)
            return
        if not excused:
            for wrong in rule.wrong(inputs):
                report(f"{resource}: {wrong}", None)

    return ResourceValidationPolicy(name=rule.name, description=rule.why, validate=validate)


# The pack says its port on standard output, does not flush it, and serves; whoever started it waits for the port.
sys.stdout = TextIOWrapper(FileIO(sys.stdout.fileno(), "w", closefd=False), write_through=True)
PolicyPack(
    name="secure-containers",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[_policy(rule) for rule in RULES],
)
