"""A simulated EspoCRM 9.2.7 with the firm's entity types."""

from simulators.espocrm.answers import Refused
from simulators.espocrm.firm import firm_schema
from simulators.espocrm.queue import Run
from simulators.espocrm.schema import EntityType, Field, Link, Schema
from simulators.espocrm.vendor import Espocrm

__all__ = ["EntityType", "Espocrm", "Field", "Link", "Refused", "Run", "Schema", "firm_schema"]
