"""What all answers say of themselves: which model, how found, and what to be warned of."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Literal, cast

from usru_scenarios.light_dataclasses import asdict, dataclass, field
from usru_scenarios.problems import Problem
from usru_scenarios.version import __version__


@dataclass(frozen=True)
class ModelLine:
    """Which model it was: `sha256` is of the resolved model, overlays and overrides included.

    Attributes:
        name: the name of the model, as in its file.
        title: its title.
        sha256: SHA-256 of the resolved model, overlays, profile and overrides included: the same hash, the same model.
        authors: who judged, as the file says; empty where it does not.
        date: when it was judged, as the file says; null where it does not.
    """

    name: str
    title: str
    sha256: str
    authors: tuple[str, ...] = ()
    date: str | None = None


class JsonResult:
    """A result that has a JSON form.

    Attributes:
        model: the model that was asked, by name, title and hash.
        run: how the result was found: trials, seed, method and what was asked for on the command line.
        warnings: what to be warned of, one entry for each kind of warning; empty where there is nothing.
        format: name and version of this JSON; keys may come within a major version, none goes.
    """

    def to_dict(self) -> dict[str, Any]:
        """The JSON form as plain data, `format` first."""
        data = asdict(cast("Any", self))
        return {"format": data.pop("format"), **data}


def _report_package() -> Any:
    """The package that shows results; found by its name when one is shown, for it reads results and none reads it."""
    return import_module("usru_scenarios.report")


_MAXIMUM_FINDINGS = 6
"""Of a result that is shown in a line."""


class Tabled(JsonResult):
    """A result with a table of numbers, which is shown in a line: in full it may have thousands; `to_dict` has all."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(self._summary_parts())}>"

    def _repr_html_(self) -> str:
        """The report on it as HTML, by which notebooks show it; texts of the file are escaped."""
        return str(_report_package().build_html(self))

    def _repr_mimebundle_(self, **_asked: object) -> dict[str, Any]:
        """The report as text and HTML and, where there is one, the usual chart of it: a notebook shows the best."""
        chart = import_module("usru_scenarios.charts").usual_chart(self)
        forms = {"text/plain": repr(self), "text/html": self._repr_html_()}
        return forms if chart is None else {"application/vnd.vegalite.v5+json": chart, **forms}

    def to_rows(self) -> list[dict[str, str | float | None]]:
        """The table as plain data: for each row a dict by the columns of `-f csv`, in which what is empty is None."""
        return cast("list[dict[str, str | float | None]]", _report_package().build_rows(self))

    def _summary_parts(self) -> Iterator[str]:
        """The model, how it was run, and what was found."""
        if (model := getattr(self, "model", None)) is not None:
            yield str(model.name)
        trials = getattr(getattr(self, "run", self), "trials", 0)
        yield f"sample of {trials:,} trials" if trials != 0 else "exact"
        findings = list(self._key_findings())
        yield from findings[:_MAXIMUM_FINDINGS]
        if len(findings) > _MAXIMUM_FINDINGS:
            yield "..."

    def _key_findings(self) -> Iterator[str]:
        """What was found, the most telling first."""
        yield from ()


@dataclass(frozen=True)
class Titled:
    """What has a title in the file, which is its first key.

    Attributes:
        title: its title; the id where the file has none.
    """

    title: str


@dataclass(frozen=True)
class OfDriver:
    """What is found of a driver, which its first keys name.

    Attributes:
        driver: the driver.
        title: its title; the id where the file has none.
    """

    driver: str
    title: str


@dataclass(frozen=True)
class EvidenceUsed:
    """Which evidence file an answer takes into account.

    Attributes:
        name: the name of the file, as it says.
        sha256: SHA-256 of what the file says, overlays included.
        as_of: the day up to which it counts.
        now: the step of that day.
        items: the ids of the items that act, in the order in which they were learned.
    """

    name: str
    sha256: str
    as_of: str
    now: str
    items: list[str]


@dataclass(frozen=True)
class Run:
    """How the result was found.

    Attributes:
        trials: number of trials drawn; 0 where the method is exact.
        seed: the seed of the random numbers; the same file, options and seed give the same bytes.
        method: `exact`, by sums over the states, or `sample`, by trials.
        steps: the labels of the steps, in order; lists by step run over these.
        profile: the profile of the file that was applied; null where none was.
        weights: the weight of each driver and rule, by id; of a schedule, its mean over the steps.
        do: the interventions, as written after `--do`.
        given: the observations, as written after `--given`.
        effective_trials: the number of unweighted trials that the weighted ones are worth; null where the method is
            exact.
        usru_version: the version of the program.
        judgements: number of draws of the uncertain judgements; 0 where there are none, or they stand at their means.
        judgements_at_means: number of uncertain judgements that stand at their means; 0 where there are none, or their
            draws are averaged over.
        evidence: the evidence file that is taken into account; null where none is.
    """

    trials: int
    seed: int
    method: Literal["sample", "exact"]
    steps: list[str]
    profile: str | None
    weights: dict[str, float]
    do: list[str]
    given: list[str]
    effective_trials: float | None
    usru_version: str
    judgements: int = 0
    judgements_at_means: int = 0
    evidence: EvidenceUsed | None = None


@dataclass(frozen=True)
class FileRun:
    """How a file was read, with the keys of other answers' `run`: nothing was drawn, so that most of them are null.

    Attributes:
        profile: the profile of the file that was applied; null where none was.
        usru_version: the version of the program.
        trials: null, since nothing was drawn.
        seed: null likewise.
        method: null likewise.
        steps: null likewise.
        weights: null likewise; `usru show` tells them.
        do: no interventions.
        given: no observations.
        effective_trials: null, since nothing was drawn.
        judgements: null likewise.
        judgements_at_means: null likewise.
        evidence: null, since no evidence was taken into account.
    """

    profile: str | None
    usru_version: str = __version__
    trials: None = None
    seed: None = None
    method: None = None
    steps: None = None
    weights: None = None
    do: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    effective_trials: None = None
    judgements: None = None
    judgements_at_means: None = None
    evidence: None = None


@dataclass(frozen=True, repr=False)
class OfRun:
    """What a run found out about a model, which its first keys tell."""

    model: ModelLine
    run: Run


@dataclass(frozen=True)
class Warned:
    """A warning: its stable code, its sentence, and where there is one, the file and line that it is about.

    Attributes:
        code: a stable name of the kind of warning, for programs.
        message: the warning in a sentence, for people.
        path: the file that it is about; null where it is about none.
        line: the line in that file, from 1; null where there is none.
        count: for how many warnings of the kind it stands, of which this is the first.
    """

    code: str
    message: str
    path: str | None = None
    line: int | None = None
    count: int = 1


def to_warned(problem: Problem) -> Warned:
    """A problem as a result carries it."""
    if problem.span is None:
        return Warned(problem.code, problem.message, count=problem.count)
    return Warned(problem.code, problem.message, problem.span.source, problem.span.line, problem.count)
