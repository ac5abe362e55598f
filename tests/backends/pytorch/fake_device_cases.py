"""What runs on the pretended GPU (``fake_device``), and the faults that it must find."""

from functools import cache
from typing import Any

from shipped import choices, encoders_of

from harness.config.compose import compose
from harness.config.schema import Config

Case = tuple[str, list[str], str]
"""The data, the overrides and the precision."""

VARIANTS = {
    "self_attention additive": ["encoder=self_attention", "encoder.score=additive"],
    "self_attention relu": ["encoder=self_attention", "encoder.normalize=relu", "encoder.num_heads=4"],
    "rnn of two layers": ["encoder=rnn", "encoder.num_layers=2", "encoder.dropout=0.1", "encoder.nonlinearity=relu"],
    "lstm of two layers": ["encoder=lstm", "encoder.num_layers=2", "encoder.dropout=0.1"],
    "cnn causal": ["encoder=cnn", "encoder.num_layers=2", "encoder.dilation=[1,2]", "encoder.causal=true"],
    "cnn of several widths with batch norm": ["encoder=cnn", "encoder.kernel_size=[3,5]", "encoder.batch_norm=true"],
    "transformer rotary": ["encoder=transformer", "encoder.rotary=true", "encoder.dropout=0.1"],
    "linear_attention causal": ["encoder=linear_attention", "encoder.causal=true"],
    "cell of an LSTM": ["encoder=cell", "encoder.cell._target_=torch.nn.LSTMCell"],
    "cell of a GRU": ["encoder=cell", "encoder.cell._target_=torch.nn.GRUCell"],
}
"""Encoders with arguments that change what is computed."""


WITH_FILES = ("custom", "pretrained")
"""Encoders that are nothing without files of the user's."""


def encoders() -> dict[str, list[str]]:
    """The overrides of every shipped encoder, and of the variants."""
    return {name: [f"encoder={name}"] for name in encoders_of("pytorch") if name not in WITH_FILES} | VARIANTS


def cases() -> dict[str, Case]:
    """Every encoder with every task, pooling and position at least once, in both precisions, by a label."""
    found: dict[str, Case] = {}

    def add(data: str, overrides: list[str], precision: str = "32") -> None:
        found[f"{data} {' '.join(overrides)} {precision}"] = (data, overrides, precision)

    for name, own in encoders().items():
        pools_itself = name == "additive_attention"
        poolings, positions = ["additive_attention"] if pools_itself else choices("pooling"), choices("position")
        for number in range(max(len(poolings), len(positions))):
            pooling, position = poolings[number % len(poolings)], positions[number % len(positions)]
            add("classification", [*own, f"pooling={pooling}", f"position={position}"])
        several = ("regression", "multilabel", "features")
        for task in several if pools_itself else (*several, "tagging", "ctc"):
            add(task, own)
        for data in ("classification", "features"):
            add(data, own, "bf16")
    plain = ["encoder=self_attention"]
    for optimizer in sorted({*choices("optimizer")} - {"custom"}):
        more = [*plain, f"optimizer={optimizer}", "trainer.clip_norm=1.0", "optimizer.schedule=cosine"]
        add("classification", more)
        add("classification", more, "bf16")
    add("classification", [*plain, "optimizer=custom", "optimizer._target_=torch.optim.RMSprop", "optimizer.lr=0.1"])
    add("classification", [*plain, "input=word_bigram"])
    add("characters", [*plain, "input=word_char"])
    dropouts = ("head.dropout=0.1", "input.word_dropout=0.1", "input.dropout=0.1")
    add("classification", [*plain, "head.hidden_sizes=[8]", *dropouts])
    return found


@cache
def _composed(*overrides: str) -> Config:
    return compose("input.size=16", "tracking=none", *overrides)


def config_of(overrides: list[str]) -> Config:
    """The config that these overrides compose; poolings and positions are composed once, as each takes 0.2 s."""
    parts = [one for one in overrides if one.startswith(("pooling=", "position="))]
    config = _composed(*(one for one in overrides if one not in parts))
    for part in parts:
        group, name = part.split("=")
        chosen = config.choices.model_copy(update={group: name})
        config = config.model_copy(update={group: getattr(_composed(part), group), "choices": chosen})
    return config


def _replace_encoder(change: Any) -> Any:
    def plant(backend: Any, step: Any) -> None:
        encoder = backend.model.encoder
        forward = encoder.forward
        encoder.forward = lambda x_BLD, mask_BL: change(forward(x_BLD, mask_BL))

    return plant


def _replace_loss(change: Any) -> Any:
    def plant(backend: Any, step: Any) -> None:
        loss = step.loss
        step.loss = lambda *arguments: change(loss(*arguments))

    return plant


def _times_steps(y_BLE: Any, device: Any = None) -> Any:
    import torch

    return y_BLE * torch.arange(y_BLE.shape[1]).to(device or "cpu")[:, None]


def _read(loss: Any, how: str) -> Any:
    getattr(loss.detach(), how)()
    return loss


FAULTS = {
    "arange on the host": _replace_encoder(_times_steps),
    "arange copied in the step": _replace_encoder(lambda y_BLE: _times_steps(y_BLE, y_BLE.device)),
    "item in the step": _replace_loss(lambda loss: _read(loss, "item")),
    "numpy in the step": _replace_loss(lambda loss: _read(loss, "numpy")),
}
"""Changes of a model or a step that a GPU would refuse or wait for."""
