"""Ops told of what is wrong, once for as long as it lasts, and told when it is over."""
