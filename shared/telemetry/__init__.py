"""What the hub says about itself: logs, traces, metrics, and the run that ties them together. Ids, never values."""
