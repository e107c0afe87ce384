"""Opaque cursors: where the next page starts, as unpadded base64url of JSON."""

import base64
import json
import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from api.web.problems import (
    invalid,
)

Key = tuple[Any, ...]
Row = TypeVar("Row")


def encode(*key: float | str | datetime) -> str:
    """Write the sort key of a page's last row."""
    text = json.dumps(
        key, separators=(",", ":"), ensure_ascii=False, default=datetime.isoformat
    )
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, *types: type, where: Literal["query", "body"] = "query") -> Key:
    """Read a sort key of the given types; refuse any other cursor."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(key, list):
            raise TypeError("not a sort key")  # noqa: TRY301 - handled below
        return tuple(_PARSERS[t](part) for t, part in zip(types, key, strict=True))
    except (ValueError, TypeError, OverflowError, RecursionError):
        message = "Use `next_cursor` of the page before, with the same parameters"
        raise invalid(where, "cursor", code="cursor", message=message) from None


async def page_by_id(
    read: Callable[..., Awaitable[Sequence[Row]]], *, limit: int, cursor: str | None
) -> tuple[Sequence[Row], str | None]:
    """Read a page by descending id, and the cursor of the next page if there is one.

    `read` takes `limit` and `before`: the page starts below this id.
    """
    before = decode(cursor, int)[0] if cursor is not None else None
    rows = await read(limit=limit + 1, before=before)
    if len(rows) <= limit:
        return rows, None
    last: Any = rows[limit - 1]
    return rows[:limit], encode(last.id)


def _integer(part: object) -> int:
    if type(part) is not int or abs(part) >= 2**31:
        raise TypeError("not an integer of the database")
    return part


def _number(part: object) -> float:
    if type(part) is not float or not math.isfinite(part):
        raise TypeError("not a number of the database")
    return part


def _text(part: object) -> str:
    if not isinstance(part, str) or "\0" in part:
        raise TypeError("not a text of the database")
    part.encode()  # a lone surrogate raises
    return part


def _instant(part: object) -> datetime:
    instant = datetime.fromisoformat(_text(part))
    if instant.tzinfo is None:
        raise ValueError("no offset")
    return instant.astimezone(UTC)


_PARSERS = {int: _integer, float: _number, str: _text, datetime: _instant}
