"""A compiled file with what can be read in it: its parts, what its judgements rest on, what it expects and asks.

Nothing is forecast for that. Each part is kept between runs as all that is made of a file, and imports what makes it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from usru_scenarios.compiled_file import CompiledFile
from usru_scenarios.light_dataclasses import dataclass
from usru_scenarios.settings import check_optional_text

if TYPE_CHECKING:
    from usru_scenarios.language.questions import ComparisonStatement as Statement
    from usru_scenarios.language.questions import Probability
    from usru_scenarios.problems import Problem
    from usru_scenarios.results.common import Warned
    from usru_scenarios.results.show import Overview
    from usru_scenarios.results.sources import DirectionsReport, SourcesReport
    from usru_scenarios.results.validate import Validation


@dataclass(frozen=True)
class DescribedFile(CompiledFile):
    """A compiled file with what it says."""

    @cached_property
    def overview(self) -> Overview:
        """What the model says, as the program understands it."""

        def make() -> Overview:
            from usru_scenarios.questions.show import describe_model

            return describe_model(self.loaded, self.program)

        return self._get_or_make("overview", make)

    def sources(self, about: str | None = None) -> SourcesReport:
        """What the judgements rest on.

        Args:
            about: a name of the model, the dotted path of a part, or a claim's id; everything if None.

        Raises:
            RequestError: there is nothing of that name.
        """
        about = check_optional_text("about", about)

        def make() -> SourcesReport:
            from usru_scenarios.questions.sources import judgement_sources

            return judgement_sources(self.loaded, about)

        return self._get_or_make(f"sources {about!r}", make)

    def directions(self, about: str | None = None) -> DirectionsReport:
        """In which direction claims push the numbers of points that cite them.

        Args:
            about: as in `sources`.

        Raises:
            RequestError: there is nothing of that name.
        """
        about = check_optional_text("about", about)

        def make() -> DirectionsReport:
            from usru_scenarios.questions.sources import claim_directions

            return claim_directions(self.loaded, about)

        return self._get_or_make(f"directions {about!r}", make)

    @cached_property
    def validation(self) -> tuple[Validation, tuple[Problem, ...]]:
        """That the file is right, what there is in it, and what it is warned of.

        Raises:
            ModelError: an expectation or a question can't be understood; with the faults of all.
        """

        def make() -> tuple[Validation, tuple[Problem, ...]]:
            from usru_scenarios.problems import ModelError
            from usru_scenarios.questions import statements, validate

            _, faults = statements.read_expectations(self.loaded, self.program, self.under)
            _, others = statements.read_questions(self.loaded, self.program, self.under)
            if faults or others:
                raise ModelError([*faults, *others])
            warnings = validate.file_warnings(self.loaded, self.program)
            return validate.report_valid(self.loaded, warnings), tuple(warnings)

        return self._get_or_make("validation", make)

    @property
    def is_as_written(self) -> bool:
        """Whether no profile, weights or other values from outside change what the file says."""
        request = self.request
        return request.profile is None and not (request.weights or request.overrides or request.sourced_only)

    @cached_property
    def remarks(self) -> tuple[Warned, ...]:
        """What is odd about the file, whatever is asked of it: an anchor that it misses, statements that mean nothing.

        Nothing of a bundled model, which is known to be right, and nothing where a profile, weights or other values
        change what the file says.
        """
        from usru_scenarios.reading.locations import is_bundled

        path = self.request.path
        if not self.is_as_written or (path is not None and is_bundled(path)):
            return ()

        def make() -> tuple[Warned, ...]:
            from usru_scenarios.questions import validate

            return validate.answer_remarks(self.loaded, self.program, self.under)

        return self._get_or_make("remarks", make)

    def expectations(self) -> dict[str, Statement]:
        """The expectations of the file by name.

        Raises:
            ModelError: some can't be understood; with all of their faults.
        """

        def make() -> dict[str, Statement]:
            from usru_scenarios.problems import ModelError
            from usru_scenarios.questions.statements import read_expectations

            statements, faults = read_expectations(self.loaded, self.program, self.under)
            if faults:
                raise ModelError(faults)
            return statements

        return self._get_or_make("expectations", make)

    def questions(self) -> dict[str, Probability]:
        """What the questions of the file mean, by name.

        Raises:
            ModelError: some can't be understood, or close too early; with all of their faults.
        """
        from usru_scenarios.problems import ModelError
        from usru_scenarios.questions.statements import read_questions

        meanings, faults = read_questions(self.loaded, self.program, self.under)
        if faults:
            raise ModelError(faults)
        return meanings
