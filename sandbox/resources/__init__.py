"""Stripe's API, one module a resource; `ROUTES` of each says which call does what."""
