"""What holds for every process of the tests."""

from __future__ import annotations

import signal
import threading

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    # A shell lets what it runs in the background ignore Ctrl-C, and so would the commands whose interruption is tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)
