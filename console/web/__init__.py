"""The console's page: rendered here, alive by a little script, and nothing without a log-in."""
