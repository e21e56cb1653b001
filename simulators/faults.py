"""What can go wrong between two systems, scripted: one rule at a time, the same words for every vendor."""

import random
import re
from typing import Literal

import msgspec

FaultKind = Literal[
    "late",  # answers delay_s after the work was done
    "rate_limited",  # 429 before the work; Retry-After when retry_after_s is given
    "error",  # `status` before the work
    "lost",  # the work is done, the connection closes without an answer
    "cut_answer",  # the work is done, the connection closes in the middle of the answer's body
    "cut_request",  # the connection closes while the request's body is being read; the work is not done
    "expired",  # 401 before the work
]


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One rule. It fires for requests whose method and whole path match, each with `chance`.

    `times` counts how often it still fires; None is for ever.
    """

    kind: FaultKind
    method: str = "*"
    path: str = ".*"
    times: int | None = 1
    chance: float = 1.0
    status: int = 503
    retry_after_s: int | None = None
    delay_s: float = 0.0


class Faults:
    """The rules in force. The first that matches and whose dice agree is used."""

    def __init__(self, seed: int = 0) -> None:
        self._rules: list[Fault] = []
        self._dice = random.Random(seed)

    def add(self, fault: Fault) -> None:
        """Takes a copy, so that a rule may be added again after it was used up. Raises re.error for a bad path."""
        re.compile(fault.path)
        self._rules.append(msgspec.structs.replace(fault))

    def clear(self) -> None:
        self._rules.clear()

    def rules(self) -> list[Fault]:
        return list(self._rules)

    def pick(self, method: str, path: str) -> Fault | None:
        """The fault for this request, if any; uses up one of its `times`."""
        for rule in self._rules:
            if rule.times == 0 or rule.method not in ("*", method) or not re.fullmatch(rule.path, path):
                continue
            if self._dice.random() >= rule.chance:
                continue
            if rule.times is not None:
                rule.times -= 1
                if rule.times <= 0:
                    self._rules = [other for other in self._rules if other is not rule]
            return rule
        return None
