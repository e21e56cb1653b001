"""Every decision of the document sync: pure functions from what was seen to what to do, with the reason."""
