"""The floor and the roof: settings, admin site, jobs, files, reports, audit."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        import_module("portal.checks")
        import_module("portal.lookups")
        import_module("portal.reports.card")
        import_module("portal.reports.audit")


class PortalAdminConfig(AdminConfig):
    default_site = "portal.site.PortalAdminSite"
