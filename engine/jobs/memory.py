"""Peak memory of this process."""

from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")


def reset_peak() -> None:
    """Reset the peak, where the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int | None:
    """Read the peak since the last reset; `None` where the system cannot tell."""
    with suppress(OSError):
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None
