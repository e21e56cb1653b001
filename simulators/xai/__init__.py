"""A simulated xAI: the Files API, Collections and document search, behind one port."""

from simulators.xai.switches import Switches
from simulators.xai.vendor import Xai

__all__ = ["Switches", "Xai"]
