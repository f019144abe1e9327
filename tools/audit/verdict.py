"""The result of a check: its findings, and which of them are excused."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of one check.

    `tool` is the tool with its version, `bar` what must hold, `seen` what was measured. `failures` are the findings
    without an excuse, one line each. `excused` maps a finding to the reason why it may stay.
    """

    tool: str
    bar: str
    seen: str
    failures: tuple[str, ...] = ()
    excused: Mapping[str, str]

    @property
    def passed(self) -> bool:
        return not self.failures


def verdict(
    tool: str, bar: str, seen: str, findings: Iterable[str] = (), excuses: Mapping[str, str] | None = None
) -> Verdict:
    """Split findings into failures and excused ones. A finding begins with its id; `excuses` maps ids to reasons."""
    known = excuses or {}
    failures, excused = [], {}
    for finding in findings:
        excuse = next((id for id in known if finding == id or finding.startswith(f"{id} ")), None)
        if excuse is None:
            failures.append(finding)
        else:
            excused[excuse] = known[excuse]
    if excused:
        seen += f"; excused: {', '.join(excused)}"
    return Verdict(tool=tool, bar=bar, seen=seen, failures=tuple(failures), excused=excused)
