"""Errors of the engine, as types a caller can act on."""


class EngineError(Exception):
    """An error of the engine; the message names the remedy."""


class DataError(EngineError, ValueError):
    """Data or an option from the caller is unusable."""


class SolveError(EngineError):
    """A linear system of the model has no usable solution."""


class ArtifactError(EngineError):
    """A stored model is missing, damaged or of an unknown format."""
