"""Errors of the engine, as types a caller can act on."""


class EngineError(Exception):
    """Anything the engine refuses or cannot do; the message names the remedy."""


class DataError(EngineError, ValueError):
    """The data or an option passed in is unusable."""


class SolveError(EngineError):
    """A linear system of the model has no usable solution."""


class ArtifactError(EngineError):
    """A stored model is missing, damaged or of an unknown format."""
