"""When ops have to be told: thresholds from ``billing.toml``, and what they say about the present."""
