"""The whole hub on one machine, without containers."""
