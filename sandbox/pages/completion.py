"""Where a customer goes once the thing was done."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.pages.rendering import go_to
from sandbox.pages.visit import Visit


def complete(visit: Visit) -> Response:
    """Back to the portal's home, or where the session's flow says."""
    flow = visit.flow
    if flow is None:
        return go_to(visit.url())
    visit.finish_flow()
    completion = flow["after_completion"]
    if completion["type"] == "redirect":
        return go_to(completion["redirect"]["return_url"])
    if completion["type"] == "hosted_confirmation":
        return go_to(visit.url("done"))
    return go_to(visit.url())
