"""The webhook listener: the only writer of the database."""
