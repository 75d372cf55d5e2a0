"""What can be wrong with a file or a record, in sentences an admin can act on."""

from __future__ import annotations

from portal.github.records import BadRecord as BadRecord
from portal.github.records import reason_for as reason_for
from portal.github.records import shown as shown


class Unreadable(Exception):
    """The whole file is refused. `str()` is one sentence: what it is and what to get instead."""


class BrokenOffError(Exception):
    """The stream ended before its content did, as a packed file does that was cut short."""


TOO_LONG = "the record is longer than {limit} MiB: no report of GitHub's has such a one"
TOO_DEEP = "objects and lists are nested deeper than {limit} levels: no report of GitHub's does that"
