"""What the apps have to say on a connection's page, in sentences: how far its work is, and until when."""

from __future__ import annotations

from collections.abc import Callable

from portal.models import Connection

# Takes the connection and returns a sentence, or nothing when there is nothing to say.
Note = Callable[[Connection], str]

_notes: list[Note] = []


def register(note: Note) -> Note:
    """Have this said on every connection's page; usable as a decorator."""
    _notes.append(note)
    return note


def notes_on(connection: Connection) -> list[str]:
    """All that is to be said of a connection right now."""
    return [said for note in _notes if (said := note(connection))]
