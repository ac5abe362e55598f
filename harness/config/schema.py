"""The typed config: one tree, validated once, read by attribute, never edited. What is printed is what runs.

Every key has a type, bounds and a description here. The keys of the parts that name code (``data``, ``encoder``,
``pooling``, ``position``) are passed on to that code, which checks them when it is called.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from harness.records.metrics import ON_VALIDATION

AUTO = "auto"
LAST_EPOCH = "last"
"""A value of ``trainer.monitor``: the last epoch is used, so that nothing chooses."""
AFTERWARDS = ("attention_examples", "target", "serve")
"""Keys of ``measure`` that are used after all measurements, so that they decide none; with another ``target``, a
finished run is not trained again: its history has the seconds to every target."""
CLASS_WEIGHTS = "class_weights"
"""The key of ``data`` that changes the training loss and not the data: the loader does not get it."""
UNUSED = {"train": ("profile",), "profile": ("trainer", "optimizer", "measure")}
"""The keys that a run of each mode does not use."""

Count = Annotated[int, Field(strict=True, ge=1)]
CountOrZero = Annotated[int, Field(strict=True, ge=0)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(strict=True, gt=0, lt=1, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, lt=1, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Text = BeforeValidator(lambda value: str(value) if isinstance(value, int) and not isinstance(value, bool) else value)


class Part(BaseModel):
    """A part of the config: it has exactly these keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BackendConfig(Part):
    """Which framework trains."""

    name: str = Field(description="pytorch or tensorflow")


class HardwareConfig(Part):
    """What a run may use of the machine."""

    accelerator: Literal["auto", "cpu", "gpu", "mps"] = Field(description="the kind of device: auto, cpu, gpu or mps")
    devices: Count = Field(description="processes of a data-parallel run, on each node")
    nodes: Count = Field(description="machines of a data-parallel run")
    precision: Annotated[Literal["32", "bf16"], Text] = Field(description="32: float32; bf16: bfloat16, where safe")
    threads: Count | None = Field(description="threads of each process; null: its share of the processors")


class CharactersConfig(Part):
    """The convolution over the characters of a word."""

    size: Count = Field(description="width of the embedding of a character")
    filters: Count = Field(description="filters of the convolution")
    kernel: Count = Field(description="characters that a filter spans")


class BigramsConfig(Part):
    """The hashed embeddings of word bigrams."""

    buckets: Count = Field(description="rows of the embedding table; several bigrams share a row")


class InputConfig(Part):
    """From token ids or feature vectors to the input of the encoder."""

    size: Count | None = Field(description="width of the embedding; null leaves feature vectors as they are")
    one_hot: Flag = Field(description="token ids as one-hot vectors, without an embedding")
    dropout: Share = Field(description="dropout probability of the embedded input")
    word_dropout: Share = Field(description="probability that a training token is replaced by [UNK]")
    characters: CharactersConfig | None = Field(description="the convolution over characters; null: words only")
    bigrams: BigramsConfig | None = Field(description="the hashed embeddings of bigrams; null: words only")
    vectors: str | None = Field(description="file of word vectors that the embedding starts from; null: random values")
    frozen: Flag | None = Field(description="whether input.vectors stay as they are; null: they are trained")


class HeadConfig(Part):
    """From the pooled vector, or from each step, to the output."""

    hidden_sizes: list[Count] = Field(description="widths of the dense relu layers before the output")
    dropout: Share = Field(description="dropout probability of the input of the head")


class OptimizerConfig(BaseModel):
    """The optimizer; other keys are passed to the framework's class, which refuses unknown ones."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(description="adam, adamw, sgd, adadelta, lazy_adam or custom")
    lr: Positive = Field(description="learning rate")
    schedule: Literal["constant", "cosine", "inverse_time", "plateau"] = Field(
        description="change of the rate: constant, cosine, inverse_time or plateau"
    )
    decay: Number = Field(description="decay per step of the schedule inverse_time")
    factor: Fraction | None = Field(description="what a plateau multiplies the learning rate by; null: no plateau")
    patience: Count | None = Field(description="epochs without a better score that make a plateau")
    min_lr: NotNegative | None = Field(description="learning rate that no plateau goes below; null: 0")


class TrainerConfig(Part):
    """How the model is trained."""

    epochs: Count = Field(description="passes over the training split; data=digits sets 20")
    batch_size: Count = Field(description="sequences in a training batch")
    eval_batch_size: Count = Field(description="sequences in an evaluation batch")
    bucket: Flag = Field(description="group sequences of similar length")
    monitor: Literal["auto", *ON_VALIDATION, "train/loss", "train/mse", "last"] = Field(  # type: ignore[valid-type]
        description="the metric that chooses the best epoch; last: nothing chooses, the last epoch is used"
    )
    patience: Count | None = Field(description="epochs without a better score after which training stops; null: never")
    clip_norm: Positive | None = Field(description="largest norm of the gradients; null: no clipping")
    report_test_each_epoch: Flag = Field(description="also record each epoch's test metrics; nothing is chosen by them")
    compile: Flag = Field(description="compile the training step with XLA (backend=tensorflow)")


class MeasureConfig(Part):
    """How speed and latency are measured."""

    warmup_steps: CountOrZero = Field(description="training steps before timing starts")
    warmup_seconds: NotNegative = Field(description="seconds after the first training step before timing starts")
    latency_length: Count | None = Field(description="steps of the sequence for latency; null: the longest of the data")
    latency_passes: Count = Field(description="minimum number of timed passes for latency")
    latency_seconds: Positive = Field(description="minimum seconds of timed passes for latency")
    inference_batches: Count = Field(description="validation batches that inference throughput is measured on")
    inference_seconds: Positive = Field(description="minimum seconds of timed inference")
    target: Number | None = Field(description="score of trainer.monitor whose seconds are recorded; null: none")
    serve: Flag = Field(description="measure the exported model in ONNX Runtime, from text to answer, also in int8")
    attention_examples: CountOrZero = Field(description="test sequences whose attention weights are plotted")


class TrackingConfig(Part):
    """Where MLflow stores runs."""

    uri: str | None = Field(description="null: sqlite in output_dir; none: no MLflow; or any tracking URI")
    system_metrics_seconds: Positive | None = Field(description="seconds between samples of the load; null: no samples")
    log_model: Flag = Field(default=True, description="log the trained model of each finished run as an MLflow model")


class TuneConfig(Part):
    """The trials that choose settings for every encoder, on validation; ``search_space`` reads ``space``."""

    space: dict[str, Any] = Field(description="settings to try, as the config has them: lists of values, or ranges")
    trials: Count | None = Field(description="settings that each encoder tries; null: all combinations of the values")
    seed: CountOrZero = Field(description="seed of the trials, and of random settings")
    prune: Flag = Field(description="stop a trial that is worse than the median of the finished ones")
    trial: CountOrZero | None = Field(description="number of this trial, from 0; null: no trial; set by the sweep")


class ProfileConfig(Part):
    """What ``mode=profile`` measures."""

    name: str = Field(description="the MLflow experiment of profiles")
    lengths: list[Count] = Field(min_length=1, description="sequence lengths in steps")
    batch_sizes: list[Count] = Field(min_length=1, description="sequences in a batch")
    vocabulary_size: Annotated[int, Field(strict=True, ge=2)] = Field(description="number of different random tokens")
    warmup_passes: CountOrZero = Field(description="passes before timing starts")
    passes: Count = Field(description="minimum number of timed passes of each kind for a point")
    seconds: Positive = Field(description="minimum seconds of timed passes of each kind for a point")
    point_seconds: Positive = Field(description="seconds after which a point is stopped and marked")


class ReportConfig(Part):
    """How the comparison at the end of a sweep answers."""

    margin: Fraction = Field(description="less than this behind the best is equally good, unless shown to be worse")
    require: list[str] = Field(description="what the recommended variant must meet, such as latency/p50_ms<5")


class Choices(Part):
    """The choice in each config group, for tables and tags; set by Hydra."""

    encoder: str = Field(description="choice of the group encoder")
    pooling: str = Field(description="choice of the group pooling")
    position: str = Field(description="choice of the group position")
    input: str = Field(description="choice of the group input")
    data: str = Field(description="choice of the group data")
    backend: str = Field(description="choice of the group backend")
    hardware: str = Field(description="choice of the group hardware")


class Config(Part):
    """The whole config of a run."""

    mode: Literal["train", "profile"] = Field(description="train on data, or profile on random tokens")
    name: Annotated[str, Field(strict=True, min_length=1)] = Field(description="the MLflow experiment")
    seed: CountOrZero = Field(description="decides initial weights, dropout and the order of batches")
    output_dir: str = Field(description="the folder for all output")
    cache_dir: str = Field(description="the folder for prepared data; output folders may share it")
    rerun: Flag = Field(description="run again although a finished run has the same fingerprint")
    run_timeout: Positive | None = Field(description="seconds after which a run is stopped and counts as failed")
    fail_fast: Flag = Field(description="in a sweep, start no further run after a run has failed")
    sweep: str | None = Field(description="id of the sweep that this run belongs to; set by -m")
    worker: str | None = Field(description="the command of a sweep that this run belongs to; set by -m")
    trial: CountOrZero | None = Field(description="trial of a search that this run belongs to; set by the sweep")
    backend: BackendConfig = Field(description="the framework that trains")
    hardware: HardwareConfig = Field(description="what a run may use of the machine")
    data: dict[str, Any] = Field(description="the data loader, its arguments, and class_weights")
    input: InputConfig = Field(description="from token ids or features to the encoder's input")
    pooling: dict[str, Any] | None = Field(description="the pooling; null where the encoder pools")
    position: dict[str, Any] = Field(description="the position encoding and its arguments")
    encoder: dict[str, Any] = Field(description="the encoder and its arguments")
    head: HeadConfig = Field(description="from the pooled vector to the output")
    optimizer: OptimizerConfig = Field(description="the optimizer and its learning rate")
    trainer: TrainerConfig = Field(description="how the model is trained")
    measure: MeasureConfig = Field(description="how speed and latency are measured")
    tune: TuneConfig = Field(description="trials that choose settings for every encoder")
    tracking: TrackingConfig = Field(description="where MLflow stores runs")
    profile: ProfileConfig = Field(description="what mode=profile measures")
    report: ReportConfig = Field(description="how the comparison at the end of a sweep answers")
    choices: Choices = Field(description="the choice in each config group")

    def to_dict(self) -> dict[str, Any]:
        """The config as plain values, for the record."""
        return self.model_dump()
