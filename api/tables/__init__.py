"""Mapped classes: the tables, their constraints and their indexes."""

from api.tables.base import Table
from api.tables.experiments import (
    Experiment,
    Exposure,
    Feedback,
    FeedbackMinute,
    HiddenMovie,
    Opinion,
    SigningKey,
    Variant,
)
from api.tables.models import (
    CodeComment,
    CodeProposal,
    Expectation,
    Model,
    ModelFolder,
    Source,
    TrainingRun,
    TrainingSweep,
)
from api.tables.movies import (
    Description,
    Movie,
    MovieStatistics,
    Rating,
    RatingImport,
    RatingSummary,
)
from api.tables.people import (
    FIRST_REGISTERED_USER_ID,
    ApiKey,
    IdempotentReply,
    Session,
    SignInFailure,
    User,
)

__all__ = [
    "FIRST_REGISTERED_USER_ID",
    "ApiKey",
    "CodeComment",
    "CodeProposal",
    "Description",
    "Expectation",
    "Experiment",
    "Exposure",
    "Feedback",
    "FeedbackMinute",
    "HiddenMovie",
    "IdempotentReply",
    "Model",
    "ModelFolder",
    "Movie",
    "MovieStatistics",
    "Opinion",
    "Rating",
    "RatingImport",
    "RatingSummary",
    "Session",
    "SignInFailure",
    "SigningKey",
    "Source",
    "Table",
    "TrainingRun",
    "TrainingSweep",
    "User",
    "Variant",
]
