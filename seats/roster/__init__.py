"""Apply a roster, from a file or the API: the only writer of seats.

What a roster says holds from its moment on. Each seat keeps what the newest roster said, our memory
(which only moves forward), and its history as the moments at which what was said changed. All of it
follows from the set of rosters taken in, not from the order in which they came.

A roster that is partial adds and changes; only one that is complete, and confirmed to be so, ends seats.
Of one that nobody looked at, many endings wait until it is confirmed. The same list again is one more
moment of the roster it repeats; of a list with differences only those are compared and written.
"""

from seats.roster.applying import apply
from seats.roster.confirming import confirm
from seats.roster.reported import Applied, ReportedGrant, Roster
from seats.roster.teams import meet_team

__all__ = ["Applied", "ReportedGrant", "Roster", "apply", "confirm", "meet_team"]
