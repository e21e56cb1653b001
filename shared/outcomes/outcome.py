"""How a handler ends when it does not fail."""

from collections.abc import Mapping

import msgspec

from shared.outcomes.reason import Reason


class Done(msgspec.Struct, frozen=True):
    """Something was changed. `plan` counts what, by the plan's own part names; no values."""

    reason: Reason
    plan: Mapping[str, int] = {}


class Skip(msgspec.Struct, frozen=True):
    """There was nothing to do, which is normal and counted apart."""

    reason: Reason


Outcome = Done | Skip
