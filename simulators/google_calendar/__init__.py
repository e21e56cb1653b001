"""A simulated Google Calendar: API v3 and the token endpoint for service accounts, behind one port."""

from simulators.google_calendar.keys import ServiceAccount, new_account, read_account
from simulators.google_calendar.staff import Staff
from simulators.google_calendar.switches import Switches
from simulators.google_calendar.vendor import GoogleCalendar

__all__ = ["GoogleCalendar", "ServiceAccount", "Staff", "Switches", "new_account", "read_account"]
