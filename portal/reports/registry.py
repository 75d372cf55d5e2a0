"""The reports there are. Apps register theirs when they are ready; nothing here names one."""

from __future__ import annotations

from difflib import get_close_matches

from portal.reports.base import Report, ReportError

_reports: dict[str, Report] = {}


def register(report: type[Report]) -> type[Report]:
    """Make a report known by its name; usable as a decorator."""
    known = _reports.get(report.name)
    if known is not None and type(known) is not report:
        raise ValueError(f"Two reports are named {report.name}.")
    _reports[report.name] = report()
    return report


def get(name: str) -> Report:
    """The report of this name; ReportError, with the likeliest name, if there is none."""
    if name in _reports:
        return _reports[name]
    near = get_close_matches(name.lower().replace("_", "-"), _reports, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(_reports))}."
    raise ReportError(f"There is no report {name!r}; {hint}")


def all_reports() -> list[Report]:
    return [_reports[name] for name in sorted(_reports)]
