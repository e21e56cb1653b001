"""The measurements, one per file: each takes a room and gives its figures."""
