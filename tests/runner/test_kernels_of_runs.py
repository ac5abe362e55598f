"""A sweep over kernels: what the records and the comparison say of them."""

from conftest import QUICK


def test_a_sweep_over_kernels_says_which_computed(command):
    ended = command(
        "-m", "encoder=lstm,gru", "encoder.kernel=torch,harness", "encoder.hidden_size=5", *QUICK, "trainer.epochs=1",
        "tracking=none",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    found = {record.label: record.environment.kernels for record in ended.records}
    assert found == {
        f"{encoder}/seed=0/encoder.kernel={kernel}": {"encoder": {"training": kernel, "inference": kernel}}
        for encoder in ("lstm", "gru") for kernel in ("torch", "harness")
    }  # fmt: skip
    scores = {record.label: record.metrics["test/loss"] for record in ended.records}
    for encoder in ("lstm", "gru"):  # the same training, to rounding
        torchs, ours = (scores[f"{encoder}/seed=0/encoder.kernel={kernel}"] for kernel in ("torch", "harness"))
        assert abs(torchs - ours) < 1e-4
    assert "lstm, kernel=harness" in ended.out
    words = " ".join(ended.out.split())
    assert "digits: speed and memory compare kernels as well as encoders: training harness (" in words
