"""What every section of ``billing.toml`` has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen part of the file; a name that nobody knows is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
