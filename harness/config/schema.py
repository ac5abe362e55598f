"""The typed config: one tree, validated once, read by attribute, edited by nobody. What is printed is what runs.

Every key has a type, its bounds and a description here. Keys that name code (``data``, ``encoder``, ``pooling``,
``position``) are passed on to that code as they are: it checks them when it is called.
"""

from typing import Annotated, Any, Literal

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from harness.config.sentences import sentence
from harness.errors import UserError
from harness.records.metrics import ON_VALIDATION

AUTO = "auto"
SCHEDULES = ("constant", "cosine", "inverse_time")
AFTERWARDS = ("attention_examples",)
"""Keys of ``measure`` for what is done when everything is measured: they decide no number."""
UNUSED = {"train": ("profile",), "profile": ("trainer", "optimizer", "measure")}
"""The keys that a run of each mode does not use."""

Count = Annotated[int, Field(strict=True, ge=1)]
CountOrZero = Annotated[int, Field(strict=True, ge=0)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, lt=1, allow_inf_nan=False)]
Text = BeforeValidator(lambda value: str(value) if isinstance(value, int) and not isinstance(value, bool) else value)


class Part(BaseModel):
    """A part of the config: its keys are these and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BackendConfig(Part):
    """Which framework trains."""

    name: str = Field(description="pytorch or tensorflow")


class HardwareConfig(Part):
    """What a run may use of the machine."""

    accelerator: Literal["auto", "cpu", "gpu", "mps"] = Field(description="the kind of device")
    devices: Count = Field(description="processes that share a training, on each node")
    nodes: Count = Field(description="machines that share a training")
    precision: Annotated[Literal["32", "bf16"], Text] = Field(description="float32, or bfloat16 where it is safe")
    threads: Count | None = Field(description="threads of each process; null: all processors it may use")


class CharactersConfig(Part):
    """The convolution over the characters of a word."""

    size: Count = Field(description="width of a character's embedding")
    filters: Count = Field(description="patterns of characters")
    kernel: Count = Field(description="characters that a pattern spans")


class BigramsConfig(Part):
    """The hashed vectors of pairs of neighbouring words."""

    buckets: Count = Field(description="rows of the table; several pairs share one")


class InputConfig(Part):
    """From token ids or feature vectors to what the encoder reads."""

    size: Count | None = Field(description="width of the embedding; null leaves feature vectors as they are")
    dropout: Share = Field(description="share of the input's numbers that are dropped in training")
    word_dropout: Share = Field(description="share of the training tokens that are read as [UNK]")
    characters: CharactersConfig | None = Field(description="what is read of each word's characters")
    bigrams: BigramsConfig | None = Field(description="vectors of pairs of words beside those of words")


class HeadConfig(Part):
    """From the pooled vector, or each step, to the output."""

    hidden_sizes: list[Count] = Field(description="widths of dense relu layers before the output")
    dropout: Share = Field(description="share of the head's input that is dropped in training")


class OptimizerConfig(BaseModel):
    """The optimizer; keys beside these are passed to the framework's own class, which refuses what it lacks."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(description="adam, adamw, sgd or lazy_adam")
    lr: Positive = Field(description="learning rate")
    schedule: Literal["constant", "cosine", "inverse_time"] = Field(description="how the learning rate changes")
    decay: float = Field(description="per step, for inverse_time")


class TrainerConfig(Part):
    """How a run trains."""

    epochs: Count = Field(description="passes over train")
    batch_size: Count = Field(description="sequences of a training batch")
    eval_batch_size: Count = Field(description="sequences of an evaluation batch")
    bucket: bool = Field(description="group sequences of similar length")
    monitor: Literal["auto", *ON_VALIDATION] = Field(description="the validation metric that chooses the best epoch")  # type: ignore[valid-type]
    patience: Count | None = Field(description="epochs without a better score before training stops; null: never")
    clip_norm: Positive | None = Field(description="norm that gradients are scaled down to; null: none")
    report_test_each_epoch: bool = Field(description="also record the test curve; nothing is chosen by it")
    compile: bool = Field(description="compile the step with XLA (backend=tensorflow)")


class MeasureConfig(Part):
    """How speed is measured."""

    warmup_steps: CountOrZero = Field(description="training steps that are not timed, at the start")
    latency_length: Count | None = Field(description="steps of the sequence that is timed; null: the data's longest")
    latency_passes: Count = Field(description="at least so many single passes")
    latency_seconds: Positive = Field(description="and at least so many seconds of them")
    inference_batches: Count = Field(description="validation batches that throughput is measured on")
    inference_seconds: Positive = Field(description="at least so many seconds of them")
    attention_examples: CountOrZero = Field(description="test sequences whose attention is drawn")


class TrackingConfig(Part):
    """Where MLflow keeps runs."""

    uri: str | None = Field(description="null: sqlite in output_dir; none: no MLflow; or any tracking URI")
    system_metrics_seconds: Positive | None = Field(description="how often the load is sampled; null: never")


class ProfileConfig(Part):
    """What ``mode=profile`` measures."""

    name: str = Field(description="the experiment of profiles")
    lengths: list[Count] = Field(min_length=1, description="lengths in steps")
    batch_sizes: list[Count] = Field(min_length=1, description="sequences of a batch")
    vocabulary_size: Annotated[int, Field(strict=True, ge=2)] = Field(description="of the random tokens")
    warmup_passes: CountOrZero = Field(description="passes that are not timed, at the start")
    passes: Count = Field(description="at least so many timed passes of each kind a point")
    seconds: Positive = Field(description="and at least so many seconds of them")
    point_seconds: Positive = Field(description="seconds after which a point is ended and marked")


class Choices(Part):
    """What was chosen in each config group, for tables and tags."""

    encoder: str
    pooling: str
    position: str
    input: str
    data: str
    backend: str
    hardware: str


class Config(Part):
    """The whole config of a run."""

    mode: Literal["train", "profile"] = Field(description="train on data, or profile on random tokens")
    name: Annotated[str, Field(strict=True, min_length=1)] = Field(description="the experiment")
    seed: CountOrZero = Field(description="decides initial values and the order of batches")
    output_dir: str = Field(description="everything is written below it")
    cache_dir: str = Field(description="prepared data; may be shared between output folders")
    rerun: bool = Field(description="run again although a finished run of the same fingerprint is there")
    run_timeout: Positive | None = Field(description="seconds after which a run is ended and counts as failed")
    fail_fast: bool = Field(description="in a sweep, begin no further run once one has failed")
    sweep: str | None = Field(description="the sweep that this run belongs to; set by -m")
    backend: BackendConfig
    hardware: HardwareConfig
    data: dict[str, Any]
    input: InputConfig
    pooling: dict[str, Any] | None
    position: dict[str, Any]
    encoder: dict[str, Any]
    head: HeadConfig
    optimizer: OptimizerConfig
    trainer: TrainerConfig
    measure: MeasureConfig
    tracking: TrackingConfig
    profile: ProfileConfig
    choices: Choices

    def to_dict(self) -> dict[str, Any]:
        """The config as plain values, as the record keeps it."""
        return self.model_dump()


def validate(content: dict[str, Any]) -> Config:
    """The typed config of plain values.

    Raises:
        UserError: one sentence that names the key, what was expected, and what to do.
    """
    from harness.config.rules import check_together

    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        raise UserError(sentence(Config, error.errors()[0])) from None
    check_together(config)
    return config


def resolve(composed: DictConfig) -> Config:
    """The typed config of what Hydra composed.

    Raises:
        UserError: a value must be given and is not, or is not what its key takes.
    """
    try:
        content = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        key = error.full_key or str(error).rsplit(" ", 1)[-1]
        raise UserError(f"{key} must be given: add {key}=... to the command") from None
    assert isinstance(content, dict)
    return validate({str(key): value for key, value in content.items()})
