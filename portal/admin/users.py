"""The portal's own users and groups, with the theme's forms."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from portal.admin.list_as_file import ListAsFile

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(ListAsFile, BaseUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    list_filter_submit = True
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(ListAsFile, BaseGroupAdmin, ModelAdmin):
    pass
