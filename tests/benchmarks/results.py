"""The published results: every sweep behind docs/RESULTS.md, and the page itself.

    python tests/benchmarks/results.py [SECTION ...] [--page-only]

Runs that are finished are skipped, so that an interrupted command goes on where it stopped. They are in
``outputs/results``; each sweep's full comparison, with speed and memory, is in ``outputs/results/reports``.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.comparability import ComparisonGroup
from harness.analysis.comparison import Comparison, compare
from harness.analysis.variants import Variant, processor_of, versions
from harness.records import store
from harness.records.record import Record
from harness.report import text as wording
from harness.report.tables import best_first

FOLDER = Path("outputs", "results")
PAGE = Path(__file__).parents[2] / "docs" / "RESULTS.md"

COMMON = ("hardware=cpu", "hardware.threads=1")
"""One thread: the losses then depend on no machine's number of cores, and two sweeps can run side by side."""
EVERY = (
    "self_attention,additive_attention,transformer,linear_attention,rnn,lstm,gru,bidirectional,min_gru,s4d,cnn,"
    "bag_of_embeddings,lstm_self_attention,bilstm_self_attention"
)
PROBES = "data=adding,copying,selective_copying,associative_recall,majority,parity,listops,dyck,transcription"


@dataclass
class Section:
    """A part of the page: what the runs of its sweeps, by their names, come to.

    A sweep of several data sets becomes a table with a column for each.
    """

    title: str
    text: str
    sweeps: list[tuple[str, ...]]
    """Each begins with the name that its runs get."""
    seeds: str = "0,1,2"

    @property
    def commands(self) -> list[list[str]]:
        """What is given to ``python -m harness``."""
        return [["-m", *sweep, f"seed={self.seeds}", f"name={name}", *COMMON] for name, *sweep in self.sweeps]


SECTIONS = {
    "imdb": Section(
        "IMDB from scratch",
        "Reviews of films, no pretrained vectors, validation cut from train, test read once at the end.",
        [(name, f"experiment={name}") for name in ("imdb_bigrams", "imdb_self_attention", "imdb_gru")],
    ),
    "imdb_encoders": Section(
        "IMDB, every encoder in one small setting",
        "Width 128, one layer and one head (of an encoder made of others, each of these) over the last 128 words, two "
        "epochs: what an encoder gives before anybody has tuned it; attention without positions. Not here: "
        "`jordan_rnn` and `variant`, loops in Python that would take hours.",
        [("imdb_encoders", "experiment=imdb_encoders", f"encoder={EVERY}")],
    ),
    "ud_ewt": Section(
        "Parts of speech, English Web Treebank",
        "A label for every word, 17 classes; a bidirectional LSTM over words alone, and over words and their characters.",
        [(name, f"experiment={name}") for name in ("ud_ewt_bilstm", "ud_ewt_bilstm_word_char")],
    ),
    "probes": Section(
        "Probes",
        "What an encoder can do at all, with a small model and a short training; [PROBES.md](PROBES.md) says what is "
        "expected of whom, and what is had without the ability that is asked for. Attention is given positions. The "
        "share of right answers on the test split, for `adding` of those within 0.04; for transcription the share of "
        "wrong labels.",
        [
            ("probes", "experiment=probe", "encoder=bag_of_embeddings,rnn,lstm,gru,min_gru,cnn,s4d", PROBES),
            ("probes", "experiment=probe", "encoder=self_attention,linear_attention", "position=sinusoidal", PROBES),
            ("probes", "experiment=probe", "encoder=transformer", "encoder.rotary=true", PROBES),
        ],
    ),
}


def main() -> int:
    """Run the sweeps, all or those named, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--page-only", action="store_true", help="write the page from the runs that are there")
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


def page(found: list[Record], before: str) -> str:
    """The page in Markdown, of what was found; a section of which nothing was keeps what it said ``before``."""
    lines = [
        "# Results",
        "",
        "Made by `make results`, which runs every command below and writes this page (what is finished is not run "
        "again). A number is the mean over seeds, ± half a 95 % t-interval; behind it may stand a mark:",
        f"{_escaped(wording.LEGEND.split('   !')[0])}.",
        "Speed is not told here: [PERFORMANCE.md](PERFORMANCE.md) has it, as ratios on a quiet machine. Minutes are "
        "the clock's, while the machine did other things too; some runs stood still for a while.",
        "",
    ]
    for section in SECTIONS.values():
        names = {name for name, *_ in section.sweeps}
        there = [record for record in found if record.name in names]
        runs = _newest(there)
        lines += [f"## {section.title}", "", section.text, "", "```bash"]
        lines += [*(f"python -m harness {' '.join(command)}" for command in section.commands), "```", ""]
        if not any(record.status == "finished" for record in runs):
            told = before.partition(f"## {section.title}\n")[2].partition("\n## ")[0]
            lines += [told.rpartition("```\n")[2].strip() or "Not run yet.", ""]
            continue
        compared = compare(runs, section.title)
        of_one = len({record.choices["data"] for record in runs}) == 1
        table = _by_run(compared, several=len(names) > 1) if of_one else _by_data(compared)
        lines += [*table, "", _made_with(runs)]
        if outdated := len(there) - len(runs):
            lines.append(f"Not shown: {outdated} runs of earlier data, versions or settings.")
        lines.append("")
    return "\n".join(lines)


def _newest(runs: list[Record]) -> list[Record]:
    """Those that can stand in one table: of each data set the newest content and versions, of each variant its newest."""
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
        yield f"| {' | '.join([name, wording.seeds(variant), *(_number(variant, one) for one in shown), *rest])} |"


def _by_data(compared: Comparison) -> Iterator[str]:
    groups = {group.variants[0].record["choices"]["data"]: group for group in compared.groups}
    yield f"| encoder | {' | '.join(groups)} |"
    yield "|---|" + "---:|" * len(groups)
    encoders = dict.fromkeys(variant.record.choices["encoder"] for group in groups.values() for variant in group.variants)
    for encoder in encoders:
        yield f"| {' | '.join([encoder, *(_of_encoder(group, encoder) for group in groups.values())])} |"
    seeds = sorted({wording.seeds(variant) for group in groups.values() for variant in group.variants})
    yield ""
    yield f"Seeds behind a number: {' or '.join(seeds)}."


def _of_encoder(group: ComparisonGroup, encoder: str) -> str:
    variants = (variant for variant in group.variants if variant.record.choices["encoder"] == encoder)
    quality = "test/accuracy" if "test/accuracy" in group.metrics else group.quality
    return next((_number(variant, quality) for variant in variants), "-")


def _number(variant: Variant, metric: str) -> str:
    return _escaped(f"{wording.with_interval(variant.means.get(metric))} {wording.mark(variant, metric)}".strip())


def _escaped(text: str) -> str:
    return text.replace("*", "\\*").replace("~", "\\~")


def _made_with(runs: list[Record]) -> str:
    newest = max(runs, key=lambda record: record.started)
    machine = newest.environment
    packages = ", ".join(f"{name} {machine['versions'][name]}" for name in ("python", "torch", "numpy"))
    commits = dict.fromkeys((run.environment.git or {}).get("commit", "unknown")[:12] for run in runs)
    threads = f"{machine['hardware']['threads']} of {machine['cores']} cores"
    said = f"commit{'s' * (len(commits) > 1)} {', '.join(commits)}"
    return f"Made {newest['started'][:10]} on {machine['processor']}, {threads}; {packages}; {said}."


if __name__ == "__main__":
    sys.exit(main())
