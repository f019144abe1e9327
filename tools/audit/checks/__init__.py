"""The checks by name, in the order of a run: checks that only read come before checks that load the edge."""

from collections.abc import Callable, Mapping

from tools.audit.checks import (
    containers,
    dockerfiles,
    fuzz,
    gixy,
    http2,
    listeners,
    observatory,
    rate_limit,
    renewal,
    requests,
    rotation,
    slow_clients,
    sslyze,
    testssl,
)
from tools.audit.stack import Target
from tools.audit.verdict import Verdict

OF_FILES: Mapping[str, Callable[[], Verdict]] = {
    "hadolint": dockerfiles.check_hadolint,
    "checkov": dockerfiles.check_checkov,
}
"""Checks that need no running stack."""

OF_STACK: Mapping[str, Callable[[Target], Verdict]] = {
    "containers": containers.check,
    "listeners": listeners.check,
    "gixy-ng": gixy.check_ng,
    "gixy-next": gixy.check_next,
    "observatory": observatory.check,
    "sslyze": sslyze.check,
    "testssl": testssl.check,
    "requests": requests.check,
    "http2": http2.check,
    "fuzz": fuzz.check,
    "slow-clients": slow_clients.check,
    "rate-limit": rate_limit.check,
    "rotation": rotation.check,
    "renewal": renewal.check,
}
