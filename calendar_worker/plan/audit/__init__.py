"""What is wrong between an employee's two calendars, and what may be deleted to put it right.

`verify` is the plan of an ordinary sync that saw both sides whole: what it would write is the drift. The others look
for what a sync leaves alone or would not see: duplicates and orphans. Their deletions follow the rules of the sync:
only events that are ours, and a Termin only where the journal or a link proves that the hub made it.
"""
