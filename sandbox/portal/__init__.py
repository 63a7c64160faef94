"""The customer portal: who may do what in it, and the session that opens it."""
