"""SQL of stored training code, and of proposed edits to it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from api.storage.database import AnyRow, AnySelect
from api.tables import CodeComment, CodeProposal, Model, Source, User


async def source_of_model(session: AsyncSession, model_id: int) -> Source | None:
    """Read the code that trained a model."""
    query = select(Source).join(Model, Model.source == Source.sha256)
    return (await session.scalars(query.where(Model.id == model_id))).one_or_none()


def _proposals() -> AnySelect:
    columns = CodeProposal.__table__.columns
    query = select(*columns, User.username.label("author"))
    return query.outerjoin(User, User.id == CodeProposal.author_id)


async def page(
    session: AsyncSession, *, status: str | None, limit: int, before: int | None
) -> Sequence[AnyRow]:
    """Read proposals, newest first."""
    query = _proposals()
    if status is not None:
        query = query.where(CodeProposal.status == status)
    if before is not None:
        query = query.where(CodeProposal.id < before)
    return (
        await session.execute(query.order_by(CodeProposal.id.desc()).limit(limit))
    ).all()


async def proposal(session: AsyncSession, proposal_id: int) -> AnyRow | None:
    """Read one proposal."""
    query = _proposals().where(CodeProposal.id == proposal_id)
    return (await session.execute(query)).one_or_none()


async def comments(session: AsyncSession, proposal_id: int) -> Sequence[AnyRow]:
    """Read the remarks on a proposal, oldest first."""
    query = (
        select(CodeComment.text, CodeComment.created_at, User.username.label("author"))
        .outerjoin(User, User.id == CodeComment.author_id)
        .where(CodeComment.proposal_id == proposal_id)
        .order_by(CodeComment.id)
    )
    return (await session.execute(query)).all()


async def proposals_of(session: AsyncSession, author_id: int) -> Sequence[CodeProposal]:
    """Read all proposals of a user, newest first, for the export."""
    query = select(CodeProposal).where(CodeProposal.author_id == author_id)
    return (await session.scalars(query.order_by(CodeProposal.id.desc()))).all()


async def comments_of(session: AsyncSession, author_id: int) -> Sequence[CodeComment]:
    """Read all remarks of a user, newest first, for the export."""
    query = select(CodeComment).where(CodeComment.author_id == author_id)
    return (await session.scalars(query.order_by(CodeComment.id.desc()))).all()


async def lock_author(session: AsyncSession, author_id: int) -> None:
    """Let an author add one proposal at a time."""
    query = select(User.id).where(User.id == author_id).with_for_update(key_share=True)
    await session.execute(query)


async def count_open(session: AsyncSession, author_id: int) -> int:
    """Count an author's undecided proposals."""
    query = select(func.count()).where(
        CodeProposal.author_id == author_id, CodeProposal.status == "open"
    )
    return (await session.execute(query)).scalar_one()


async def add(session: AsyncSession, values: dict[str, Any]) -> int:
    """Store a proposal and return its id."""
    statement = insert(CodeProposal).values(values).returning(CodeProposal.id)
    return (await session.execute(statement)).scalar_one()


async def add_comment(
    session: AsyncSession, *, proposal_id: int, author_id: int, text: str
) -> None:
    """Store a remark."""
    values = {"proposal_id": proposal_id, "author_id": author_id, "text": text}
    await session.execute(insert(CodeComment).values(values))


async def decide(session: AsyncSession, proposal_id: int, *, status: str) -> None:
    """Close an open proposal; the first decision stays."""
    await session.execute(
        update(CodeProposal)
        .where(CodeProposal.id == proposal_id, CodeProposal.status == "open")
        .values(status=status, decided_at=func.now())
    )
