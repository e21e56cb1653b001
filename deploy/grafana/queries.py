"""Pieces of PromQL that several boards share."""

RATE = "$__rate_interval"
"""Grafana's own choice of a range that holds some scrapes."""


def of(service: str, expr: str) -> str:
    """What comes from one service: only hub_build_info says which instance is which."""
    return f'({expr} and on (instance) hub_build_info{{service="{service}"}})'


def by_service(expr: str) -> str:
    """With the label `service`."""
    return f"({expr} * on (instance) group_left (service) max by (instance, service) (hub_build_info))"


def rate(metric: str) -> str:
    """Per second."""
    return f"rate({metric}[{RATE}])"


def quantile(share: float, buckets: str, *labels: str) -> str:
    """Of a histogram's rates, by some labels."""
    return f"histogram_quantile({share}, sum by ({', '.join(('le', *labels))}) ({buckets}))"


def or_zero(expr: str) -> str:
    """A counter of something rare does not exist until it happens."""
    return f"{expr} or vector(0)"
