"""The only IO: reading both sides, carrying out a plan, remembering."""
