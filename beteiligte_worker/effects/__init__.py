"""Reading both sides and carrying out plans."""
