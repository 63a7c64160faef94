"""A stand-in Stripe with hosted portal pages, for trying and testing without an account."""
