"""Which run a command means: a folder, an MLflow run id, or ``best:NAME``, the best of an experiment by validation."""

import os.path
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from harness import tracking
from harness.analysis.best_run import LOSS, best_run, merit
from harness.analysis.comparability import ComparisonGroup, make_groups
from harness.analysis.differences import DIGITS
from harness.analysis.listed import listed
from harness.analysis.targets import score_on_validation
from harness.analysis.variants import Variant, gather
from harness.errors import UserError
from harness.notices import notify
from harness.records import store
from harness.records.record import Record

BEST = "best:"
RUN_ID = re.compile(r"(?:runs:/)?([0-9a-f]{32})(?:/.*)?")
"""An MLflow run id, also as MLflow's pages write it."""
FEW = 3
"""A sentence names so many runs."""


def find_run(reference: str, output_dir: Path) -> Path:
    """The folder of the run that a reference names.

    - A folder: as it is, or below ``output_dir`` or its ``runs``.
    - An MLflow run id: that of a record in ``output_dir``, else of a run that the tracking store knows.
    - ``best:NAME``: of the experiment NAME, the variant with the best mean score on validation, and of its seeds the
      one with the best score on validation. The line on standard error says which it is, and why.

    Raises:
        UserError: there is no such run, or the runs of the experiment cannot be compared with each other.
    """
    if reference.startswith(BEST):
        return _best(reference.removeprefix(BEST), output_dir)
    places = [Path(reference), output_dir / reference, output_dir / "runs" / reference]
    folders = [place.parent if place.name == store.RECORD else place for place in places]
    # os.path: a text in place of a run may be too long for the name of a file
    if folder := next((one for one in folders if os.path.isfile(one / store.RECORD)), None):
        return folder
    if found := RUN_ID.fullmatch(reference):
        return _of_mlflow(found[1], output_dir)
    if folder := next((one for one in folders if reference and os.path.isdir(one)), None):
        raise UserError(_of_folder_without_record(folder))
    raise UserError(
        f"there is no run {reference!r}: name the folder of a run, its MLflow run id, or best:NAME for the best run of "
        f"an experiment; {_near(reference, output_dir)}"
    )


def _of_mlflow(run_id: str, output_dir: Path) -> Path:
    records = store.read_all(output_dir / "runs")
    if record := next((record for record in records if record.mlflow_run_id == run_id), None):
        return record.folder
    run_dir = tracking.run_dir_of(run_id, output_dir)
    if run_dir is None:
        raise UserError(
            f"no record below {output_dir / 'runs'} has the MLflow run id {run_id}, and MLflow does not know it; name "
            "the output folder of the run with --output-dir (output_dir in Python)"
        )
    if not (output_dir / run_dir / store.RECORD).is_file():
        raise UserError(
            f"the MLflow run {run_id} is kept in {run_dir}, which is not below {output_dir}; name its output folder "
            "with --output-dir (output_dir in Python)"
        )
    return output_dir / run_dir


def _best(name: str, output_dir: Path) -> Path:
    left_out: list[str] = []
    trained = [
        record for record in store.read_all(output_dir / "runs", left_out)
        if record.mode == "train" and not record.is_trial
    ]  # fmt: skip
    records = [record for record in trained if record.name == name]
    for sentence in left_out:
        notify(f"left out: {sentence}")
    if not records:
        names = sorted({record.name for record in trained})
        near = get_close_matches(name, names, n=FEW) or names
        others = f"take one of {listed(near)}" if near else "there is no experiment"
        raise UserError(f"best:{name}: no run below {output_dir / 'runs'} is of the experiment {name!r}; {others}")
    finished = [variant for variant in gather(records).variants if variant.runs]
    if not finished:
        why = next((record.reason for record in records if record.reason), "no reason was recorded")
        raise UserError(f"best:{name}: none of the {len(records)} runs of this experiment has finished ({why})")
    groups = make_groups(finished)
    if len(groups) > 1:
        each = "; ".join(f"{group.title}: {_place(_best_of(group, name)[1], output_dir)}" for group in groups[:FEW])
        raise UserError(
            f"best:{name}: the runs of this experiment are on {len(groups)} data sets or versions of packages, whose "
            f"scores cannot be compared; name the folder of a run, such as the best on each ({each})"
        )
    variant, run, metric = _best_of(groups[0], name)
    notify(_why(variant, run, metric, finished, output_dir))
    return run.folder


def _best_of(group: ComparisonGroup, name: str) -> tuple[Variant, Record, str]:
    """The best variant of a group on validation, the best of its runs, and the metric that says so.

    Of equally good ones, it is the one with the lowest loss on validation, as of equally good epochs.

    Raises:
        UserError: the runs have no score on validation.
    """
    metric = score_on_validation([run for variant in group.variants for run in variant.runs])
    scored = [variant for variant in group.variants if len(variant.values(metric)) == len(variant.runs)]
    if not scored:
        raise UserError(f"best:{name}: its runs have no score on validation ({metric}); name the folder of a run")

    def of_variant(variant: Variant) -> tuple[float, float]:
        return merit(metric, lambda name: variant.means[name].mean if name in variant.means else None)

    variant = max(scored, key=of_variant)
    run = best_run(variant.runs, metric)
    assert run is not None  # all its runs have the score
    return variant, run, metric


def _why(variant: Variant, run: Record, metric: str, variants: Sequence[Variant], output_dir: Path) -> str:
    score, seeds = run.metrics[metric], len(variant.runs)
    if seeds > 1:
        own = f"{metric} {variant.means[metric].mean:.4g}, the mean over {seeds} seeds"
        tied = _shared([one.metrics[metric] for one in variant.runs], score)
        why = f"{own}; of these, seed {run.seed} is best ({score:.4g}){tied}"
    else:
        why = f"{metric} {score:.4g}, seed {run.seed}"
    among = f"the best of {len(variants)} variants on validation" if len(variants) > 1 else "the only variant"
    means = [one.means[metric].mean for one in variants if metric in one.means]
    among += _shared(means, variant.means[metric].mean)
    return f"best:{run.name} is {_place(run, output_dir)}: {variant.name}, {among} ({why})"


def _shared(scores: Sequence[float], best: float) -> str:
    """What is said where several have the best of these scores."""
    others = sum(round(score, DIGITS) == round(best, DIGITS) for score in scores) - 1
    return f", as good as {others} other{'s' * (others > 1)}, whose {LOSS} is not lower" if others > 0 else ""


def _of_folder_without_record(folder: Path) -> str:
    found = sorted(store.run_folders(folder))
    inside = [one for one in found if "mlartifacts" not in one.relative_to(folder).parts]  # MLflow's copies
    if not inside:
        return f"{folder} has no {store.RECORD}, so it is not the folder of a run; name one, such as runs/NAME/LABEL"
    some = listed([str(one) for one in inside], FEW)
    return f"{folder} is not the folder of a run, but has {len(inside)} in it; name one of them ({some}), or best:NAME"


def _near(reference: str, output_dir: Path) -> str:
    """The runs and experiments whose names are the nearest; the newest ones where no name is near."""
    records = [record for record in store.read_all(output_dir / "runs") if record.mode == "train"]
    if not records:
        return f"there are no runs below {output_dir / 'runs'}"
    meant = {record.label: _place(record, output_dir) for record in records}
    meant |= {record.folder.name: _place(record, output_dir) for record in records}
    meant |= {record.name: f"{BEST}{record.name}" for record in records}
    near = [meant[one] for one in get_close_matches(Path(reference).name, list(meant), n=FEW, cutoff=0.5)]
    newest = [_place(record, output_dir) for record in reversed(records)][:FEW]
    return f"such as {listed(list(dict.fromkeys(near or newest)), FEW)}"


def _place(record: Record, output_dir: Path) -> str:
    return str(output_dir / record.run_dir) if (output_dir / record.run_dir).is_dir() else str(record.folder)
