"""The claim register: what the source documents say, in our own words, and what is assumed without them."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field, ValidationError

from usru_scenarios.light_dataclasses import dataclass, field
from usru_scenarios.model.directions import ClaimPush
from usru_scenarios.model.values import ClaimId, Label, Part, describe_value
from usru_scenarios.problems import ModelError, Problem, Span, UnreadableInput, suggest_name
from usru_scenarios.reading.access import Access
from usru_scenarios.reading.pushes import read_push
from usru_scenarios.reading.pydantic_errors import faults_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from usru_scenarios.names import KeyPath
    from usru_scenarios.reading.places import Document


def _as_tuple(raw: object) -> object:
    """One name is a list of one."""
    return (raw,) if isinstance(raw, str) else raw


Listed = Annotated[
    tuple[str, ...], Field(strict=False), BeforeValidator(_as_tuple, json_schema_input_type=str | tuple[str, ...])
]


class Claim(Part):
    """One thing that a document says, or that is assumed, in our own words.

    Attributes:
        claim: what the document says, or what is assumed, in our own words.
        where: where in the document: a page, a paragraph. Example: `where: paragraph 3`
        kind: what kind of claim it is, in a word of your own. Example: `kind: judgement`
        bears_on: what in the model it speaks to: a name or a list of them. Example: `bears_on: [talks]`
        speaker: whose claim it is. Example: `speaker: author`
        hedge: how sure the document says it is. Example: `hedge: most likely`
        agrees: ids of claims that say the same. Example: `agrees: [G2]`
        contradicts: ids of claims that say the opposite. Example: `contradicts: [G7]`
        pushes: in which direction it pushes what: `[cause] -> sign target`, one text for each target. Example: `pushes:
            ["talks=open -> +thaw"]`
    """

    claim: str
    where: Label | None = None
    kind: str | None = None
    bears_on: Listed = ()
    speaker: str | None = None
    hedge: str | None = None
    agrees: Listed = ()
    contradicts: Listed = ()
    pushes: Listed = ()


class SourceDocument(Part):
    """One file of the register: a document, or the list of declared assumptions.

    Attributes:
        title: the title of the document, or of the list of assumptions.
        bibliography: the line to cite it by. Example: `bibliography: "A. Author, A Report, 2024."`
        kind: what kind of document it is, in a word of your own. Example: `kind: article`
        independence: its group: documents of one group draw on one another and count as one voice. Example:
            `independence: report`
        claims: its claims by id: a letter, then letters, digits, hyphens and underscores; an `A` and digits is an
            assumption. Example: `claims: {G1: {claim: Talks are what a thaw depends on most.}}`
    """

    title: str | None = None
    bibliography: str | None = None
    kind: str | None = None
    independence: Label | None = None
    claims: dict[ClaimId, Claim] = Field(default_factory=dict)


@dataclass(frozen=True)
class Register:
    """All claims of a folder, by id."""

    documents: Mapping[str, SourceDocument] = field(default_factory=dict)
    """By the name of the file without its ending."""

    pushes: Mapping[str, tuple[ClaimPush, ...]] = field(default_factory=dict)
    """The directions that claims state, by the claim; those that could be read."""

    @cached_property
    def claims(self) -> dict[str, Claim]:
        """Every claim and assumption, in the order of the files."""
        return {name: claim for document in self.documents.values() for name, claim in document.claims.items()}

    @cached_property
    def document_ids(self) -> dict[str, str]:
        """For every claim the document that it stands in."""
        return {claim: name for name, document in self.documents.items() for claim in document.claims}

    def __contains__(self, claim: str) -> bool:
        return claim in self.claims

    def claim_texts(self, cited: Iterable[str]) -> dict[str, str]:
        """What the claims that are cited say, each once, in the order in which they are cited."""
        return {claim: " ".join(self.claims[claim].claim.split()) for claim in dict.fromkeys(cited) if claim in self}


def read_register(folder: Path, name: str, access: Access | None = None) -> tuple[Register, list[Problem]]:
    """The register in a folder (every `.yaml` and `.yml` file, in the order of their names), and its faults.

    Raises:
        UnreadableInput: there is no such folder, or it can't or may not be read.
    """
    access = access or Access()
    documents: dict[str, SourceDocument] = {}
    problems: list[Problem] = []
    spans: dict[str, Span] = {}
    pushes: dict[str, tuple[ClaimPush, ...]] = {}
    for path in access.list_register(folder, name):
        try:
            document = access.read_document(path, f"{name}/{path.name}")
        except ModelError as error:
            problems += error.problems
            continue
        except UnreadableInput as error:
            problems.append(Problem("unreadable_register", str(error)))
            continue
        problems += document.problems
        problems += _duplicate_claims(document, spans)
        documents[path.stem] = _validate_document(document, problems)
        for claim_id, claim in documents[path.stem].claims.items():
            if claim.pushes and (place := document.place.at(("claims", claim_id, "pushes"))) is not None:
                claim_pushes = [read_push(text, place.child(item) or place) for item, text in enumerate(claim.pushes)]
                problems += (push for push in claim_pushes if isinstance(push, Problem))
                pushes[claim_id] = tuple(push for push in claim_pushes if isinstance(push, ClaimPush))
    register = Register(documents, pushes)
    return register, [*problems, *islice(_unknown_links(register, spans), _MAXIMUM_UNKNOWN_LINKS)]


def _validate_document(document: Document, problems: list[Problem]) -> SourceDocument:
    """The document, whose faults are added to the problems; a claim with a fault is left blank, but its id is known."""
    data = document.data
    if not isinstance(data, dict):
        message = f"a file of the register is a map with 'title' and 'claims', not {describe_value(data)}"
        problems.append(Problem("not_a_map", message, document.place.span()))
        return SourceDocument()
    try:
        return SourceDocument.model_validate(data)
    except ValidationError as error:
        faults = faults_of(error, data, document.place, SourceDocument, _describe_path)
    problems += (fault.problem for fault in faults)
    claims = data.get("claims")
    valid = {name: _claim_or_blank(raw) for name, raw in claims.items()} if isinstance(claims, dict) else {}
    # built without checks: an id at fault is reported above, and stands here so that what cites it is not reported too
    return SourceDocument.model_construct(claims=valid)


def _claim_or_blank(raw: object) -> Claim:
    try:
        return Claim.model_validate(raw)
    except ValidationError:
        return Claim(claim="")


def _describe_path(path: KeyPath) -> str:
    if path[:1] == ("claims",) and len(path) > 1:
        return f"claim '{path[1]}'"
    return f"'{path[0]}'" if path else "a file of the register"


def _duplicate_claims(document: Document, spans: dict[str, Span]) -> Iterator[Problem]:
    """Ids that another file has given already; `spans` collects where each id stands first."""
    claims = document.place.child("claims")
    for claim, place in (claims.children or {}).items() if claims else ():
        name, span = str(claim), place.key_span()
        if name in spans:
            message = f"the claim '{name}' stands here a second time; the first is at {spans[name]}"
            yield Problem("duplicate_claim", message, span, "give it another id")
        spans.setdefault(name, span)


_MAXIMUM_UNKNOWN_LINKS = 100
"""Unknown links that are reported."""


def _unknown_links(register: Register, spans: dict[str, Span]) -> Iterator[Problem]:
    for name, claim in register.claims.items():
        for others, verb in ((claim.agrees, "agrees with"), (claim.contradicts, "contradicts")):
            for other in others:
                if other not in spans:
                    message = f"claim '{name}' {verb} an unknown claim '{other}'"
                    yield Problem("unknown_claim", message, spans.get(name), suggest_name(other, spans))
