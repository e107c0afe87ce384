"""The training code of models, and edits proposed to it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, status
from fastapi.responses import PlainTextResponse

from api.schemas.base import Cursor, Limit, ModelId, ProposalId
from api.schemas.proposals import (
    CodeCommentIn,
    CodeProposalDetail,
    CodeProposalIn,
    CodeProposalPage,
    DecisionIn,
    ModelSource,
    ProposalStatus,
)
from api.services import proposals
from api.web.dependencies import AdminUser, CurrentUser, SessionDep, Writer
from api.web.strict_route import StrictRoute

router = APIRouter(tags=["code"], route_class=StrictRoute)

PATCH = {
    "description": "A patch for `git apply`",
    "content": {"text/x-diff": {"schema": {"type": "string"}}},
}
StatusQuery = Annotated[ProposalStatus | None, Query()]


class PatchResponse(PlainTextResponse):
    """A unified diff."""

    media_type = "text/x-diff"


@router.get("/models/{model_id}/source")
async def get_source(
    model_id: ModelId, _: CurrentUser, session: SessionDep
) -> ModelSource:
    """Show the training code that made a model, and its SHA-256."""
    return await proposals.source(session, model_id=model_id)


@router.get("/code-proposals")
async def get_proposals(
    _: CurrentUser,
    session: SessionDep,
    status: StatusQuery = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> CodeProposalPage:
    """List proposed edits, newest first."""
    return await proposals.browse(session, status=status, limit=limit, cursor=cursor)


@router.post("/code-proposals", status_code=status.HTTP_201_CREATED)
async def post_proposal(
    body: CodeProposalIn, author: Writer, session: SessionDep
) -> CodeProposalDetail:
    """Propose an edit of one module; it is stored as a diff and never run."""
    return await proposals.propose(session, author_id=author.user_id, body=body)


@router.get("/code-proposals/{proposal_id}")
async def get_proposal(
    proposal_id: ProposalId, _: CurrentUser, session: SessionDep
) -> CodeProposalDetail:
    """Show a proposal with its diff and its discussion."""
    return await proposals.read(session, proposal_id=proposal_id)


@router.post(
    "/code-proposals/{proposal_id}/comments", status_code=status.HTTP_201_CREATED
)
async def post_comment(
    proposal_id: ProposalId,
    body: CodeCommentIn,
    author: Writer,
    session: SessionDep,
) -> CodeProposalDetail:
    """Add a remark to a proposal."""
    return await proposals.comment(
        session, proposal_id=proposal_id, author_id=author.user_id, text=body.text
    )


@router.put("/code-proposals/{proposal_id}/decision")
async def put_decision(
    proposal_id: ProposalId, body: DecisionIn, _: AdminUser, session: SessionDep
) -> CodeProposalDetail:
    """Accept or decline a proposal; nothing is applied by that."""
    return await proposals.decide(session, proposal_id=proposal_id, status=body.status)


@router.get(
    "/code-proposals/{proposal_id}/patch",
    response_class=PatchResponse,
    responses={200: PATCH},
)
async def get_patch(
    proposal_id: ProposalId, _: CurrentUser, session: SessionDep
) -> Response:
    """Download a proposal as a patch for `git apply`."""
    name = f'attachment; filename="proposal-{proposal_id}.patch"'
    text = await proposals.patch(session, proposal_id=proposal_id)
    return PatchResponse(text, headers={"Content-Disposition": name})
