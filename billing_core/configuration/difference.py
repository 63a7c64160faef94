"""What the file says beside what Stripe has: the same for the command, the listener and the page."""

from dataclasses import dataclass
from enum import StrEnum

# A setting as it can be compared and told: lists are sorted tuples, amounts are minor units.
Value = str | int | bool | tuple[str, ...] | None


class Kind(StrEnum):
    """What an item is in Stripe."""

    PRODUCT = "product"
    PRICE = "price"
    CONFIGURATION = "configuration"


class Action(StrEnum):
    """What it takes to bring Stripe to what the file says.

    ``replace`` is for prices: a new one takes over the lookup key, and the old one stays for whoever
    pays it.
    """

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Field:
    """One setting by Stripe's own name, nested parts joined by dots, on both sides."""

    name: str
    file: Value
    stripe: Value

    @property
    def differs(self) -> bool:
        """Whether Stripe has something else than the file says."""
        return self.file != self.stripe


@dataclass(frozen=True, slots=True)
class Item:
    """A product (by its name in the file), a price (by lookup key) or a portal configuration."""

    kind: Kind
    name: str
    action: Action
    stripe_id: str | None
    fields: tuple[Field, ...]

    @property
    def changes(self) -> tuple[Field, ...]:
        """The settings that differ."""
        return tuple(field for field in self.fields if field.differs)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the file says, each with what it takes; ``faults`` keep it from being applied."""

    items: tuple[Item, ...]
    faults: tuple[str, ...] = ()

    @property
    def pending(self) -> tuple[Item, ...]:
        """What is not yet as the file says."""
        return tuple(item for item in self.items if item.action is not Action.NONE)

    @property
    def in_step(self) -> bool:
        """Whether there is nothing to do and nothing in the way."""
        return not self.pending and not self.faults
