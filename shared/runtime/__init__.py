"""What runs a service."""
