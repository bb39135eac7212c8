"""Peak memory of a contender, in a process of its own: `python -m bench.memory CONTENDER METHOD CASE TRIALS`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.contenders import Unavailable

ROOT = Path(__file__).parent.parent


def peak(contender: str, method: str, case: str, trials: int) -> tuple[float, float]:
    """Megabytes at most in use before the answer (interpreter, libraries, model) and with it.

    Raises:
        Unavailable: the contender can't run here, or its process failed.
    """
    command = [sys.executable, "-m", "bench.memory", contender, method, case, str(trials)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])
    before, after = json.loads(done.stdout.splitlines()[-1])
    return before, after


def megabytes() -> float:
    """The most memory that this process had in use, of 10^6 bytes.

    Linux tells it by address space; `getrusage` would there count the parent's, from before this program was started.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    import resource  # on Unix alone

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main(contender_name: str, method: str, case_name: str, trials: str) -> None:
    """Answer once and print both figures as JSON."""
    from bench.contenders.register import contender
    from bench.model import case

    kind = case_name.split(maxsplit=1)[0].replace("ring", "dynamic")
    run = contender(contender_name, method, kind).prepare(case(case_name))
    before = megabytes()
    run(int(trials), 1)
    sys.stdout.write(json.dumps([before, megabytes()]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
