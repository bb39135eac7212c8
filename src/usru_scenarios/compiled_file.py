"""A file that is read and compiled, or recalled as an earlier run made it: what every question of a study begins with.

Each part is made when it is first needed, and imports what makes it then, for the start-up time of a command counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, Self, TypeVar

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import KEPT_NAMES
from usru_scenarios.settings import DEFAULT_LIMITS, RunSettings, SampleLimits, optional_text

if TYPE_CHECKING:
    from usru_scenarios.model.outline import Outline
    from usru_scenarios.program.program import Program
    from usru_scenarios.program.support import Support
    from usru_scenarios.questions.evidence.items import Evidence
    from usru_scenarios.reading.cache import CompileCache
    from usru_scenarios.reading.evidence import EvidenceText
    from usru_scenarios.reading.loading import Loaded, ScenarioFile
    from usru_scenarios.reading.request import Request
    from usru_scenarios.sampler.blocks import KernelCache, StepKernels

Part = TypeVar("Part")

MOST_KERNEL_BYTES = 1 << 23
"""The most bytes of kernels that are kept: those of larger models would take the place of all else in the cache."""


@dataclass(frozen=True)
class CompiledFile:
    """A file with what is made of it.

    Attributes:
        request: which file it is, and how it is read.
        kept: where what is made of the file is kept between runs, if it is.
        file: the file, where it has been read already.
        limits: of the trials that are drawn further; `dataclasses.replace(study, limits=...)` changes them.
        evidence: what has been seen, which every question then takes for given (see `knowing`).
    """

    request: Request
    kept: CompileCache | None = None
    file: ScenarioFile | None = None
    limits: SampleLimits = DEFAULT_LIMITS
    evidence: Evidence | None = None

    @cached_property
    def loaded(self) -> Loaded:
        """The model, its claims, its warnings and where it came from.

        Raises:
            ModelError, UnreadableInput: as for `load`, where the model was recalled and its file is another by now.
        """
        return (self._file if self.file is None else self.file).resolve(self.request)

    @property
    def _file(self) -> ScenarioFile:
        """The file, read now or by an earlier run."""
        kept = self.kept
        if kept is None:
            return self._read()
        file = kept.get_or_make("file", self._read, remember=True)
        kept.set_inputs(file.access.inputs)
        return file

    def _read(self) -> ScenarioFile:
        from usru_scenarios.reading.loading import ScenarioFile

        file = ScenarioFile(self.request)
        if self.kept is not None:
            self.kept.set_inputs(file.access.inputs)
        return file

    @cached_property
    def outline(self) -> Outline:
        """What the model calls its parts."""

        def outlined() -> Outline:
            if self.kept is not None:
                self.kept.get_or_make(KEPT_NAMES, lambda: _names_of(self.loaded.file.tree.data))
            return self.loaded.outline

        found = self._made("outline", outlined)
        return found if self.evidence is None else replace(found, evidence=self.evidence.used)

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """The names of the model by kind: see `model.ids`."""
        return self._made(KEPT_NAMES, lambda: _names_of(self.loaded.data))

    @cached_property
    def program(self) -> Program:
        """The model, compiled."""
        return self._with_evidence(self.compiled)

    @cached_property
    def compiled(self) -> Program:
        """The same without the hints of the evidence."""
        return self._made("program", lambda: _compiled(self.loaded))

    def _with_evidence(self, program: Program, seed: int = 0) -> Program:
        """A program of the model, with the hints of the evidence as virtual evidence."""
        return program if self.evidence is None else self.evidence.on(program, seed)

    def drawn(self, seed: int, draws: int) -> Program:
        """The model compiled with values of its uncertain judgements for as many draws; the last one is remembered."""
        if (seed, draws) not in self._last_drawn:
            self._last_drawn.clear()
            made = self._made(f"drawn {seed} {draws}", lambda: _drawn(self.loaded, seed, draws))
            self._last_drawn[seed, draws] = self._with_evidence(made, seed)
        return self._last_drawn[seed, draws]

    @cached_property
    def _last_drawn(self) -> dict[tuple[int, int], Program]:
        return {}

    def _made(self, part: str, make: Callable[[], Part]) -> Part:
        """What is made of the model; recalled where an earlier run has kept it."""
        return make() if self.kept is None else self.kept.get_or_make(self._part(part), make)

    def _part(self, name: str) -> str:
        """By what name a part of what is made of the model is kept."""
        return f"{name} of {self.request!r}"

    def settled(self, settings: RunSettings) -> RunSettings:
        """What settings mean for this model: under its limits, and no judgement is drawn where none is uncertain."""
        settings = replace(settings, limits=self.limits)
        return settings if not settings.judgements or self.outline.uncertain else replace(settings, judgements=0)

    def programs(self, settings: RunSettings) -> tuple[Program, Callable[[str], Program]]:
        """The program with values for as many draws of the judgements as settings say, and what gives a profile's."""
        seed, draws = settings.seed, settings.judgements
        if not draws:
            return self.program, self.under

        @cache
        def under(profile: str) -> Program:
            made = self._made(
                f"drawn {seed} {draws} {profile!r}", lambda: _drawn(self.loaded.with_profile(profile), seed, draws)
            )
            return self._with_evidence(made, seed)

        return self.drawn(seed, draws), under

    def under(self, profile: str) -> Program:
        """The program under a profile of the file.

        Raises:
            ModelError, RequestError: as for `load`.
        """
        if profile not in self._under:
            self._under[profile] = self._with_evidence(_compiled(self.loaded.with_profile(profile)))
        return self._under[profile]

    @cached_property
    def _under(self) -> dict[str, Program]:
        return {}

    # The same file, read in another way -------------------------------------------------------------------------------

    def varied(
        self,
        *,
        profile: str | None = None,
        weights: Mapping[str, float | str] | Sequence[str] = (),
        overrides: Mapping[str, object] | Sequence[str] = (),
        sourced_only: bool | None = None,
    ) -> Self:
        """The same file under another profile or none, with other weights, and with values set besides; not read again.

        Args:
            profile: as for `load`.
            weights: as for `load`.
            overrides: as for `load`, besides those that the file is loaded with.
            sourced_only: as for `load`; by default as the file is loaded.

        Raises:
            ModelError, RequestError: as for `load`.
        """
        return self._read_as(self.request.with_changes(profile, weights, overrides, sourced_only))

    def _read_as(self, request: Request) -> Self:
        """The same file, read in another way."""
        study = type(self)(request, self.kept, self.loaded.file if self.kept is None else self.file, self.limits)
        _ = study.outline
        return study

    def knowing(self, evidence: str | PathLike[str] | EvidenceText, *, as_of: str | None = None) -> Self:
        """The same model with what has been seen, which every question then takes for given.

        Args:
            evidence: the path of an evidence file, or one that has been read.
            as_of: the day up to which it counts, not after the file's own, which it is by default.

        Raises:
            ArgumentError, UnreadableInput: the path or the day makes no sense.
            ModelError: the file has faults; with all of them.
        """
        from usru_scenarios.questions.evidence.items import evidence_of
        from usru_scenarios.questions.evidence.remarks import about_another_model
        from usru_scenarios.reading.evidence import EvidenceText, read_evidence

        day = optional_text("as_of", as_of)
        read = (
            evidence if isinstance(evidence, EvidenceText) else read_evidence(evidence, confined=self.request.confined)
        )
        questions = tuple(self.loaded.model.questions) if read.file.resolutions else ()
        signposts = self.loaded.model.with_signposts if read.file.looks_for_all else ()
        other = tuple(about_another_model(read, self.outline.model.name, self.request.path, lambda: self.loaded.inputs))
        known = evidence_of(read, self.outline, self.program, questions, signposts, as_of=day, other=other)
        return replace(self, evidence=known)

    # What engines have of it ------------------------------------------------------------------------------------------

    def _support(self, settings: RunSettings) -> Support:
        """What is possible without conditions, with as many draws of the judgements as settings say; as `drawn`."""
        from usru_scenarios.program.support import Support

        drawn = (settings.seed, settings.judgements) if settings.judgements else ()
        if drawn not in self._last_support:
            self._last_support.clear()
            program, _ = self.programs(settings)
            part = " ".join(map(str, ("support", *drawn)))
            found = self._made(part, lambda: Support(program).cacheable_findings())
            self._last_support[drawn] = Support.from_findings(program, found)
        return self._last_support[drawn]

    @cached_property
    def _last_support(self) -> dict[tuple[int, ...], Support]:
        return {}

    def _kernels(self, settings: RunSettings) -> KernelCache:
        """What walks of the model with some settings compile; of the default forecast as an earlier run has kept it.

        Those kernels are several MB, and to compile them takes longer than all else that is done before the trials are
        drawn: so they are kept, but of this run alone, which is the one that is asked for again and again. What blocks
        have that are walked together is a part of its own: who walks some of them recalls no more.
        """
        from usru_scenarios.sampler.blocks import BlockSampler, CompiledProgram, KernelCache, Plan

        if self.kept is None or self.evidence is not None or settings != self.settled(self._usual(settings)):
            return KernelCache()
        kept, program = self.kept, self.programs(settings)[0]
        plan = Plan.of(settings.trials, settings.seed, settings.judgements)
        nothing: StepKernels = []

        @cache
        def sampler() -> BlockSampler:
            return BlockSampler(program, plan, draw_outcome=program.outcome_is_read)

        def found(blocks: range) -> StepKernels | None:
            def made() -> StepKernels:
                return sampler().stretch_kernels(blocks) or nothing

            most = MOST_KERNEL_BYTES * len(blocks) // plan.blocks
            return kept.get_or_make(self._part(f"kernels {blocks}"), made, max_bytes=most, fallback=nothing) or None

        return KernelCache(compiled=CompiledProgram(program, plan, found))

    def _lasting_kernels(self, settings: RunSettings) -> KernelCache:
        """The same of forecasts without conditions, which leave what they compile to those that follow.

        What has conditions has nodes of its own, and so have draws of the judgements, whose kernels would never go.
        """
        return self._walked.apart() if self.kept is None and not settings.judgements else self._kernels(settings)

    @cached_property
    def _walked(self) -> KernelCache:
        from usru_scenarios.sampler.blocks import KernelCache

        return KernelCache()

    @staticmethod
    def _usual(settings: RunSettings) -> RunSettings:
        """Those that nobody has asked for otherwise; how an answer is found does not matter."""
        return RunSettings.checked(method=settings.method)


def _names_of(data: dict[str, Any]) -> dict[str, list[str]]:
    from usru_scenarios.model.ids import names_of

    return names_of(data)


def _compiled(loaded: Loaded) -> Program:
    from usru_scenarios.program.compilation import compile_model

    return compile_model(loaded.model)


def _drawn(loaded: Loaded, seed: int, draws: int) -> Program:
    from usru_scenarios.estimation.estimates import Controls
    from usru_scenarios.program.compilation import compile_model
    from usru_scenarios.program.draws import JudgementDraws

    drawing = JudgementDraws(loaded.model, seed, draws)
    controls = Controls(drawing.controls)
    assert controls.factored  # so that this is kept, too
    return replace(compile_model(loaded.model, drawing.values), controls=controls)
