"""The training code of each model, and proposed edits to it.

A proposal is text for people: they discuss it, download it, and apply it with
`git apply`. The service never runs it.
"""

from difflib import unified_diff
from functools import partial

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import proposals as queries
from api.schemas.proposals import (
    CodeCommentOut,
    CodeProposalDetail,
    CodeProposalIn,
    CodeProposalOut,
    CodeProposalPage,
    Decision,
    ModelSource,
    ModuleText,
    ProposalStatus,
)
from api.storage.database import AnyRow
from api.web import cursors
from api.web.problems import (
    InvalidRequest,
    NotFound,
    TooManyAttempts,
    WrongState,
    invalid,
)

# The limits of an author's undecided proposals, and of a proposal's remarks.
MAX_OPEN = 20
MAX_COMMENTS = 200
RETRY_SECONDS = 3600
NO_NEWLINE = "\\ No newline at end of file\n"


async def source(session: AsyncSession, *, model_id: int) -> ModelSource:
    """Read the training code of a model."""
    found = await queries.source_of_model(session, model_id)
    if found is None:
        raise NotFound("There is no such model, or it was trained elsewhere")
    texts: dict[str, str] = found.modules
    modules = [ModuleText(path=path, text=texts[path]) for path in sorted(texts)]
    return ModelSource(sha256=found.sha256, modules=modules)


async def propose(
    session: AsyncSession, *, author_id: int, body: CodeProposalIn
) -> CodeProposalDetail:
    """Store an edited module as a diff to the module that trained a model."""
    found = await queries.source_of_model(session, body.model_id)
    if found is None or body.path not in found.modules:
        message = "Name a module of the model's source"
        raise _invalid("path", "unknown", message)
    await queries.lock_author(session, author_id)
    if await queries.count_open(session, author_id) >= MAX_OPEN:
        raise TooManyAttempts(RETRY_SECONDS)
    before: str = found.modules[body.path]
    diff = await to_thread.run_sync(difference, body.path, before, body.text)
    if not diff:
        raise _invalid(
            "text", "unchanged", "The text equals the current module; change it first"
        )
    proposal_id = await queries.add(
        session,
        {
            "author_id": author_id,
            "source": found.sha256,
            "path": body.path,
            "diff": diff,
            "comment": body.comment,
        },
    )
    await session.commit()
    return await read(session, proposal_id=proposal_id)


def _invalid(field: str, code: str, message: str) -> InvalidRequest:
    return invalid("body", field, code=code, message=message)


def difference(path: str, before: str, after: str) -> str:
    """Write a unified diff for `git apply`; empty if nothing differs."""
    lines = unified_diff(
        _lines(before), _lines(after), fromfile=f"a/{path}", tofile=f"b/{path}"
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}" for line in lines
    )


def _lines(text: str) -> list[str]:
    """Split after line feeds only, as git does."""
    *whole, last = text.split("\n")
    return [f"{line}\n" for line in whole] + ([last] if last else [])


async def browse(
    session: AsyncSession,
    *,
    status: ProposalStatus | None,
    limit: int,
    cursor: str | None,
) -> CodeProposalPage:
    """Read one page of proposals, newest first."""
    read = partial(queries.page, session, status=status)
    rows, next_cursor = await cursors.page_by_id(read, limit=limit, cursor=cursor)
    items = [CodeProposalOut.model_validate(row) for row in rows]
    return CodeProposalPage(items=items, next_cursor=next_cursor)


async def read(session: AsyncSession, *, proposal_id: int) -> CodeProposalDetail:
    """Read a proposal with its diff and its discussion."""
    row = await _existing(session, proposal_id)
    comments = [
        CodeCommentOut.model_validate(comment)
        for comment in await queries.comments(session, proposal_id)
    ]
    return CodeProposalDetail.model_validate(
        {**row._mapping, "comments": comments}  # noqa: SLF001 - SQLAlchemy's public name
    )


async def _existing(session: AsyncSession, proposal_id: int) -> AnyRow:
    row = await queries.proposal(session, proposal_id)
    if row is None:
        raise NotFound
    return row


async def comment(
    session: AsyncSession, *, proposal_id: int, author_id: int, text: str
) -> CodeProposalDetail:
    """Add a remark to a proposal."""
    await _existing(session, proposal_id)
    if len(await queries.comments(session, proposal_id)) >= MAX_COMMENTS:
        raise WrongState("The discussion has reached its limit of remarks")
    await queries.add_comment(
        session, proposal_id=proposal_id, author_id=author_id, text=text
    )
    await session.commit()
    return await read(session, proposal_id=proposal_id)


async def decide(
    session: AsyncSession, *, proposal_id: int, status: Decision
) -> CodeProposalDetail:
    """Accept or decline a proposal; the same decision again changes nothing."""
    row = await _existing(session, proposal_id)
    if row.status not in {"open", status}:
        raise WrongState(f"The proposal is already {row.status}")
    await queries.decide(session, proposal_id, status=status)
    await session.commit()
    return await read(session, proposal_id=proposal_id)


async def patch(session: AsyncSession, *, proposal_id: int) -> str:
    """Return the diff without its comment, which could be mistaken for a part of it."""
    return str((await _existing(session, proposal_id)).diff)
