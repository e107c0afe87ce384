"""Opaque cursors: where the next page starts, as unpadded base64url of JSON."""

import base64
import json
from typing import Any

from api.problems import InvalidRequest, field_error

Key = tuple[Any, ...]


def encode(*key: Any) -> str:  # noqa: ANN401 - JSON scalars
    """Write the sort key of a page's last row."""
    text = json.dumps(key, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, *types: type) -> Key:
    """Read a sort key of the given types; anything else is the client's mistake."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        key = None
    if not _matches(key, types):
        message = "Use `next_cursor` of the page before, with the same parameters"
        error = field_error("query", "cursor", code="cursor", message=message)
        raise InvalidRequest(errors=[error])
    return tuple(key)


def _matches(key: Any, types: tuple[type, ...]) -> bool:  # noqa: ANN401 - JSON is any value
    return (
        isinstance(key, list)
        and [type(part) for part in key] == list(types)
        and all(abs(part) < 2**31 for part in key if isinstance(part, int | float))
        and not any("\0" in part for part in key if isinstance(part, str))
    )
