"""Every encoder that is shipped, and every part around it, exported in every format: equal to the model, or refused.

``docs/EXPORT.md`` has the table of the encoders, which is checked here.
"""

import re
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile, is_zipfile

import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from experiments import composed, ready
from shipped import choices
from torch import nn

from harness.data import from_sequences
from harness.data.characters import Characters
from harness.data.loaders.text import load_files
from harness.errors import UserError
from harness.runner.export import FILES
from harness.runner.export.onnx_session import open_onnx
from harness.runner.export.proof import proof_rows, prove

TORCH, KERAS = ("onnx", "torch"), ("keras",)
OTHERS = ("custom", "pretrained", "dummy", "nb_svm", "tfidf_logreg")
"""Encoders whose settings name a model, and those of scikit-learn, which are exported as MLflow models alone."""
ENCODERS = [name for name in choices("encoder") if name not in OTHERS]
IN_KERAS = [
    "additive_attention", "bag_of_embeddings", "bidirectional", "bilstm_self_attention", "gru", "lstm",
    "lstm_self_attention", "rnn", "self_attention", "stack",
]  # fmt: skip
SIZES = {
    "hidden_size": "6", "output_size": "7", "feed_forward_size": "11", "hidden_sizes": "[5,3,7]", "state_size": "4",
}  # fmt: skip
LENGTHS = [0, 1, 7, 33, 43, 64, 129]


def tokens():
    """Sequences of up to 64 token ids from a vocabulary of 11; 3 classes."""
    rng = np.random.default_rng(0)
    x = [rng.integers(2, 11, length) for length in (64, 3, 1, 17)]
    part = (x, ["a", "b", "c", "a"])
    return from_sequences(part, part, part, classes=["a", "b", "c"], vocabulary=["[PAD]", "[UNK]", *"abcdefghi"])


def small(group, settings):
    """Overrides that make every part of a config small."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from small(f"{group}.{key}", value)
        elif key in SIZES:
            yield f"{group}.{key}={SIZES[key]}"


def scattered(made):
    """The backend with other weights than at the start, where biases of 0 hide that they are in the wrong place."""
    rng = np.random.default_rng(1)
    if isinstance(made.model, nn.Module):
        for parameter in made.model.parameters():
            if parameter.requires_grad:  # not the second bias of an LSTM, which stays 0
                values = rng.normal(0, 1 / parameter.shape[-1] ** 0.5, parameter.shape)
                parameter.data = torch.from_numpy(values.astype(np.float32))
    else:
        for variable in made.model.trainable_variables:
            variable.assign(rng.normal(0, 0.5 / variable.shape[-1] ** 0.5, variable.shape))
    return made


def outcome(made, data, kind, folder, lengths=LENGTHS):
    """Exports a backend's model and proves the file; "yes", or why it is refused."""
    rows, file = proof_rows(data, most=lengths[-1]), folder / FILES[kind]
    assert rows.length_N.tolist() == lengths
    outputs = made.predict(rows)
    assert outputs.std(0).max() > 1e-3  # they depend on the sequence
    try:
        made.export(kind, file, rows)
        for place in (REPOSITORY, Path(torch.__file__).parent, folder):
            assert str(place).encode() not in content(file), "a file that is given away has no paths of this machine"
        exported = open_onnx(file) if kind == "onnx" else made.exported(kind, file)
        prove(rows, outputs, exported, data.task == "regression")
    except UserError as error:
        return f"no: {error}"
    return "yes"


def content(file):
    """The bytes of a file, or of all files in an archive."""
    if not is_zipfile(file):
        return file.read_bytes()
    with ZipFile(file) as archive:
        return b"".join(map(archive.read, archive.namelist()))


def table():
    """The outcomes in the documentation, by encoder and format."""
    text = (REPOSITORY / "docs" / "EXPORT.md").read_text(encoding="utf8").split("| encoder |")[1]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \| (.*) \|$", text, re.M)
    return {name: dict(zip((*TORCH, *KERAS), cells, strict=True)) for name, *cells in rows}


def test_the_table_has_every_encoder_and_no_other():
    assert sorted(table()) == ENCODERS
    assert [name for name, cells in table().items() if cells["keras"] != "–"] == IN_KERAS


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "kind"),
    [*((name, kind) for name in ENCODERS for kind in TORCH), *((name, kind) for name in IN_KERAS for kind in KERAS)],
)
def test_an_encoder_is_exported_as_the_table_says(name, kind, tmp_path):
    backend = "tensorflow" if kind in KERAS else "pytorch"
    if backend == "tensorflow":
        pytest.importorskip("tensorflow")
    data, chosen = tokens(), (f"backend={backend}", f"encoder={name}", "input.size=5")
    made = ready(data, *chosen, *small("encoder", composed(*chosen).encoder), backend=backend)
    assert outcome(scattered(made), data, kind, tmp_path) == table()[name][kind]


def spelt(data):
    """The data with characters: words of 1 to 5 letters of an alphabet of 7."""
    rng = np.random.default_rng(0)
    table_SW = rng.integers(1, 7, (11, 5), dtype=np.int32)
    table_SW[np.arange(5) >= np.arange(11)[:, None] % 6] = 0
    table_SW[0] = 0
    splits = {
        name: replace(split, characters=Characters(split.x.copy(), table_SW)) for name, split in data.splits.items()
    }
    return replace(data, **splits, alphabet=["[PAD]", "[UNK]", *"abcde"])


def tagged():
    """A tag for each word, and the characters of the words; up to 64 words."""
    rng = np.random.default_rng(0)
    x = [rng.integers(1, 11, length) for length in (64, 3, 1, 17)]
    part = (x, [[int(word) % 3 for word in row] for row in x])
    vocabulary = ["[PAD]", "[UNK]", *"abcdefghi"]
    return spelt(from_sequences(part, part, part, classes=[0, 1, 2], vocabulary=vocabulary))


def numbers():
    """Series of 3 features and a number for each, in thousands."""
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(length, 3)).astype(np.float32) for length in (64, 3, 1, 17)]
    part = (x, [3e3, 5e3, 4e3, 9e3])
    return from_sequences(part, part, part, task="regression", standardise_labels=True)


READ_AT_MOST_64 = [0, 1, 7, 33, 43, 64]
AROUND = {
    "characters, a tag at each step, two layers, learned positions": (
        tagged, ["input=word_char", "position=learned", "encoder=gru", "encoder.num_layers=2", "encoder.dropout=0.4"],
        READ_AT_MOST_64,
    ),
    "word bigrams, sinusoidal positions, causal attention": (
        tokens, ["input=word_bigram", "input.bigrams.buckets=13", "position=sinusoidal", "encoder=linear_attention",
                 "encoder.causal=true", "encoder.num_heads=2", "pooling=last"],
        READ_AT_MOST_64,
    ),
    "one-hot vectors, both directions of a network with relu": (
        tokens, ["input=one_hot", "input.size=null", "encoder=bidirectional", "encoder@encoder.inner=rnn",
                 "encoder.inner.nonlinearity=relu", "pooling=max"],
        LENGTHS,
    ),
    "features, a number in its unit, a head of two layers, rotary positions": (
        numbers, ["input.size=null", "encoder=transformer", "encoder.num_layers=2", "encoder.dropout=0.4",
                  "encoder.rotary=true", "pooling=sum", "head.hidden_sizes=[5]"],
        LENGTHS,
    ),
    "additive scores, of word vectors with dropout": (
        tokens, ["encoder=self_attention", "encoder.score=additive", "encoder.normalize=relu", "input.word_dropout=0.3",
                 "input.dropout=0.3", "pooling=additive_attention"],
        LENGTHS,
    ),
    "convolutions of several widths with batch normalisation": (
        tokens, ["encoder=cnn", "encoder.num_layers=2", "encoder.dilation=[1,3]", "encoder.kernel_size=[2,3]",
                 "encoder.batch_norm=true"],
        LENGTHS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", TORCH)
@pytest.mark.parametrize("case", AROUND)
def test_the_parts_around_an_encoder_are_exported(case, kind, tmp_path):
    make, overrides, lengths = AROUND[case]
    data, chosen = make(), ["input.size=6", *overrides]
    sizes = small("encoder", composed(*chosen).encoder)
    latency = f"measure.latency_length={lengths[-1]}"  # which positions reach too
    made = scattered(ready(data, *chosen, *sizes, latency, backend="pytorch"))
    assert outcome(made, data, kind, tmp_path, lengths) == "yes"


class Looped(nn.Module):
    """A custom encoder with a loop over the steps."""

    def __init__(self, in_dim):
        super().__init__()
        self.out_dim = in_dim

    def forward(self, x_BLD, mask_BL):
        state, steps = torch.zeros_like(x_BLD[:, 0]), []
        for x_BD in x_BLD.unbind(1):
            state = 0.5 * state + x_BD
            steps.append(state)
        return torch.stack(steps, 1) * mask_BL[:, :, None]


class Recurrent(nn.Module):
    """A custom encoder with torch's layers: in both directions from a state of its own, without bias, batch second."""

    def __init__(self, in_dim):
        super().__init__()
        self.out_dim = 6 + 5
        self.both = nn.GRU(in_dim, 3, num_layers=2, bidirectional=True, batch_first=True)
        self.one = nn.LSTM(6, 5, bias=False)

    def forward(self, x_BLD, mask_BL):
        x_BLD = x_BLD * mask_BL[:, :, None]
        start_NBH = torch.full((4, x_BLD.shape[0], 3), 0.5)
        first_B1E, _ = self.both(x_BLD[:, :1], start_NBH)  # both directions of the first step alone
        x_LBD = x_BLD.transpose(0, 1)
        _, state = self.one(first_B1E.transpose(0, 1))
        y_LBE, _ = self.one(torch.cat([x_LBD, x_LBD], 2)[..., :6], state)
        return torch.cat([first_B1E.expand(-1, mask_BL.shape[1], -1), y_LBE.transpose(0, 1)], 2) * mask_BL[:, :, None]


class KnowsTheExporter(nn.Module):
    """A custom encoder whose graph reads the first 33 steps alone, as if the exporter had baked a length in."""

    def __init__(self, in_dim):
        super().__init__()
        self.out_dim = in_dim

    def forward(self, x_BLD, mask_BL):
        if torch.compiler.is_exporting():
            mask_BL = mask_BL & (torch.arange(mask_BL.shape[1]) < 33)
        return x_BLD * mask_BL[:, :, None]


@pytest.mark.parametrize("kind", TORCH)
@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        (Recurrent, "yes$"),
        (Looped, "no: torch.export cannot follow this model: its Python code depends on the number or the length"),
        (KnowsTheExporter, "no: the exported model differs from the run by .* for one sequence of length 43, and"),
    ],
)
def test_a_custom_encoder_is_exported_or_refused(encoder, expected, kind, tmp_path):
    data = tokens()
    target = ("encoder=custom", f"encoder._target_={encoder.__module__}.{encoder.__name__}")
    made = scattered(ready(data, *target, "input.size=6", backend="pytorch"))
    assert re.match(expected, outcome(made, data, kind, tmp_path))
    assert list(tmp_path.iterdir()) == ([] if encoder is Looped else [tmp_path / FILES[kind]])


def test_a_pretrained_transformer_is_exported(tmp_path):
    pytest.importorskip("transformers")
    from tiny_transformer import save_bert

    folder = save_bert(tmp_path / "tiny")
    file = tmp_path / "rows.csv"
    file.write_text("text,label\n" + "".join(f"the film is {word} {'a ' * 9},{word}\n" for word in ["good", "bad"] * 9))
    data = load_files(str(file), tokenizer=str(folder), max_length=9)
    own = ("encoder=pretrained", f"encoder.model={folder}", "data=imdb", "data.max_length=9")
    made = ready(data, *own, backend="pytorch")
    assert [outcome(made, data, kind, tmp_path, [0, 1, 5, 7, 9]) for kind in TORCH] == ["yes", "yes"]
