"""What judgements rest on, in the form of its JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from usru_scenarios.results.common import JsonResult, ModelLine


@dataclass(frozen=True)
class ClaimPart:
    """A claim of the register; `document` is the name of its file, which for an assumption is no document's.

    `pushes` are the directions that it states, as they are written.
    """

    claim: str
    where: str
    document: str
    kind: str
    speaker: str
    hedge: str
    assumption: bool
    agrees: list[str]
    contradicts: list[str]
    pushes: list[str]


@dataclass(frozen=True)
class JudgedPart:
    """A judgement, what it is about, and the claims it rests on; inferred where none of them is a document's."""

    path: str
    role: str
    value: str
    sources: list[str]
    inferred: bool


@dataclass(frozen=True)
class DocumentPart:
    """A document of the register: how many claims it has, how many are cited, and how many judgements cite it."""

    title: str
    independence: str
    assumptions: bool
    claims: int
    cited: int
    judgements: int


@dataclass(frozen=True)
class RoleCount:
    """How many judgements there are of a kind, and how many of them are inferred."""

    judgements: int
    inferred: int


@dataclass(frozen=True)
class DirectedPart:
    """A number of points that cites claims, and what each of them says of its sign.

    Attributes:
        path: of the judgement.
        value: the number; of an uncertain one the mean.
        sign: of the value; `0` where it has none.
        cause: what must hold for the points to act, as it is written in a push; empty where nothing must.
        target: the scenario, node=state, or node that they act on.
        claims: in which direction each cited claim pushes; `both` where it states both, `none` where it says nothing.
        verdict: carried (a claim pushes its way), contradicted (none does, one pushes the other way), undirected (none
            speaks of it, though one is a document's), inferred (none speaks of it, none is a document's) or zero.
    """

    path: str
    value: float
    sign: Literal["+", "-", "0"]
    cause: str
    target: str
    claims: dict[str, Literal["+", "-", "both", "none"]]
    verdict: Literal["carried", "contradicted", "undirected", "inferred", "zero"]


@dataclass(frozen=True)
class SkippedPush:
    """A push that can't speak of the model, which lacks one of its names: it may be another model's."""

    claim: str
    push: str
    unknown: str
    path: str
    line: int


@dataclass(frozen=True)
class DirectionsReport(JsonResult):
    """What the claims say of the signs of the numbers that cite them.

    Attributes:
        about: the name or path that was asked about; None for the whole model.
        pushes: how many the register has.
        numbers: all numbers of points that cite any claim, in the order of the file.
        verdicts: how many numbers have each.
        skipped: pushes that name what the model lacks.
    """

    model: ModelLine
    about: str | None
    pushes: int
    numbers: list[DirectedPart]
    verdicts: dict[str, int]
    skipped: list[SkippedPush]
    format: Literal["usru.directions/1.0"] = "usru.directions/1.0"


@dataclass(frozen=True)
class SourcesReport(JsonResult):
    """What judgements rest on: all of a model's, or those that were asked about.

    Attributes:
        about: the name or path that was asked about; None for the whole model.
        judgements: in the order of the file.
        claims: those that the judgements cite, by id.
        documents: by name of file.
        independence: for each group of documents that draw on one another, how many judgements cite one of them;
            assumptions are left out.
        roles: by the kind of judgement.
    """

    model: ModelLine
    about: str | None
    judgements: list[JudgedPart]
    claims: dict[str, ClaimPart]
    documents: dict[str, DocumentPart]
    independence: dict[str, int]
    roles: dict[str, RoleCount] = field(default_factory=dict)
    format: Literal["usru.sources/1.0"] = "usru.sources/1.0"
