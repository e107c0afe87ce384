"""What to train, as a request says it: configurations, and whether to measure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.model.heads import RidgeConfig, VariationalConfig
from engine.paper.configuration import PAPER_PRESETS, PaperConfig
from engine.training import fit as als

MAX_EVALUATED = 2_000_000
"""More ratings than this are evaluated only where the request asks for it."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to train; what a request leaves out takes the engine's defaults."""

    preset: str = "default"
    rating: Mapping[str, Any]
    ranking: Mapping[str, Any]
    seed: int = 0
    test_share: float = 0.1
    evaluate: str = "auto"
    activate: bool = True

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> "Job":
        """Read a run's stored parameters."""
        return cls(**{"rating": {}, "ranking": {}, **parameters})

    @property
    def paper(self) -> PaperConfig | None:
        """The configuration of one of the paper's models, if that was asked for."""
        if self.preset not in PAPER_PRESETS:
            return None
        return replace(PAPER_PRESETS[self.preset], **self.rating)

    @property
    def rating_head(self) -> RidgeConfig | VariationalConfig:
        """Of the rating head."""
        if self.paper is not None:
            return self.paper.of_head()
        if self.preset == "plain":
            return replace(als.PLAIN, **self.rating)
        return replace(als.RATING, **self.rating)

    @property
    def ranking_head(self) -> RidgeConfig:
        """Of the ranking head."""
        return replace(als.RANKING, **self.ranking)

    def is_evaluated(self, n_ratings: int) -> bool:
        """Whether to hold ratings out and measure, before training on all."""
        return self.evaluate == "always" or (
            self.evaluate == "auto" and n_ratings <= MAX_EVALUATED
        )

    def is_evaluated_later(self, n_ratings: int) -> bool:
        """Whether to measure when the model has been published."""
        return self.evaluate == "later" and n_ratings <= MAX_EVALUATED
