"""What belongs to what on the two sides: one table per part, as data."""
