"""What the hub remembers, in NATS key-value buckets."""
