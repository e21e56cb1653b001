"""Kommunikation: a three-way merge of two sets of mails and phones, entry by entry.

An entry's base is the value in its marker, or, where staff took the marker away, the value that we remember of its id.
First is decided what EspoCRM has in the end, then what each entry of Advoware becomes.

Where the firm's rules are silent:

- Types that differ when a value is first matched are left as they are on both sides: nobody has changed one. Later, a
  change of a type in EspoCRM is seen against what we remember, one in Advoware against the marker.
- Equal numbers under several kommKz are common (telephone and fax). EspoCRM has one of the types, and none moves.
- Deleted in Advoware, and its type changed in EspoCRM since: EspoCRM's stays and gets a new entry.
- Emptied in Advoware and changed in EspoCRM: EspoCRM's new value is kept; there is nothing that could be lost.
- A value that EspoCRM does not take holds its place: what it was before stays in EspoCRM, and is not posted again.
- An entry that is an Internet address (kommKz 5) now is out of the sync, not deleted.
- A value deleted in EspoCRM that staff have typed into another entry since is new in Advoware, and comes back.
"""

from beteiligte_worker.plan.kommunikation.decide import plan_kommunikation
from beteiligte_worker.plan.kommunikation.sides import agree, kommunikation_hash

__all__ = ["agree", "kommunikation_hash", "plan_kommunikation"]
