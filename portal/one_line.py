"""Text that stands on one line: a name in a list, the subject of a mail."""

from __future__ import annotations

import re

# Line breaks, tabs and the other control characters.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def is_one_line(text: str) -> bool:
    """Whether it has no line break, tab or other control character."""
    return _BREAKS.search(text) is None


def on_one_line(text: str) -> str:
    """The text with a blank for each run of such characters, and none at its ends."""
    return _BREAKS.sub(" ", text).strip()
