"""The vendors, again: HTTP servers that refuse what the vendor refuses. They import nothing of the hub."""
