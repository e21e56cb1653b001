"""Keeps an employee's Termine in Advoware and a Google calendar in step, both ways."""
