"""Reasons why lines were rejected, without what differs from line to line: so that they can be counted."""

from __future__ import annotations

import re

_QUOTED = re.compile(r"“[^”]*”")
# A bare value after the name of its field: “`login` octocat is listed twice”.
_BARE = re.compile(r"(`[^`]+`) (?!is\b|must\b|has\b|adds\b|of\b|and\b|says\b|lies\b)\S+ (?=is )")
_NUMBER = re.compile(r"(?<![\w`])-?\d[\d,.:TZ+-]*(?=\b|\s|$)")


def without_particulars(reason: str) -> str:
    """The reason as it is the same for many lines: “`day` is “…”, not a day as YYYY-MM-DD”."""
    kept = _QUOTED.sub("“…”", reason)
    kept = _BARE.sub(r"\1 … ", kept)
    return _NUMBER.sub("…", kept)
