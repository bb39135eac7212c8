"""On the path of a process, makes it tell in the end which modules it has loaded, by whatever means."""

from __future__ import annotations

import atexit
import sys

atexit.register(lambda: sys.stderr.write(f"loaded: {' '.join(sys.modules)}\n"))
