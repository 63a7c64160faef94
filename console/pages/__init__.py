"""One module a page: it defines ``page()`` and runs nothing when imported."""
