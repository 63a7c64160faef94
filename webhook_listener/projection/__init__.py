"""What each event does to the rows."""

from webhook_listener.projection.pipeline import PROJECTIONS, Plan, Projected, plan, project
from webhook_listener.projection.rebuild import ReprojectReport, reproject

__all__ = [
    "PROJECTIONS",
    "Plan",
    "Projected",
    "ReprojectReport",
    "plan",
    "project",
    "reproject",
]
