"""Named moments at which a test can have the process killed; otherwise nothing."""

import os
import signal

VARIABLE = "CINEFOLD_KILL_AT"


def fault_point(name: str) -> None:
    """Die here by SIGKILL, if the environment asks for it."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
