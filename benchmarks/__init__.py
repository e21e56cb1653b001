"""What the hub costs, measured beside the bare libraries in the same run."""
