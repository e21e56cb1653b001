"""The one authenticated way to Advoware for everybody who has no client of their own."""
