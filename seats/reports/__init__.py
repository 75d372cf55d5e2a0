"""The reports on seats; importing this registers them."""

from seats.reports import activity, reclaimed_seats, savings, seat_costs, seats

__all__ = ["activity", "reclaimed_seats", "savings", "seat_costs", "seats"]
