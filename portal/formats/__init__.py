"""How days and instants are written."""
