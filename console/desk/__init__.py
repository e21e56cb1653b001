"""What an operator's tools do with the hub, over NATS. Used by both faces; prints nothing."""
