"""What the sync of a calendar talks about. All frozen, one noun per file."""
