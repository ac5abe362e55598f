"""``python -m harness export``: write a run's model as a file that runs without the harness.

    python -m harness export RUN --format onnx
    python -m harness export RUN --format onnx --measure
    python -m harness export best:imdb --format torch --out exported
    python -m harness export best:imdb --format mlflow --out model   # mlflow models serve -m model --env-manager local

RUN is the folder of a run, its MLflow run id, or best:NAME. Exit codes: 0; 2 the user must fix something, or the file
would have given other outputs than the run.
"""

import argparse
import time
from pathlib import Path

from harness.errors import UserError
from harness.notices import notify

USER_ERROR = 2
FORMATS = ("onnx", "torch", "keras", "mlflow")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _export(options)
    except UserError as error:
        notify(error)
        return USER_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m harness export", description="Write a run's model as a file that runs without the harness."
    )
    parser.add_argument("run", metavar="RUN", help="the folder of a run, its MLflow run id, or best:NAME")
    parser.add_argument("--format", required=True, choices=FORMATS, help="onnx, torch (.pt2), keras (.keras) or mlflow")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="default: export/FORMAT in the run's folder")
    parser.add_argument("--measure", action="store_true", help="of onnx: what it costs to serve, also in int8")
    parser.add_argument("--output-dir", type=Path, default=Path("outputs"), help="where runs are; default: outputs")
    return parser


def _export(options: argparse.Namespace) -> int:
    from harness.backends.trained import finished_record
    from harness.records import store
    from harness.records.metrics import number
    from harness.runner.export import export_run, serving
    from harness.runner.run_reference import find_run

    if options.measure and options.format != "onnx":
        raise UserError("--measure measures the model in ONNX Runtime: take it with --format onnx")
    run = find_run(options.run, options.output_dir)
    if options.measure:
        serving.limit_tokenizers(finished_record(run).environment.hardware.threads)
    notify(f"export: writing the {options.format} model, then comparing its answers")
    made = export_run(run, options.format, options.out or run / store.EXPORTS / options.format)
    lengths = ", ".join(map(str, made.lengths))
    print(
        f"{made.file}: gives the run's outputs (largest difference {made.difference:.1g}) for sequences of {lengths} "
        f"steps, {'put together from its data' if made.prepared else 'drawn at random'}, alone and in batches"
    )
    if options.format != "mlflow" and made.model.record.config["hardware"]["precision"] == "bf16":
        print("it computes in float32: the run's own outputs, in bfloat16, differ by their rounding")
    if options.measure:
        notify("export: measuring what it costs to serve")
        found, why_not_recorded = serving.serve_exported(made, time.perf_counter)
        for name, value in serving.metrics_of(found).items():
            print(f"{name}  {number(name, value)}")
        for sentence in filter(None, (serving.reason(found), why_not_recorded)):
            print(sentence)
    return 0
