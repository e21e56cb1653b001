"""The decisions. All pure."""
