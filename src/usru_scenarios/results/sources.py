"""What judgements rest on, in the form of its JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from usru_scenarios.results.common import JsonResult, ModelLine


@dataclass(frozen=True)
class ClaimPart:
    """A claim of the register; `document` is the name of its file, which for an assumption is no document's."""

    claim: str
    where: str
    document: str
    kind: str
    speaker: str
    hedge: str
    assumption: bool
    agrees: list[str]
    contradicts: list[str]


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
