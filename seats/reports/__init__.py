"""The reports on seats; importing this registers them."""

from seats.reports import activity, seats

__all__ = ["activity", "seats"]
