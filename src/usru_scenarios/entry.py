"""Where the `usru` command begins: what holds for its whole process is settled here, before numpy is loaded."""

from __future__ import annotations

import os

from usru_scenarios.threads import one_thread


def main() -> int:
    """Run the command line of this process, and return its exit status."""
    os.environ.update(one_thread(os.environ))
    try:
        from usru_scenarios.cli import main as command

        return command()
    except KeyboardInterrupt:  # while that is still being imported
        return 130
