"""What webhooks did not bring: asked from Stripe, and put through the same inbox."""
