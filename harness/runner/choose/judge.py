"""How the candidates of ``choose`` stand: from the records of their seeds to verdicts at the level of a look."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.comparison import compare
from harness.analysis.variants import Variant
from harness.config.requirement import Requirement
from harness.records.record import Record
from harness.runner.choose.plan import Contender, Plan, Run


@dataclass(frozen=True)
class Judge:
    """Compares the candidates' seeds as the report does: by the same rule, margin and requirements.

    ``level`` is that of each look. A requirement excludes a candidate once it has the seeds of the first look.
    """

    plan: Plan
    level: float
    margin: float
    requirements: Sequence[Requirement]

    def group(self, records: Iterable[Record]) -> ComparisonGroup | None:
        """The comparison of these records; None where there is none."""
        if not (known := list(records)):
            return None
        compared = compare(known, "", margin=self.margin, requirements=self.requirements, alpha=self.level)
        return compared.groups[0]

    def contenders(
        self, records: Mapping[Run, Record], failures: Mapping[Run, str], excluded: Mapping[str, str]
    ) -> list[Contender]:
        """How each candidate stands, from the finished and the failed runs; ``excluded`` are those with a reason."""
        seeds = {run: record for run, record in records.items() if run.stage == "seeds"}
        group = self.group(seeds.values())
        variants = variants_of(group, seeds) if group else {}
        contenders = []
        for name in self.plan.candidates:
            finished = tuple(run.number for run in seeds if run.candidate == name)
            failed = tuple(run.number for run in failures if run.candidate == name and run.stage == "seeds")
            reason, standing = excluded.get(name), None
            if group and (variant := variants.get(name)):
                standing = variant.standings.get(group.quality)
                if group.sifted and variant in group.sifted.excluded and len(finished) >= self.plan.looks[0]:
                    reason = reason or group.sifted.reason(variant)
            contenders.append(Contender(name, finished, failed, reason, standing))
        return contenders


def variants_of(group: ComparisonGroup, seeds: Mapping[Run, Record]) -> dict[str, Variant]:
    """The variant of each candidate with finished seeds in this group.

    Machines with other versions of packages would make a second group, which is not compared with the first.
    """
    variant_of = {record.fingerprint: variant for variant in group.variants for record in variant.runs}
    return {
        run.candidate: variant_of[record.fingerprint]
        for run, record in seeds.items()
        if record.fingerprint in variant_of
    }
