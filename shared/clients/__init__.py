"""How the hub talks to vendors."""
