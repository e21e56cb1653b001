"""Adressen: a two-way sync as far as Advoware's API goes, and words for people where it does not.

Advoware stores everything at POST, and at PUT only street, postal code, town and `anschrift`; it deletes nothing, and
`bemerkung` never changes. Hence the marker in it, and the many notices.
"""

from beteiligte_worker.plan.adressen.agree import agree_adressen
from beteiligte_worker.plan.adressen.decide import plan_adressen, with_receipts

__all__ = ["agree_adressen", "plan_adressen", "with_receipts"]
