"""The vocabulary of an evidence file: what has been seen since a scenario file was written (format 1, section 14).

Shape only: whether names, times and sources are there is asked where the file is held against a model.
"""

# ruff: noqa: RUF012  # pydantic copies defaults

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from usru_scenarios.model.values import (
    BOUND_MARGIN,
    REPLACED_WHOLE,
    DayText,
    Judgement,
    Label,
    MomentText,
    Name,
    Part,
    Sources,
    Value,
    within_bounds,
)

KINDS = ("seen", "about", "signpost", "quiet")
"""The keys of which an item has one: what kind of thing was seen."""

DEFAULT = "default"
"""The key of a likelihood that all states have which are not named."""


def _require_above_zero(judgement: Judgement) -> Judgement:
    if judgement.mean <= 0.0 or judgement.span[0] < 0.0:
        message = "a likelihood is above 0, and this is {value}: what proves something is a fact, which 'seen' states"
        least = min(judgement.mean, judgement.span[0])
        raise PydanticCustomError("not_above_0", message, {"value": f"{least:g}"})
    judgement.cut_off(BOUND_MARGIN, math.inf)
    return judgement


LikelihoodJudgement = Annotated[Judgement, AfterValidator(_require_above_zero)]
"""How likely something is in a state, compared with the others: above 0."""

ChanceJudgement = Annotated[
    Judgement, within_bounds(0.0, 1.0, "not_a_probability", "a probability is from 0 to 1, and this is {value:g}")
]
"""A probability."""


def _require_signs(signs: tuple[SoughtSign, ...]) -> tuple[SoughtSign, ...]:
    if not signs:
        message = "this names none: leave 'of' out to mean all signposts of the model"
        raise PydanticCustomError("no_signs", message, {})
    return signs


class Signpost(Part):
    """A sign of a state that was looked for, and found or not.

    Attributes:
        of: the state that it is a sign of: a scenario, or `driver.state`. Example: `of: talks.open`
        at: the step of that state. Example: `at: 2026-Q3`
        found: whether it was found. Example: `found: false`
        if_so: the probability, 0 to 1, that it is found where the state holds. Example: `if_so: 0.7`
        if_not: the probability, 0 to 1, that it is found where another one does. Example: `if_not: 0.15`
    """

    of: str
    at: MomentText
    found: bool
    if_so: ChanceJudgement
    if_not: ChanceJudgement
    note: str | None = None
    sources: Sources | None = None


class SoughtSign(Value):
    """A sign of a state that was looked for in vain: the state alone, or with how likely the sign is to be found.

    Attributes:
        of: the state that it is a sign of: a scenario, or `driver.state`. Example: `of: talks.open`
        if_so: the probability, 0 to 1, that it is found at a step where the state holds; default that of all. Example:
            `if_so: 0.7`
        if_not: the probability, 0 to 1, that it is found where another one does; default that of all. Example:
            `if_not: 0.15`
    """

    of: str
    if_so: ChanceJudgement | None = None
    if_not: ChanceJudgement | None = None
    note: str | None = None
    sources: Sources | None = None

    @classmethod
    def _to_fields(cls, raw: object) -> object:
        return {"of": raw} if isinstance(raw, str) else raw


class Quiet(Part):
    """Nothing happened: of some signposts, none was found at any step of a span.

    Attributes:
        from: the first step. Example: `from: 2026-Q1`
        to: the last step, which is part of it. Example: `to: 2026-Q3`
        of: the states whose signs were not found, each a scenario, `driver.state`, or a map with its own `if_so` and
            `if_not`; default all scenarios and states of drivers that have `signposts` in the model. Example: `of:
            [talks.open, {of: thaw, if_so: 0.6, if_not: 0.2}]`
        if_so: the probability, 0 to 1, that a sign is found at a step where its state holds; default 1 for states of
            drivers, which would not have been missed. Example: `if_so: 0.7`
        if_not: the probability, 0 to 1, that a sign is found at a step where another state holds; default 0 for states
            of drivers. Example: `if_not: 0.15`
    """

    first: MomentText = Field(alias="from")
    to: MomentText
    of: Annotated[tuple[SoughtSign, ...], Field(strict=False), AfterValidator(_require_signs)] | None = None
    if_so: ChanceJudgement | None = None
    if_not: ChanceJudgement | None = None
    note: str | None = None
    sources: Sources | None = None


class EvidenceItem(Part):
    """Something that was seen, or not seen.

    It is a fact (`seen`), a hint (`about` and `likelihood`), a signpost that was looked for, or a span in which nothing
    happened (`quiet`).

    Attributes:
        seen: a fact: an observation in the language of queries, its time said. Example: `seen: "talks=open @ 2026-Q3"`
        about: what a hint is about: a node with states, or `scenario`, and one step. Example: `about: talks @ 2026-Q3`
        likelihood: how likely the hint is in each state of what it is about, above 0, of which only the ratios count;
            `default` stands for the states that are not named. Example: `likelihood: {open: 3, default: 1}`
        signpost: a sign of a state that was looked for. Example: `signpost: {of: talks.open, at: 2026-Q3, found: true,
            if_so: 0.7, if_not: 0.15}`
        quiet: a span of steps in which nothing happened. Example: `quiet: {from: 2026-Q1, to: 2026-Q3, of:
            [talks.open]}`
        learned: the day on which it became known. Example: `learned: 2026-09-12`
        known_ahead: whether it was known before the steps that it is about began, as terms of office are; default
            `false`. Example: `known_ahead: true`
        independence: its group: of reports that draw on one another only the one that tells most counts. Example:
            `independence: wire_a`
        sources: the claims of the register that it rests on. Example: `sources: [E01]`
    """

    seen: str | None = None
    about: str | None = None
    likelihood: Annotated[dict[str, LikelihoodJudgement], Field(min_length=1), REPLACED_WHOLE] | None = None
    signpost: Signpost | None = None
    quiet: Quiet | None = None
    learned: DayText
    known_ahead: bool = False
    independence: Label | None = None
    title: str | None = None
    summary: str | None = None
    note: str | None = None
    sources: Sources | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> EvidenceItem:
        kinds = [name for name in KINDS if getattr(self, name) is not None]
        if len(kinds) != 1:
            found = f"this has {' and '.join(kinds)}" if kinds else "this has none of them"
            message = "an item has one of 'seen', 'about', 'signpost' and 'quiet'; {found}"
            raise PydanticCustomError("one_kind", message, {"found": found})
        if (self.about is None) != (self.likelihood is None):
            message = (
                "'about' and 'likelihood' belong together: what a hint is about, and how likely it is in each state"
            )
            raise PydanticCustomError("one_kind", message, {})
        return self


class Resolution(Part):
    """How a question of the model came out.

    Attributes:
        came_true: whether what it asks came true. Example: `came_true: false`
        resolved: the day on which that was known. Example: `resolved: 2027-07-02`
        sources: the claims of the register that this rests on. Example: `sources: [E11]`
    """

    came_true: bool
    resolved: DayText
    note: str | None = None
    sources: Sources | None = None


class EvidenceFile(Part):
    """A whole evidence file, format 1, overlays applied.

    Attributes:
        usru: the version of the format: 1.
        kind: `evidence`, which tells it from a scenario file.
        name: the name of the file: small letters, digits and hyphens. Example: `name: seen-2026`
        title: its title, for readers.
        model: the model that it is about: the id of a bundled one, or a path. Example: `model: us-russia`
        extends: an evidence file that this one is laid over, where `null` withdraws an item. Example: `extends:
            seen-2025.yaml`
        as_of: the day up to which it tells: what was learned later does not count, and a forecast is read from the step
            of this day on. Example: `as_of: 2026-11-28`
        sources: the folder of a register of what the items rest on, laid out like a claim register (section 10).
            Example: `sources: seen`
        evidence: what was seen, by id. Example: `evidence: {talks_open: {seen: "talks=open @ 2026-Q3", learned:
            2026-09-30}}`
        resolutions: how questions of the model came out, by their ids. Example: `resolutions: {meeting: {came_true:
            false, resolved: 2027-07-02}}`
    """

    usru: Annotated[Literal[1], BeforeValidator(lambda raw: None if isinstance(raw, bool) else raw)]
    kind: Literal["evidence"]
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$")]
    title: str | None = None
    summary: str | None = None
    model: str
    extends: str | None = None
    as_of: DayText
    sources: str | None = None
    evidence: dict[Name, EvidenceItem] = {}
    resolutions: dict[Name, Resolution] = {}

    @property
    def looks_for_all(self) -> bool:
        """Whether an item says of all signposts of the model that they were not found."""
        return any(item.quiet is not None and item.quiet.of is None for item in self.evidence.values())
