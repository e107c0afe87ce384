"""Bodies of code and proposed changes to it."""

import unicodedata
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from api.schemas.base import Body, BodyId, Out


class ModuleText(Out):
    """One module of the training code."""

    path: str
    text: str


class ModelSource(Out):
    """The code that trained a model; `sha256` is of all modules together."""

    sha256: str
    modules: list[ModuleText]


def _module_text(value: str) -> str:
    """Refuse what no module may contain, and what PostgreSQL cannot hold."""
    allowed = {"\n", "\t", "\f", "\r"}
    if any(unicodedata.category(c) == "Cc" and c not in allowed for c in value):
        raise ValueError("must not contain control characters")
    if value.count("\n") > MAX_MODULE_LINES:
        raise ValueError(f"must not have more than {MAX_MODULE_LINES} lines")
    return value


MAX_MODULE_LINES = 5000
ProposalStatus = Literal["open", "accepted", "declined"]
Decision = Literal["accepted", "declined"]
Remark = Annotated[
    str, Field(min_length=1, max_length=5000), AfterValidator(_module_text)
]


class CodeProposalIn(Body):
    """An edited module of the code that trained a model, and why."""

    model_id: BodyId
    path: Annotated[str, Field(min_length=1, max_length=100)]
    text: Annotated[str, Field(max_length=200_000), AfterValidator(_module_text)]
    comment: Remark


class CodeCommentIn(Body):
    """A remark on a proposal."""

    text: Remark


class DecisionIn(Body):
    """Whether a proposal is taken up."""

    status: Decision


class CodeProposalOut(Out):
    """A proposed edit; `author` is null once their account is gone."""

    id: int
    author: str | None
    source: str
    path: str
    comment: str
    status: ProposalStatus
    created_at: datetime
    decided_at: datetime | None


class CodeCommentOut(Out):
    """A remark."""

    author: str | None
    text: str
    created_at: datetime


class CodeProposalDetail(CodeProposalOut):
    """A proposed edit with its unified diff and its discussion."""

    diff: str
    comments: list[CodeCommentOut]


class CodeProposalPage(Out):
    """One page of proposals, newest first."""

    items: list[CodeProposalOut]
    next_cursor: str | None
