"""The floor and the roof: settings, admin site, jobs, files, reports, audit."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        stamps = import_module("portal.stamps")
        connection_created.connect(stamps.attach, dispatch_uid="stamps")
        post_migrate.connect(stamps.make_stamps, sender=self, dispatch_uid="stamps")
        import_module("portal.checks")
        import_module("portal.lookups")
        import_module("portal.reports.card")
        import_module("portal.reports.audit")


class PortalAdminConfig(AdminConfig):
    default_site = "portal.site.PortalAdminSite"
