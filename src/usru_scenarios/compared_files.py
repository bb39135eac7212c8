"""Two compiled files side by side: what one says differently, kept between runs where both are read from one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from usru_scenarios.compiled_file import CompiledFile, Part
from usru_scenarios.light_dataclasses import dataclass

if TYPE_CHECKING:
    from usru_scenarios.program.program import Program
    from usru_scenarios.questions.program_edits import FileDifferences, ProgramEdit


@dataclass(frozen=True)
class ComparedFiles:
    """A file and the one that it is compared with; it may be the same."""

    reference: CompiledFile
    variant: CompiledFile

    def get_or_make(self, part: str, make: Callable[[], Part]) -> Part:
        """A part of what follows from both alone; recalled where both are read from the same file."""
        reference, variant = self.reference, self.variant
        if variant.compile_cache is None or variant.compile_cache is not reference.compile_cache:
            return make()
        return variant.compile_cache.get_or_make(f"{part} of {variant.request!r} beside {reference.request!r}", make)

    @cached_property
    def differences(self) -> FileDifferences:
        """What the variant's file says differently."""
        from usru_scenarios.questions.program_edits import FileDifferences

        if self.variant.outline.model.sha256 == self.reference.outline.model.sha256:
            return FileDifferences()

        def find_differences() -> FileDifferences:
            from usru_scenarios.questions.differences import file_differences

            return file_differences(self.reference.loaded.model, self.variant.loaded.model, self.reference.compiled)

        return self.get_or_make("differences", find_differences)

    def edits(self, by_part: bool) -> Mapping[str, ProgramEdit | None]:
        """What brings groups of the differences into the reference: as `edits` of `questions.compare.Variant`."""
        if not self.differences.differences:
            return {}

        def make_edits() -> Mapping[str, ProgramEdit | None]:
            from usru_scenarios.questions.differences import edits_by_group

            models = self.reference.loaded.model, self.variant.loaded.model
            return edits_by_group(*models, self.reference.compiled, self.differences.grouped(by_part=by_part))

        return self.get_or_make(f"differences brought in, by part: {by_part}", make_edits)

    @property
    def program(self) -> Program:
        """The program of the variant: where neither has evidence, made by edits of the reference's."""
        if self.has_evidence:
            return self.variant.program
        return self.differences.all.on(self.reference.program)

    @property
    def has_evidence(self) -> bool:
        """Whether either takes evidence for given."""
        return self.variant.evidence is not None or self.reference.evidence is not None
