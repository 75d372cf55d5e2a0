"""How Copilot is used."""

from importlib import import_module

from django.apps import AppConfig


class MetricsConfig(AppConfig):
    name = "metrics"
    verbose_name = "Usage"

    def ready(self) -> None:
        import_module("metrics.evidence")
        import_module("metrics.reports")
        import_module("metrics.cards")
        import_module("metrics.freshness")
        import_module("metrics.use_of_a_seat")
        import_module("metrics.sync.register")
        import_module("metrics.probes")
        import_module("metrics.joined_accounts")
