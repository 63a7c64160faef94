"""What each event does to the rows."""

from webhook_listener.projection.pipeline import Plan, Projected, plan, project
from webhook_listener.projection.rebuild import ReprojectReport, reproject
from webhook_listener.projection.wave import PROJECTIONS

__all__ = [
    "PROJECTIONS",
    "Plan",
    "Projected",
    "ReprojectReport",
    "plan",
    "project",
    "reproject",
]
