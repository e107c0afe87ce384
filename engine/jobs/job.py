"""A training job as a request describes it: configurations and evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from engine.model.configuration import PLAIN, RANKING, RATING, HeadConfig
from engine.paper.configuration import PAPER_PRESETS

MAX_EVALUATED = 2_000_000
"""More ratings than this are evaluated only where the request asks for it."""


class Preset(NamedTuple):
    """A rating head, and the item features that it is trained with."""

    rating: HeadConfig
    features: Literal["words", "genres"]


PRESETS: Mapping[str, Preset] = {
    "default": Preset(RATING, "words"),
    "plain": Preset(PLAIN, "words"),
    **{name: Preset(each, "genres") for name, each in PAPER_PRESETS.items()},
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training job; parameters left out take the engine's defaults."""

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
    def rating_head(self) -> HeadConfig:
        """The rating head's configuration."""
        return PRESETS[self.preset].rating.changed(self.rating)

    @property
    def ranking_head(self) -> HeadConfig:
        """The ranking head's configuration."""
        return RANKING.changed(self.ranking)

    @property
    def features(self) -> Literal["words", "genres"]:
        """The item features to train with: genres and decade as words, or genres."""
        return PRESETS[self.preset].features

    @property
    def takes_votes(self) -> bool:
        """Whether votes, which have weights, can be trained on beside the ratings."""
        return self.rating_head.TAKES_WEIGHTS

    def is_evaluated(self, n_ratings: int) -> bool:
        """Whether to hold ratings out and measure, before training on all."""
        return self.evaluate == "always" or (
            self.evaluate == "auto" and n_ratings <= MAX_EVALUATED
        )

    def is_evaluated_later(self, n_ratings: int) -> bool:
        """Whether to measure after publishing the model."""
        return self.evaluate == "later" and n_ratings <= MAX_EVALUATED
