"""The stand-in Stripe, tried with the real client over real HTTP."""
