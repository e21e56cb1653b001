"""Decisions about a party, part by part. Pure."""
