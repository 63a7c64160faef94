"""Requests of customers and providers, with time for the answers of a busy machine."""

from functools import partial

import httpx

PATIENCE = 30

get = partial(httpx.get, timeout=PATIENCE)
post = partial(httpx.post, timeout=PATIENCE)
request = partial(httpx.request, timeout=PATIENCE)
Client = partial(httpx.Client, timeout=PATIENCE)
