"""Take a file back out: what the other files say stands again, as if it had never come."""

from metrics.undo.overlap import CannotUndo
from metrics.undo.undoing import undo

__all__ = ["CannotUndo", "undo"]
