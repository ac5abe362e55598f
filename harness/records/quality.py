"""The metrics of quality, which every split has; the table of all metrics is in ``metrics``."""

from dataclasses import replace

from harness.records.metric import SHARE, Metric


def quality(split: str, where: str) -> dict[str, Metric]:
    """The quality metrics of a split; only those of the test split decide, are gated, in columns and headlines."""
    test = split == "test"
    scores = {
        "accuracy": Metric(
            "", True, f"share of {where} that is labelled correctly", "quality", "accuracy", 1 if test else None,
            run_column=1 if test else None, bounds=SHARE, in_points=True, gated=test, decides=2 if test else None,
        ),
        "f1_micro": Metric(
            "", True, f"F1 over all labels of {where} together, where a sequence has several labels", "quality",
            "micro F1", 3 if test else None, run_column=2 if test else None, bounds=SHARE, in_points=True, gated=test,
            decides=3 if test else None,
        ),
        "exact_match": Metric(
            "", True, f"share of {where} of which every label is right, where a sequence has several labels",
            "quality", "exact match", bounds=SHARE, in_points=True,
        ),
        "label_error_rate": Metric(
            "", False, f"edit distance over target length, both summed over {where}", "quality", "label error rate",
            5 if test else None, run_column=3 if test else None, in_points=True, gated=test,
            decides=4 if test else None,
        ),
        "mse": Metric(
            "", False, f"mean squared error on {where}", "quality", "squared error", 6 if test else None,
            run_column=4 if test else None, gated=test, decides=5 if test else None, difference_format=".2g",
        ),
        "f1_macro": Metric(
            "", True, f"unweighted mean over classes of F1 on {where}; with several labels a sequence, over all "
            "labels of the data", "quality", "macro F1", 4 if test else None, bounds=SHARE, in_points=True,
        ),
        "f1_span": Metric(
            "", True, f"F1 over whole spans of {where}, as seqeval counts them, where tags mark spans", "quality",
            "span F1", 2 if test else None, bounds=SHARE, in_points=True, gated=test, decides=1 if test else None,
        ),
        "loss": Metric(
            "nats", False, f"mean cross-entropy over the labels of {where} that train has, without class weights; of "
            "CTC, per label, over the targets of such labels; with several labels a sequence, binary, over sequences "
            "and classes", "quality", "loss", run_column=5 if test else None,
        ),
    }  # fmt: skip
    return {f"{split}/{name}": replace(metric, headline=test) for name, metric in scores.items()}
