"""Progress of a report: the current step, and the share of all work that is done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Step:
    """The current step, and how many units of all work are done."""

    name: str
    done: int
    total: int


OnStep: TypeAlias = Callable[[Step], None]


class Progress:
    """Counts finished units of work and reports them."""

    def __init__(self, on_step: OnStep, total: int) -> None:
        self._on_step, self._total, self._done = on_step, total, 0

    def begin(self, name: str) -> Callable[..., None]:
        """Announce a step; call the result once per finished unit of it."""
        self._on_step(Step(name, self._done, self._total))

        def advance(_: object = None) -> None:
            self._done += 1
            self._on_step(Step(name, self._done, self._total))

        return advance
