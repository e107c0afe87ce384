"""Import ratings from files, and export them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from api.fault_points import fault_point
from api.formats import rating_exports, rating_files
from api.formats.rating_files import (
    Fault,
    FaultyFileError,
    FormatName,
    RatedTitle,
    RatingFile,
)
from api.formats.rating_text import UnreadableError, text_of
from api.queries import imports as import_queries
from api.queries import matching
from api.queries import ratings as queries
from api.queries.matching import Candidate, MovieReference
from api.schemas.ratings import ImportedRow, ImportOut, ImportPage, ImportReport
from api.services.idempotency import Request, act_once
from api.web import cursors
from api.web.problems import InvalidRequest, NotFound, field_error

WRITTEN = frozenset({"added", "replaced"})


@dataclass(frozen=True)
class Import:
    """The options of an import."""

    user_id: int
    scale: int | None
    is_dry_run: bool
    is_strict: bool = False


async def import_ratings(
    session: AsyncSession, request: Request, wanted: Import
) -> ImportReport:
    """Store the ratings of a file and report on each row.

    A row that cannot be read, or whose movie is unknown or ambiguous, is reported and
    left out; a strict import refuses a file with any row that cannot be read.
    """
    file = await to_thread.run_sync(_read, request.body, wanted)

    async def act() -> ImportReport:
        return await _import(session, file, wanted)

    if wanted.is_dry_run:
        return await act()
    return await act_once(session, request, act, ImportReport)


def _read(body: bytes, wanted: Import) -> RatingFile:
    try:
        return rating_files.parse(
            text_of(body), scale=wanted.scale, is_strict=wanted.is_strict
        )
    except UnreadableError as error:
        field = "body", error.line, "line"
        fault = field_error(*field, code=error.code, message=error.message)
        raise InvalidRequest(
            "Nothing of the file can be read", errors=[fault]
        ) from None
    except FaultyFileError as error:
        raise InvalidRequest(
            "The file has faults; nothing is stored",
            errors=[
                field_error(
                    "body", f.line, f.column or "line", code=f.code, message=f.message
                )
                for f in error.faults
            ],
        ) from None


async def _import(
    session: AsyncSession, file: RatingFile, wanted: Import
) -> ImportReport:
    user_id = wanted.user_id
    if not await queries.lock_users(session, [user_id]):
        raise NotFound
    matches = await match(session, file)
    fault_point("import matched")
    movie_ids = [m.movie_id for m in matches.values() if isinstance(m, Candidate)]
    before = await queries.values_of(session, user_id, movie_ids)
    report = await to_thread.run_sync(_report, file, wanted, matches, before)
    if not wanted.is_dry_run:
        times = {row.line: row.rated_at for row in file.rows}
        await queries.upsert_many(
            session,
            [
                (user_id, row.movie_id, row.value, times[row.line])
                for row in report.rows
                if row.status in WRITTEN and row.movie_id and row.value
            ],
        )
        counts = report.model_dump(exclude={"is_dry_run", "rows"})
        await import_queries.add(session, {"user_id": user_id, **counts})
        fault_point("import stored")
    return report


@dataclass(frozen=True)
class Earlier:
    """A row whose movie a later row of the file rates again; that one counts."""

    movie: Candidate


Matches = Mapping[int, Candidate | Earlier | None]
"""The movie of each line; `None` if several movies are equally likely."""


async def match(session: AsyncSession, file: RatingFile) -> Matches:
    """Find the movie of each row, by its ids or else by title and year.

    What is no movie is not looked for: its ids may be those of movies elsewhere.
    """
    rows = [row for row in file.rows if row.written and row.is_movie is not False]
    # MovieLens's ids are ours, so that a title beside one may be another by now, and an
    # unknown id is an unknown movie.
    is_movielens = file.format == "movielens"
    wanted = [_wanted(row, with_title=not is_movielens) for row in rows]
    found = _closest(await matching.by_ids(session, wanted))
    for name in ("title", "original"):
        titled = [
            replace(_wanted(row), title=getattr(row, name))
            for row in rows
            if row.line not in found
            and getattr(row, name)
            and row.is_movie
            and not (is_movielens and row.movie_id)
        ]
        found |= _closest(await matching.by_titles(session, titled))
    return found | dict(_outdone(found, {row.line: row for row in rows}))


def _wanted(row: RatedTitle, *, with_title: bool = True) -> MovieReference:
    title = row.title if with_title else None
    return MovieReference(
        row.line, row.movie_id, row.imdb_id, row.tmdb_id, title, row.year
    )


def _closest(candidates: Iterable[Candidate]) -> dict[int, Candidate | None]:
    """Choose the likeliest movie of each line; `None` if two are equally likely."""
    by_line: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_line[candidate.line].append(candidate)
    chosen: dict[int, Candidate | None] = {}
    for line, likely in by_line.items():
        best = min(likely, key=lambda candidate: candidate.distance)
        rivals = {c.movie_id for c in likely if c.distance == best.distance}
        chosen[line] = best if len(rivals) == 1 else None
    return chosen


def _outdone(
    found: Mapping[int, Candidate | None], rows: Mapping[int, RatedTitle]
) -> Iterator[tuple[int, Earlier | None]]:
    """Tell the lines whose movie fits another line better, or is rated again later."""
    by_movie: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in found.values():
        if candidate is not None:
            by_movie[candidate.movie_id].append(candidate)
    for rivals in by_movie.values():
        best = min(rival.distance for rival in rivals)
        alike = [rival for rival in rivals if rival.distance == best]
        last = max(alike, key=lambda rival: _when(rows[rival.line]))
        same = {r.line for r in rivals if _is_same(rows[r.line], rows[last.line])}
        # Ids, or title and year, say the same in other words; the year before does not.
        if best <= matching.BY_YEAR:
            same |= {rival.line for rival in alike}
        is_sure = all(rival.line in same for rival in alike)
        for rival in rivals:
            if not is_sure or rival.line not in same:
                yield rival.line, None
            elif rival is not last:
                yield rival.line, Earlier(rival)


def _when(row: RatedTitle) -> tuple[datetime, int]:
    """Order rows by time, and those without one by their place in the file."""
    return row.rated_at or datetime.min.replace(tzinfo=UTC), row.line


def _is_same(row: RatedTitle, other: RatedTitle) -> bool:
    names = [((each.title or "").casefold(), each.year) for each in (row, other)]
    return names[0] == names[1]


def _report(
    file: RatingFile, wanted: Import, matches: Matches, before: Mapping[int, float]
) -> ImportReport:
    rows = [_fate(row, matches, before) for row in file.rows]
    rows += [_unreadable(fault) for fault in file.faults]
    rows.sort(key=lambda row: row.line)
    counts = Counter(row.status for row in rows)
    n_done = counts["added"] + counts["replaced"] + counts["unchanged"]
    return ImportReport.model_validate(
        {
            "format": file.format,
            "scale": file.scale,
            "is_dry_run": wanted.is_dry_run,
            "n_added": counts["added"],
            "n_replaced": counts["replaced"],
            "n_unchanged": counts["unchanged"],
            "n_skipped": len(rows) - n_done,
            "rows": rows,
        }
    )


def _fate(
    row: RatedTitle, matches: Matches, before: Mapping[int, float]
) -> ImportedRow:
    found = matches.get(row.line)
    movie = found.movie if isinstance(found, Earlier) else found
    previous = before.get(movie.movie_id) if movie else None
    if row.is_movie is False or (row.is_movie is None and movie is None):
        status = "not_a_movie"
    elif not row.written:
        status = "unrated"
    elif isinstance(found, Earlier):
        status = "earlier"
    elif movie is not None:
        status = _change(previous, row.value)
    else:
        status = "ambiguous" if row.line in matches else "unmatched"
    return ImportedRow.model_validate(
        {
            "line": row.line,
            "status": status,
            "title": row.title,
            "year": row.year,
            "rating": row.written,
            "value": row.value if row.written else None,
            "is_rounded": row.is_rounded,
            "movie_id": movie.movie_id if movie else None,
            "movie_title": movie.title if movie else None,
            "previous": previous,
            "problem": None,
        }
    )


def _unreadable(fault: Fault) -> ImportedRow:
    name = f"{fault.column}: " if fault.column else ""
    return ImportedRow(
        line=fault.line,
        status="unreadable",
        title=None,
        year=None,
        rating="",
        value=None,
        is_rounded=False,
        movie_id=None,
        movie_title=None,
        previous=None,
        problem=f"{name}{fault.message}",
    )


def _change(previous: float | None, value: float) -> str:
    if previous is None:
        return "added"
    return "unchanged" if previous == value else "replaced"


async def list_imports(
    session: AsyncSession, *, user_id: int | None, limit: int, cursor: str | None
) -> ImportPage:
    """Read one page of a user's imports, or of everybody's, newest first."""
    read = partial(import_queries.page, session, user_id=user_id)
    rows, next_cursor = await cursors.page_by_id(read, limit=limit, cursor=cursor)
    if not rows and user_id and not await queries.user_exists(session, user_id):
        raise NotFound
    items = [ImportOut.model_validate(row) for row in rows]
    return ImportPage(items=items, next_cursor=next_cursor)


async def export_ratings(
    session: AsyncSession, *, user_id: int, name: FormatName
) -> str:
    """Write all of a user's ratings as a file, newest first."""
    rows = await queries.with_movies(session, user_id)
    if not rows and not await queries.user_exists(session, user_id):
        raise NotFound

    def write() -> str:
        return rating_exports.write(rows, name, user_id=user_id)

    return await to_thread.run_sync(write)
