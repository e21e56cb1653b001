"""What more of something costs: one measurement per file, each a curve."""
