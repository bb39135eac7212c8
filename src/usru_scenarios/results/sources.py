"""What judgements rest on, in the form of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.results.common import FileRun, ModelLine, Tabled


@dataclass(frozen=True)
class ClaimPart:
    """A claim of the register; `document` is the name of its file, which for an assumption is no document's.

    `pushes` are the directions that it states, as they are written.

    Attributes:
        claim: what it says, in words.
        where: where in the document; empty where the register does not say.
        document: the name of its file of the register, without the ending.
        kind: its kind; empty where the register does not say.
        speaker: whose claim it is; empty where the register does not say.
        hedge: how sure the document says it is; empty where the register does not say.
        assumption: whether it is a declared assumption, which no document supports.
        agrees: ids of claims that it agrees with.
        contradicts: ids of claims that it contradicts.
        pushes: the directions that it states, as written in the register.
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
    """A judgement, what it is about, and the claims it rests on; inferred where none of them is a document's.

    Attributes:
        path: where the judgement stands in the file, as one writes it after `--set`.
        role: what kind of judgement it is.
        value: its value, as text.
        sources: the claims that it cites.
        inferred: whether no claim of a document is among these.
        by: who judged, as the file says of this number; null where it does not.
        date: when it was judged, likewise.
    """

    path: str
    role: str
    value: str
    sources: list[str]
    inferred: bool
    by: str | None = None
    date: str | None = None


@dataclass(frozen=True)
class DocumentPart:
    """A document of the register: how many claims it has, how many are cited, and how many judgements cite it.

    Attributes:
        title: its title.
        independence: its group of documents that draw on one another; empty where there is none.
        assumptions: whether it is a list of declared assumptions.
        claims: how many claims it has.
        cited: how many of its claims are cited.
        judgements: how many judgements cite any of them.
    """

    title: str
    independence: str
    assumptions: bool
    claims: int
    cited: int
    judgements: int


@dataclass(frozen=True)
class RoleCount:
    """How many judgements there are of a kind, and how many of them are inferred.

    Attributes:
        judgements: how many judgements there are of the kind.
        inferred: how many of them cite no claim of a document.
    """

    judgements: int
    inferred: int


@dataclass(frozen=True)
class DirectedPart:
    """A number of points that cites claims, and what each of them says of its sign.

    Attributes:
        path: where the number stands in the file, as one writes it after `--set`.
        value: the points; of an uncertain judgement their mean.
        sign: the sign of `value`; `0` where it has none.
        cause: what must hold for the points to act, as it is written in a push; empty where nothing must.
        target: the scenario, node=state, or node that they act on.
        claims: for each cited claim in which direction it pushes; `both` where it states both, `none` where it says
            nothing.
        verdict: `carried` (a claim pushes its way), `contradicted` (none does, one pushes the other way), `undirected`
            (none speaks of it, though one is a document's), `inferred` (none speaks of it, none is a document's) or
            `zero`.
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
    """A push that can't speak of the model, which lacks one of its names: it may be another model's.

    Attributes:
        claim: the claim that states it.
        push: the push, as written.
        unknown: the name that the model lacks.
        path: the file of the register.
        line: the line in that file, from 1.
    """

    claim: str
    push: str
    unknown: str
    path: str
    line: int


@dataclass(frozen=True, repr=False)
class DirectionsReport(Tabled):
    """What the claims say of the signs of the numbers that cite them.

    Attributes:
        about: the name or path that was asked about; null for the whole model.
        pushes: how many pushes the register has.
        numbers: all numbers of points that cite any claim, in the order of the file.
        verdicts: how many numbers there are of each verdict.
        skipped: pushes that name what the model lacks.
    """

    model: ModelLine
    run: FileRun
    about: str | None
    pushes: int
    numbers: list[DirectedPart]
    verdicts: dict[str, int]
    skipped: list[SkippedPush]
    format: Literal["usru.directions/1.1"] = "usru.directions/1.1"

    def _summary_parts(self) -> Iterator[str]:
        yield from (self.model.name, *filter(None, [self.about]), f"{len(self.numbers)} numbers of points")


@dataclass(frozen=True, repr=False)
class SourcesReport(Tabled):
    """What judgements rest on: all of a model's, or those that were asked about.

    Attributes:
        about: the name or path that was asked about; null for the whole model.
        judgements: the judgements and what they cite, in the order of the file.
        claims: the claims that they cite, by id.
        documents: the documents of the register, by the name of the file.
        independence: for each group of documents that draw on one another, how many judgements cite one of them;
            assumptions are left out.
        roles: counts by the kind of judgement.
    """

    model: ModelLine
    run: FileRun
    about: str | None
    judgements: list[JudgedPart]
    claims: dict[str, ClaimPart]
    documents: dict[str, DocumentPart]
    independence: dict[str, int]
    roles: dict[str, RoleCount] = field(default_factory=dict)
    format: Literal["usru.sources/1.2"] = "usru.sources/1.2"

    def _summary_parts(self) -> Iterator[str]:
        inferred = sum(judgement.inferred for judgement in self.judgements)
        yield from (self.model.name, *filter(None, [self.about]))
        yield f"{len(self.judgements)} judgements, {inferred} of them inferred"
