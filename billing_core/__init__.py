"""Shared rules, read queries and the only door to Stripe. Writes no table."""
