"""The code of the how-to guide on data frames runs and gives what it shows."""

import doctest
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs/how-to/data-frames.md"


@pytest.mark.compiled
def test_the_guide_to_data_frames_is_true():
    result = doctest.testfile(
        str(GUIDE), module_relative=False, optionflags=doctest.IGNORE_EXCEPTION_DETAIL
    )

    assert result.attempted >= 18
    assert result.failed == 0
