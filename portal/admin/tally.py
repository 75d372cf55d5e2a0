"""What a run counted, as a table for people. What is long is cut, and says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal.admin.base import NOTHING

SHOWN = 20
# Names that do not read well as they are written.
LABELS = {"left_out": "Too long to keep", "rate_limit_remaining": "Requests GitHub still allows"}


def tally_table(tally: dict[str, Any]) -> SafeString | str:
    """Names and figures beneath one another; figures that are empty are left out."""
    rows = [
        (label_of(name), lines(value)) for name, value in tally.items() if value not in ("", None, [], {})
    ]
    if not rows:
        return NOTHING
    return format_html(
        '<table class="portal-tally"><tbody>{}</tbody></table>',
        format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', rows),
    )


def label_of(name: str) -> str:
    return LABELS.get(name) or name.replace("_", " ").capitalize()


def lines(value: Any) -> SafeString:
    """The value, a line for each item of a list."""
    items = value if isinstance(value, list) else [value]
    shown = [worded(item) for item in items[:SHOWN]]
    if len(items) > SHOWN:
        shown.append(f"and {len(items) - SHOWN:,} more")
    return format_html_join("", "<div>{}</div>", ((line,) for line in shown))


def worded(value: Any) -> str:
    """A figure, a text, or a small record as `name value, name value`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(_pairs(value)) or NOTHING
    if isinstance(value, list):
        return ", ".join(map(worded, value[:SHOWN])) + (" …" if len(value) > SHOWN else "")
    return str(value)


def _pairs(record: dict[str, Any]) -> Iterator[str]:
    for name, value in record.items():
        yield f"{name.replace('_', ' ')} {worded(value)}"
