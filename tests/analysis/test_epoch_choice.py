"""Runs whose epoch validation did not choose are marked, on the terminal and in a comparison."""

from made_records import made, over_seeds

from harness.analysis.comparison import compare
from harness.analysis.epoch_choice import epoch_choice, of_runs
from harness.report.notes import notes
from harness.report.terminal import print_runs


def run(monitor="auto", validation=17, encoder="lstm", **more):
    sizes = {"train": 53, "validation": validation, "test": 19}
    return made(encoder, config={"trainer.monitor": monitor}, data={"sizes": sizes}, **more)


def test_the_choice_in_words():
    assert epoch_choice(run()) == epoch_choice(run("val/loss")) == epoch_choice(made()) == ""
    assert epoch_choice(run("train/loss")) == "epoch chosen on training loss"
    assert epoch_choice(run("train/mse")) == "epoch chosen on training error"
    assert epoch_choice(run("last")) == "last epoch used, none chosen"
    assert epoch_choice(run("train/loss", 0)) == "epoch chosen on training loss, trained without validation"


def test_runs_are_counted_where_not_all_are_alike(capsys):
    assert of_runs([run("last", 0)] * 2) == ["last epoch used, none chosen, trained without validation"]
    assert of_runs([run("last"), run(), run("last")]) == ["last epoch used, none chosen (2 of 3 runs)"]
    assert of_runs([run(), run()]) == []
    print_runs([run("train/loss")])
    assert "note    epoch chosen on training loss\n" in capsys.readouterr().out


def test_a_comparison_names_the_variants_that_were_chosen_otherwise():
    chosen = over_seeds("lstm", [0.9, 0.8])
    others = []
    for monitor in ("train/loss", "last"):
        others += over_seeds("lstm", [0.7, 0.6], config={"trainer.monitor": monitor})
    for record in chosen:
        record.config["trainer"]["monitor"] = "auto"
    found = notes(compare([*chosen, *others], "digits"))
    assert "digits: epoch chosen on training loss, unlike for other variants: lstm, monitor=train/loss." in found
    assert "digits: last epoch used, none chosen, unlike for other variants: lstm, monitor=last." in found
    assert not any("epoch" in note for note in notes(compare(chosen, "digits")))
    assert "digits: epoch chosen on training loss." in notes(compare(others[:2], "digits"))
