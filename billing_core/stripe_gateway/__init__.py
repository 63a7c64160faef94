"""The only door to Stripe: its shapes come in here and leave as the product's own values."""
