"""The admin site: Django's own, in the console's clothes and with the console's sections."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class ConsoleAdminSite(AdminSite):
    """Django's admin inside the frame of the console; the rail replaces its own sidebar."""

    site_header = _("Skep")
    site_title = _("Skep")
    index_title = _("All records")
    enable_nav_sidebar = False
    empty_value_display = "–"
