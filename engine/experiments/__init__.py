"""Controlled experiments: assign users to variants, count their votes, judge."""

from collections.abc import Mapping

from engine.experiments.designs import Design, Split
from engine.experiments.interleaving import Interleaved

DESIGNS: Mapping[str, Design] = {"split": Split(), "interleaved": Interleaved()}

__all__ = ["DESIGNS", "Design"]
