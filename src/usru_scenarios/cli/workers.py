"""Who runs the blocks of a command: this process, several, or a cluster; the one place that decides it."""

from __future__ import annotations

import typer

from usru_scenarios.cli import options
from usru_scenarios.cli.execution import CommandState
from usru_scenarios.cli.progress import Progress


def workers(
    context: typer.Context, conduct: CommandState, jobs: str | None, cluster: str | None = None, *, yes: bool = False
) -> Progress:
    """What maps over blocks, by `--jobs` and `--cluster`; shows how far it is, and ends its workers with the command.

    A run that is predicted to take more than an hour is refused unless `yes`.

    Raises:
        Misuse: an option makes no sense.
        NoCluster: the cluster can't be had.
    """
    number, address = options.jobs(jobs), options.cluster(cluster)
    if address is None:
        from usru_scenarios.running.processes import Processes, cores

        most = cores() if number is None else min(number, cores())
        processes = context.with_resource(Processes(most))
        return Progress(wanted=not conduct.quiet, inner=processes.map, at_once=most, yes=yes)
    if number is not None and address != "local":
        raise options.Misuse("--jobs has no meaning for a cluster that runs already", "leave out --jobs")

    from usru_scenarios.running.cluster import Cluster
    from usru_scenarios.running.interruptions import held

    with held():  # nothing comes between its start and the promise to end it
        pool = context.with_resource(Cluster(address, number))
    return Progress(wanted=not conduct.quiet, inner=pool.map, at_once=pool.threads, yes=yes)
