"""Each step of the schema, named for its reason."""
