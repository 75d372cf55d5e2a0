"""Who holds a seat, and should they."""

from importlib import import_module

from django.apps import AppConfig


class SeatsConfig(AppConfig):
    name = "seats"
    verbose_name = "Seats"

    def ready(self) -> None:
        import_module("seats.checks")
        import_module("seats.reports")
        import_module("seats.cards")
        import_module("seats.freshness")
        import_module("seats.sync.card")
        import_module("seats.reclaim.card")
        import_module("seats.connecting")
        import_module("seats.reclaim.witness")
