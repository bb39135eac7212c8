"""How many threads the libraries of linear algebra start: one, unless the user has said otherwise.

Their threads wait for each other by spinning. What is solved here is small, so that a second thread saves nothing, and
beside a busy process it costs many times the work itself. They read the environment when they are loaded, so it is to
be set before numpy is imported, and only in processes that are ours: the command's and the workers'.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OPENMP = "OMP_NUM_THREADS"
"""OpenMP's; the libraries that have a name of their own obey it too, where theirs is not set."""

VARIABLES = (OPENMP, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""OpenMP, and the libraries that numpy may be built with: OpenBLAS, Intel's MKL, BLIS, Apple's Accelerate."""


def single_thread_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables to add to an environment so that each library starts one thread.

    Nothing that the user has set is among it; `OMP_NUM_THREADS`, where it is set, speaks for all of them.
    """
    return {} if OPENMP in environment else {name: "1" for name in VARIABLES if name not in environment}
