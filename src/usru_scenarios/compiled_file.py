"""A file that is read and compiled, or recalled from an earlier run: what every question of a study begins with.

Each part is made when it is first needed, and imports what makes it then, for the start-up time of a command counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, Self, TypeVar

from usru_scenarios.light_dataclasses import dataclass, replace
from usru_scenarios.names import CACHED_NAMES
from usru_scenarios.settings import DEFAULT_LIMITS, RunSettings, SampleLimits, check_optional_text

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
        compile_cache: where what is made of the file is kept between runs, if it is.
        file: the file, where it has been read already.
        limits: of the trials that are drawn further; `dataclasses.replace(study, limits=...)` changes them.
        evidence: what has been seen, which every question then takes for given (see `knowing`).
    """

    request: Request
    compile_cache: CompileCache | None = None
    file: ScenarioFile | None = None
    limits: SampleLimits = DEFAULT_LIMITS
    evidence: Evidence | None = None

    @cached_property
    def loaded(self) -> Loaded:
        """The model, its claims, its warnings and where it came from.

        Raises:
            ModelError, UnreadableInput: as for `load`, where the model was recalled and its file is another by now.
        """
        return (self._recalled_file if self.file is None else self.file).resolve(self.request)

    @property
    def _recalled_file(self) -> ScenarioFile:
        """The file, read now or by an earlier run."""

        def read() -> ScenarioFile:
            from usru_scenarios.reading.loading import ScenarioFile

            file = ScenarioFile(self.request)
            if self.compile_cache is not None:
                self.compile_cache.set_inputs(file.access.inputs)
            return file

        if self.compile_cache is None:
            return read()
        file = self.compile_cache.get_or_make("file", read, remember=True)
        self.compile_cache.set_inputs(file.access.inputs)
        return file

    @cached_property
    def outline(self) -> Outline:
        """What the model calls its parts."""

        def make() -> Outline:
            if self.compile_cache is not None:
                self.compile_cache.get_or_make(CACHED_NAMES, lambda: _collect_names(self.loaded.file.tree.data))
            return self.loaded.outline

        outline = self._get_or_make("outline", make)
        return outline if self.evidence is None else replace(outline, evidence=self.evidence.summary)

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """The names of the model by kind: see `model.outline`."""
        return self._get_or_make(CACHED_NAMES, lambda: _collect_names(self.loaded.data))

    @cached_property
    def program(self) -> Program:
        """The model, compiled."""
        return self._apply_evidence(self.compiled)

    @cached_property
    def compiled(self) -> Program:
        """The same without the hints of the evidence."""
        return self._get_or_make("program", lambda: _compile(self.loaded))

    def _apply_evidence(self, program: Program, seed: int = 0) -> Program:
        """A program of the model, with the hints of the evidence as virtual evidence."""
        return program if self.evidence is None else self.evidence.with_reports(program, seed)

    def drawn(self, seed: int, draws: int) -> Program:
        """The model compiled with values of its uncertain judgements for as many draws; the last one is remembered."""
        if (seed, draws) not in self._last_drawn_program:
            self._last_drawn_program.clear()
            program = self._get_or_make(f"drawn {seed} {draws}", lambda: _compile_draws(self.loaded, seed, draws))
            self._last_drawn_program[seed, draws] = self._apply_evidence(program, seed)
        return self._last_drawn_program[seed, draws]

    @cached_property
    def _last_drawn_program(self) -> dict[tuple[int, int], Program]:
        return {}

    def _get_or_make(self, part: str, make: Callable[[], Part]) -> Part:
        """A part of what is made of the model; recalled where an earlier run has kept it."""
        return make() if self.compile_cache is None else self.compile_cache.get_or_make(self._cache_key(part), make)

    def _cache_key(self, part: str) -> str:
        return f"{part} of {self.request!r}"

    def settled(self, settings: RunSettings) -> RunSettings:
        """Settings as they apply to this model: with its limits, and without draws where no judgement is uncertain."""
        settings = replace(settings, limits=self.limits)
        return settings if not settings.judgements or self.outline.uncertain else replace(settings, judgements=0)

    def programs(self, settings: RunSettings) -> tuple[Program, Callable[[str], Program]]:
        """The program with as many draws of the judgements as settings say, and a function that gives a profile's."""
        seed, draws = settings.seed, settings.judgements
        if not draws:
            return self.program, self.under

        @cache
        def drawn_under(profile: str) -> Program:
            part = f"drawn {seed} {draws} {profile!r}"
            program = self._get_or_make(part, lambda: _compile_draws(self.loaded.with_profile(profile), seed, draws))
            return self._apply_evidence(program, seed)

        return self.drawn(seed, draws), drawn_under

    def under(self, profile: str) -> Program:
        """The program under a profile of the file.

        Raises:
            ModelError, RequestError: as for `load`.
        """
        if profile not in self._program_by_profile:
            self._program_by_profile[profile] = self._apply_evidence(_compile(self.loaded.with_profile(profile)))
        return self._program_by_profile[profile]

    @cached_property
    def _program_by_profile(self) -> dict[str, Program]:
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
        return self._with_request(self.request.with_changes(profile, weights, overrides, sourced_only))

    def _with_request(self, request: Request) -> Self:
        """A study of the same file, read as another request says; the file itself is not read again."""
        study = type(self)(
            request, self.compile_cache, self.loaded.file if self.compile_cache is None else self.file, self.limits
        )
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
        from usru_scenarios.questions.evidence.items import compile_evidence
        from usru_scenarios.questions.evidence.remarks import check_model_name
        from usru_scenarios.reading.evidence import EvidenceText, read_evidence

        day = check_optional_text("as_of", as_of)
        text = evidence
        if not isinstance(text, EvidenceText):
            text = read_evidence(text, confined=self.request.confined)
        questions = tuple(self.loaded.model.questions) if text.file.resolutions else ()
        signposts = self.loaded.model.signposted_states if text.file.looks_for_all else ()
        warnings = tuple(check_model_name(text, self.outline.model.name, self.request.path, lambda: self.loaded.inputs))
        items = compile_evidence(
            text, self.outline, self.program, questions, signposts, as_of=day, file_warnings=warnings
        )
        return replace(self, evidence=items)

    # What engines have of it ------------------------------------------------------------------------------------------

    def _support(self, settings: RunSettings) -> Support:
        """What is possible without conditions, with as many draws of the judgements as settings say; as `drawn`."""
        from usru_scenarios.program.support import Support

        draws = (settings.seed, settings.judgements) if settings.judgements else ()
        if draws not in self._last_support:
            self._last_support.clear()
            program, _ = self.programs(settings)
            part = " ".join(map(str, ("support", *draws)))
            found = self._get_or_make(part, lambda: Support(program).cacheable_findings())
            self._last_support[draws] = Support.from_findings(program, found)
        return self._last_support[draws]

    @cached_property
    def _last_support(self) -> dict[tuple[int, ...], Support]:
        return {}

    def _kernel_cache(self, settings: RunSettings) -> KernelCache:
        """A cache of the kernels that sampling compiles; for the default forecast with those that an earlier run kept.

        Those kernels are several MB, and to compile them takes longer than all else that is done before the trials are
        drawn: so they are kept, but of this run alone, which is the one that is asked for again and again. Blocks that
        are walked together have their kernels in a part of their own: who walks some of them recalls no more.
        """
        from usru_scenarios.sampler.blocks import BlockSampler, CompiledProgram, KernelCache, Plan

        compile_cache, default = self.compile_cache, RunSettings.from_arguments(method=settings.method)
        if compile_cache is None or self.evidence is not None or settings != self.settled(default):
            return KernelCache()
        program, _ = self.programs(settings)
        plan = Plan.of(settings.trials, settings.seed, settings.judgements)
        no_kernels: StepKernels = []

        @cache
        def sampler() -> BlockSampler:
            return BlockSampler(program, plan, draw_outcome=program.outcome_is_read)

        def recall_or_compile(blocks: range) -> StepKernels | None:
            def compile_kernels() -> StepKernels:
                return sampler().range_kernels(blocks) or no_kernels

            most = MOST_KERNEL_BYTES * len(blocks) // plan.blocks
            key = self._cache_key(f"kernels {blocks}")
            return compile_cache.get_or_make(key, compile_kernels, max_bytes=most, fallback=no_kernels) or None

        return KernelCache(compiled_program=CompiledProgram(program, plan, recall_or_compile))

    def _forecast_kernels(self, settings: RunSettings) -> KernelCache:
        """The same for a forecast without conditions, which leaves what it compiles to those that follow.

        Conditions have nodes of their own, and so have draws of the judgements, whose kernels would never be freed.
        """
        if self.compile_cache is None and not settings.judgements:
            return self._shared_kernels.independent_copy()
        return self._kernel_cache(settings)

    @cached_property
    def _shared_kernels(self) -> KernelCache:
        from usru_scenarios.sampler.blocks import KernelCache

        return KernelCache()


def _collect_names(data: dict[str, Any]) -> dict[str, list[str]]:
    from usru_scenarios.model.outline import model_names

    return model_names(data)


def _compile(loaded: Loaded) -> Program:
    from usru_scenarios.program.compilation import compile_model

    return compile_model(loaded.model)


def _compile_draws(loaded: Loaded, seed: int, draws: int) -> Program:
    from usru_scenarios.estimation.estimates import Controls
    from usru_scenarios.program.compilation import compile_model
    from usru_scenarios.program.draws import JudgementDraws

    judgements = JudgementDraws(loaded.model, seed, draws)
    controls = Controls(judgements.controls)
    assert controls.factored  # so that this is kept, too
    return replace(compile_model(loaded.model, judgements.values), controls=controls)
