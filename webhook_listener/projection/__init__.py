"""What each event does to the rows."""

from webhook_listener.projection.pipeline import PROJECTIONS, Projected, project
from webhook_listener.projection.rebuild import ReprojectReport, reproject

__all__ = ["PROJECTIONS", "Projected", "ReprojectReport", "project", "reproject"]
