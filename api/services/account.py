"""A user's own account: sessions, export, deletion."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import auth as queries
from api.queries import experiments as experiment_queries
from api.queries import feedback as feedback_queries
from api.queries import imports as import_queries
from api.queries import proposals as proposal_queries
from api.queries import ratings as rating_queries
from api.schemas.account import ApiKeyOut, SessionOut
from api.schemas.ratings import (
    AccountExport,
    ExportedExposure,
    ExportedHiding,
    ExportedOpinion,
    ExportedProposal,
    ExportedRating,
    ExportedRemark,
    ExportedVote,
    ImportOut,
)
from api.services import auth
from api.services.auth import ABSOLUTE_TIMEOUT, IDLE_TIMEOUT, Principal
from api.web.problems import LastAdministrator, NotFound


async def list_sessions(
    session: AsyncSession, *, principal: Principal
) -> list[SessionOut]:
    """List where the caller is signed in, the last used first."""
    rows = await queries.sessions_of(
        session,
        user_id=principal.user_id,
        idle=IDLE_TIMEOUT,
        absolute=ABSOLUTE_TIMEOUT,
    )
    return [
        SessionOut(
            id=row.id,
            user_agent=row.user_agent,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            is_current=row.token_hash == principal.session_hash,
        )
        for row in rows
    ]


async def end_session(
    session: AsyncSession, *, principal: Principal, session_id: int
) -> None:
    """End one of the caller's sessions; it may be the current one."""
    if not await queries.delete_session_by_id(
        session, user_id=principal.user_id, session_id=session_id
    ):
        raise NotFound
    await session.commit()


async def end_other_sessions(session: AsyncSession, *, principal: Principal) -> None:
    """End all of the caller's sessions except the current one."""
    await queries.delete_other_sessions(
        session, user_id=principal.user_id, kept=principal.session_hash
    )
    await session.commit()


async def export(session: AsyncSession, *, principal: Principal) -> AccountExport:
    """Collect everything stored about the caller."""
    user_id = principal.user_id
    keys = await queries.keys_of(session, user_id)
    ratings = await rating_queries.with_movies(session, user_id)
    opinions = await feedback_queries.opinions_with_movies(session, user_id)
    votes = await feedback_queries.votes_with_movies(session, user_id)
    hidden = await feedback_queries.hidden_with_movies(session, user_id)
    exposures = await experiment_queries.exposures_of(session, user_id)
    imports = await import_queries.page(session, user_id=user_id)
    proposals = await proposal_queries.proposals_of(session, user_id)
    remarks = await proposal_queries.comments_of(session, user_id)
    return AccountExport(
        exported_at=datetime.now(UTC),
        user=await auth.describe(session, user_id=user_id),
        sessions=await list_sessions(session, principal=principal),
        api_keys=[ApiKeyOut.model_validate(key) for key in keys],
        ratings=[ExportedRating.model_validate(row) for row in ratings],
        opinions=[ExportedOpinion.model_validate(row) for row in opinions],
        votes=[ExportedVote.model_validate(row) for row in votes],
        hidden_movies=[ExportedHiding.model_validate(row) for row in hidden],
        exposures=[ExportedExposure.model_validate(row) for row in exposures],
        imports=[ImportOut.model_validate(row) for row in imports],
        code_proposals=[ExportedProposal.model_validate(row) for row in proposals],
        code_comments=[ExportedRemark.model_validate(row) for row in remarks],
    )


async def delete(
    session: AsyncSession, *, principal: Principal, password: str, address: str
) -> None:
    """Delete the account with all its rows; the next model is trained without them.

    Proposals and remarks stay without a name, because others have answered them.
    """
    user = await auth.confirm(
        session, principal=principal, password=password, address=address
    )
    if user.is_admin and await queries.count_active_administrators(session) == 1:
        raise LastAdministrator
    await queries.delete_user(session, user)
    await session.commit()
