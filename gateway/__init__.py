"""The doors: HTTP webhooks become events that JetStream has stored."""
