"""What the sync of a party talks about. All frozen, one noun per file."""
