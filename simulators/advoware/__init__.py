"""A simulated Advoware: discovery, security gateway and data API of one firm, behind one port."""

from simulators.advoware.credentials import Credentials
from simulators.advoware.staff import Staff
from simulators.advoware.switches import Switches
from simulators.advoware.vendor import Advoware

__all__ = ["Advoware", "Credentials", "Staff", "Switches"]
