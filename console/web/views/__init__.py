"""One module per page: what it reads, and the deeds that its buttons do."""
