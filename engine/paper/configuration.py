"""Hyper-parameters of the paper's models; `engine.paper.training` has the updates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar, Self

from engine.model.configuration import Bounds, HeadConfig, RidgeConfig


@dataclass(frozen=True, kw_only=True)
class PaperConfig(HeadConfig):
    """Hyper-parameters of the paper's models; the defaults are the paper's.

    Attributes
    ----------
    n_factors : int
        ``k``, 0 to 1024; 0 is the model of biases alone.
    n_sweeps : int
        Passes over users and items, at least 1.
    error_weight : float
        ``λ > 0``: scales the loss that is reported, and no update.
    bias_weight : float
        ``γ > 0``: ridge on the biases where there are no factors.
    factor_weight : float
        ``τ > 0``: ridge on factors, on W, and on the biases beside factors.
    feature_weight : float
        ``β``, 0 to τ: how strongly ``W f_i`` pulls on ``V_i``; 0 without factors.
    """

    BOUNDS: ClassVar[Bounds] = {
        **HeadConfig.BOUNDS,
        "error_weight": {"gt": 0},
        "bias_weight": {"gt": 0},
        "factor_weight": {"gt": 0},
        "feature_weight": {"ge": 0},
    }
    TAKES_WEIGHTS: ClassVar[bool] = False

    n_factors: int = 10
    n_sweeps: int = 20
    error_weight: float = 0.01
    bias_weight: float = 0.01
    factor_weight: float = 0.1
    feature_weight: float = 0.0

    def __post_init__(self) -> None:
        """Check the bounds, and that the loss has a minimum."""
        super().__post_init__()
        beta = self.feature_weight
        if self.n_factors == 0:
            self._require("feature_weight", beta == 0, "0 where n_factors is 0")
        else:
            allowed = f"0 to factor_weight, which is {self.factor_weight}"
            self._require("feature_weight", beta <= self.factor_weight, allowed)

    @property
    def ridge_of_biases(self) -> float:
        """``w``: γ without factors, τ with them."""
        return self.bias_weight if self.n_factors == 0 else self.factor_weight

    def as_precisions(self) -> Self:
        """Read γ, τ and β as precisions beside λ: ridges ``γ/λ``, ``τ/λ`` and ``β/λ``.

        The updates that λ would be in, had the paper printed it there.
        """
        return replace(
            self,
            bias_weight=self.bias_weight / self.error_weight,
            factor_weight=self.factor_weight / self.error_weight,
            feature_weight=self.feature_weight / self.error_weight,
        )

    def as_ridge(self) -> RidgeConfig:
        """Write the same ridge as a configuration of the engine's own solver."""
        return RidgeConfig(
            n_factors=self.n_factors,
            n_sweeps=self.n_sweeps,
            user_weight=self.factor_weight,
            item_weight=self.factor_weight,
            user_bias_weight=self.ridge_of_biases,
            item_bias_weight=self.ridge_of_biases,
            exponent=0.0,
        )


PAPER_PRESETS: Mapping[str, PaperConfig] = MappingProxyType(
    {
        "bias": PaperConfig(n_factors=0),
        "latent": PaperConfig(),
        "features": PaperConfig(feature_weight=0.1),
    }
)
"""The paper's models with its values: k = 10, λ = γ = 0.01, τ = 0.1, 20 sweeps. It
names no β; β = τ makes equation 10 a prior mean and nothing else."""
