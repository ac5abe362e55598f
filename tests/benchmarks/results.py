"""The published results: runs every sweep of docs/RESULTS.md and writes that page.

    python tests/benchmarks/results.py [SECTION ...] [--page-only]

Finished runs are skipped, so that an interrupted command resumes where it stopped. The runs are in
``outputs/results``; each sweep's full comparison, with speed and memory, is in ``outputs/results/reports``.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.comparability import ComparisonGroup, best_first
from harness.analysis.comparison import Comparison, compare
from harness.analysis.variants import Variant, processor_of, versions
from harness.records import store
from harness.records.record import Record
from harness.report import text as wording
from harness.report import verdict_text

FOLDER = Path("outputs", "results")
PAGE = Path(__file__).parents[2] / "docs" / "RESULTS.md"

COMMON = ("hardware=cpu", "hardware.threads=1")
"""One thread: the losses then do not depend on the machine's number of cores, and two sweeps can run at once."""
EVERY = (
    "self_attention,additive_attention,transformer,linear_attention,rnn,lstm,gru,bidirectional,min_gru,s4d,cnn,"
    "bag_of_embeddings,lstm_self_attention,bilstm_self_attention"
)
PROBES = "data=adding,copying,selective_copying,associative_recall,majority,parity,listops,dyck,transcription"


@dataclass
class Section:
    """A part of the page: the results of its sweeps, whose runs are found by their name.

    A sweep of several data sets becomes a table with one column per data set.
    """

    title: str
    text: str
    sweeps: list[tuple[str, ...]]
    """The name of its runs, then its overrides."""
    seeds: str = "0,1,2"

    @property
    def commands(self) -> list[list[str]]:
        """The arguments of ``python -m harness``, one list per sweep."""
        return [["-m", *sweep, f"seed={self.seeds}", f"name={name}", *COMMON] for name, *sweep in self.sweeps]


SECTIONS = {
    "imdb": Section(
        "IMDB from scratch",
        "Film reviews, without pretrained vectors. Validation is cut from train; test is read once, at the end.",
        [(name, f"experiment={name}") for name in ("imdb_bigrams", "imdb_self_attention", "imdb_gru")],
    ),
    "imdb_encoders": Section(
        "IMDB, every encoder in one small setting",
        "Width 128, one layer and one head (in each part of a composed encoder), the last 128 words, two epochs, "
        "attention without positions: the result of an encoder without tuning. `jordan_rnn` and `cell` are left out: "
        "they are Python loops and would take hours.",
        [("imdb_encoders", "experiment=imdb_encoders", f"encoder={EVERY}")],
    ),
    "ud_ewt": Section(
        "Parts of speech, English Web Treebank",
        "One label per word, 17 classes. A bidirectional LSTM over words only, and over words and their characters.",
        [(name, f"experiment={name}") for name in ("ud_ewt_bilstm", "ud_ewt_bilstm_word_char")],
    ),
    "probes": Section(
        "Probes",
        "What an encoder can do at all, with a small model and a short training. [PROBES.md](PROBES.md) gives the "
        "expected results, and the scores that a model reaches without the tested ability. Attention encoders get "
        "positions. The numbers are accuracy on the test split, for `adding` the share of answers within 0.04; for "
        "`transcription` the label error rate.",
        [
            ("probes", "experiment=probe", "encoder=bag_of_embeddings,rnn,lstm,gru,min_gru,cnn,s4d", PROBES),
            ("probes", "experiment=probe", "encoder=self_attention,linear_attention", "position=sinusoidal", PROBES),
            ("probes", "experiment=probe", "encoder=transformer", "encoder.rotary=true", PROBES),
        ],
    ),
}


def main() -> int:
    """Run all sweeps, or those of the named sections, and write the page; returns the highest exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--page-only", action="store_true", help="write the page from the existing runs")
    chosen = parser.parse_args()
    if unknown := set(chosen.sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}")
    codes = [0]
    for name in () if chosen.page_only else chosen.sections or SECTIONS:
        codes += [_run(command) for command in SECTIONS[name].commands]
    PAGE.write_text(page(list(store.read_all(FOLDER / "runs")), PAGE.read_text(encoding="utf8")), encoding="utf8")
    print(f"page    {PAGE}")
    return max(map(abs, codes))


def _run(command: list[str]) -> int:
    print(f"python -m harness {' '.join(command)}", flush=True)
    return subprocess.run([sys.executable, "-m", "harness", *command, f"output_dir={FOLDER}"], check=False).returncode


def page(records: list[Record], before: str) -> str:
    """The page in Markdown; a section without a finished run keeps its table of the page ``before``."""
    lines = [
        "# Results",
        "",
        "`make results` runs every command below and writes this page; finished runs are not repeated. A number is the "
        "mean over seeds, ± half a 95 % t-interval. A mark can follow it:",
        f"{_escaped(verdict_text.legend(verdict_text.MARKS.values()))}.",
        "[PERFORMANCE.md](PERFORMANCE.md) has the speed, as ratios on a quiet machine. The minutes here are wall time "
        "on a machine with other work; some runs were paused for a while.",
        "",
    ]
    for section in SECTIONS.values():
        names = {name for name, *_ in section.sweeps}
        own = [record for record in records if record.name in names]
        runs = _newest(own)
        lines += [f"## {section.title}", "", section.text, "", "```bash"]
        lines += [*(f"python -m harness {' '.join(command)}" for command in section.commands), "```", ""]
        if not any(record.status == "finished" for record in runs):
            text_before = before.partition(f"## {section.title}\n")[2].partition("\n## ")[0]
            lines += [text_before.rpartition("```\n")[2].strip() or "Not run yet.", ""]
            continue
        compared = compare(runs, section.title)
        of_one = len({record.choices["data"] for record in runs}) == 1
        table = _by_run(compared, several=len(names) > 1) if of_one else _by_data(compared)
        lines += [*table, "", _measured_on(runs)]
        if outdated := len(own) - len(runs):
            lines.append(f"Not shown: {outdated} runs with earlier data, versions or settings.")
        lines.append("")
    return "\n".join(lines)


def _newest(runs: list[Record]) -> list[Record]:
    """The runs that can share a table: each data set's newest content and versions, each variant's newest settings."""
    by_age = sorted(runs, key=lambda run: run.started)

    def data(run: Record) -> str:
        return run.choices["data"]

    def variant(run: Record) -> tuple[str, ...]:
        return run.name, data(run), run.choices["encoder"]

    shared = {data(run): (run.data.hash, versions(run)) for run in by_age}
    kept = [run for run in by_age if (run.data.hash, versions(run)) == shared[data(run)]]
    newest = {variant(run): (run.variant, processor_of(run)) for run in kept}
    return [run for run in kept if (run.variant, processor_of(run)) == newest[variant(run)]]


def _by_run(compared: Comparison, several: bool) -> Iterator[str]:
    (group,) = compared.groups
    shown = [name for name in (group.quality, "test/f1_macro", "cost/parameters") if name in group.metrics]
    yield f"| {' | '.join(['run', 'seeds', *shown, 'epochs', 'longest run, minutes'])} |"
    yield "|---|" + "---:|" * (len(shown) + 3)
    for variant in best_first(group, group.variants):
        name = variant.record.name if several else variant.record.choices["encoder"]
        minutes = max((run.metrics["speed/total_seconds"] / 60 for run in variant.runs), default=0)
        rest = [str(variant.record.config["trainer"]["epochs"]), f"{minutes:.1f}"]
        numbers = (_number(group, variant, one) for one in shown)
        yield f"| {' | '.join([name, wording.seeds(variant), *numbers, *rest])} |"


def _by_data(compared: Comparison) -> Iterator[str]:
    groups = {group.variants[0].record.choices["data"]: group for group in compared.groups}
    yield f"| encoder | {' | '.join(groups)} |"
    yield "|---|" + "---:|" * len(groups)
    variants = [variant for group in groups.values() for variant in group.variants]
    encoders = dict.fromkeys(variant.record.choices["encoder"] for variant in variants)
    for encoder in encoders:
        yield f"| {' | '.join([encoder, *(_of_encoder(group, encoder) for group in groups.values())])} |"
    seeds = sorted({wording.seeds(variant) for variant in variants})
    yield ""
    yield f"Seeds per number: {' or '.join(seeds)}."


def _of_encoder(group: ComparisonGroup, encoder: str) -> str:
    variants = (variant for variant in group.variants if variant.record.choices["encoder"] == encoder)
    quality = "test/accuracy" if "test/accuracy" in group.metrics else group.quality
    return next((_number(group, variant, quality) for variant in variants), "-")


def _number(group: ComparisonGroup, variant: Variant, metric: str) -> str:
    sign = verdict_text.mark(group, variant, metric)
    return _escaped(f"{wording.with_interval(variant.means.get(metric))} {sign}".strip())


def _escaped(text: str) -> str:
    return text.replace("*", "\\*").replace("~", "\\~")


def _measured_on(runs: list[Record]) -> str:
    newest = max(runs, key=lambda record: record.started)
    machine = newest.environment
    packages = ", ".join(f"{name} {machine.versions[name]}" for name in ("python", "torch", "numpy"))
    commits = dict.fromkeys(run.environment.git.get("commit", "unknown")[:12] for run in runs)
    threads = f"{machine.hardware.threads} of {machine.cores} cores"
    code = f"commit{'s' * (len(commits) > 1)} {', '.join(commits)}"
    return f"Measured {newest.started[:10]} on {machine.processor}, {threads}; {packages}; {code}."


if __name__ == "__main__":
    sys.exit(main())
