"""How a delivery can end."""
