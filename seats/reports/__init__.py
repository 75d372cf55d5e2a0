"""The reports on seats; importing this registers them."""

from seats.reports import activity, billing_lines, reclaimed_seats, savings, seat_costs, seats, words

__all__ = ["activity", "billing_lines", "reclaimed_seats", "savings", "seat_costs", "seats", "words"]
