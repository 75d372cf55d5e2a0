"""django-q2's own tables, to look at only: whoever may write a schedule may run any code."""

from __future__ import annotations

import django_q.admin
from django.contrib import admin
from django.http import HttpRequest
from django_q.models import Failure, OrmQ, Schedule, Success

from portal.admin.base import ReadOnlyAdmin

for model in (Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class OnlySuperusers(ReadOnlyAdmin):
    """Tasks carry arguments and tracebacks, which are nobody else's business."""

    empty_note = "The queue writes it, as its workers go."
    filled_through = ()

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


@admin.register(Schedule)
class ScheduleAdmin(OnlySuperusers):
    list_display = ["name", "func", "schedule_type", "minutes", "cron", "next_run"]


@admin.register(Success)
class SuccessAdmin(OnlySuperusers, django_q.admin.TaskAdmin):
    actions = ()


@admin.register(Failure)
class FailureAdmin(OnlySuperusers, django_q.admin.FailAdmin):
    actions = ()


@admin.register(OrmQ)
class QueueAdmin(OnlySuperusers, django_q.admin.QueueAdmin):
    actions = ()
