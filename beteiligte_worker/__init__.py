"""Keeps parties in EspoCRM and Advoware in step, both ways, field by field."""
