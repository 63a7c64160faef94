"""What ``billing.toml`` says about Stripe's catalogue and portal, and how Stripe is brought there."""
