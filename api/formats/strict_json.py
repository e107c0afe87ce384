"""JSON with one meaning, as RFC 8259 has it; the standard parser allows more."""

import json
from typing import Any


def parse_json(document: bytes) -> Any:  # noqa: ANN401 - JSON is any value
    """Parse UTF-8 JSON whose names are unique; raise `ValueError` otherwise."""
    try:
        return json.loads(
            document.decode(),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise ValueError("nested too deep") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("repeated name")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
