"""Grafana's dashboards as data: `python -m deploy.grafana` writes the JSON beside it."""
