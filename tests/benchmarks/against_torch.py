"""Our encoders against the plain torch modules that they wrap, with the same weights, over lengths and batch sizes.

    python tests/benchmarks/against_torch.py [--pairs 5]

In one process, in turns. Ours also clears the padding and hands the mask on; the plain module of a recurrent encoder
knows of no mask, and plain attention gets one only where there is padding. A row is the geometric mean over all
shapes; the worst of them is told beside it.

Dimension letters: B batch, L length, E width.
"""

import time
from collections.abc import Callable, Sequence
from statistics import geometric_mean
from typing import Any

from paired import Found, Goal, Row, in_turns, main, ratios

from harness.config.compose import compose
from harness.config.hardware import resolve_hardware

WIDTH = 128
SHORT, LONG = (128, 512), (128, 256, 512, 1024, 2048)
LENGTHS = {"self_attention": LONG, "lstm": SHORT, "gru": SHORT, "rnn": SHORT}
"""Where the cost of a position depends on the length, many lengths; a recurrence does the same at each."""
BATCHES = (1, 8, 64)
MOST_POSITIONS = 2**16
"""Larger shapes, 64 sequences of 2048 steps, are left out: a pass takes seconds."""
QUICK = [(16, 2)]
SECONDS = 0.2
KEY, PLAIN = "milliseconds", "the plain torch module"


def encoders(name: str) -> tuple[Callable, Callable]:
    """Ours as ``(x_BLE, mask_BL) -> y_BLE`` and the plain one with the same weights."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    from harness.backends.pytorch import encoders as own
    from harness.backends.pytorch.layers import initialise

    class Attention(nn.Module):
        """Three plain projections and torch's fused kernel."""

        def __init__(self) -> None:
            super().__init__()
            self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(3))

        def forward(self, x_BLE, mask_BL):
            attended = None if mask_BL is None else mask_BL[:, None, None]
            parts = (layer(x_BLE)[:, None] for layer in (self.query, self.key, self.value))
            return F.scaled_dot_product_attention(*parts, attended)[:, 0]

    ours = {"self_attention": own.SelfAttention, "lstm": own.LSTM, "gru": own.GRU, "rnn": own.RNN}[name](WIDTH)
    initialise(ours, 0)
    if name == "self_attention":
        plain = Attention()
        with torch.no_grad():
            for layer, kernel in zip(plain.children(), ours.query_key_value.chunk(3), strict=True):
                layer.weight.copy_(kernel)
        return ours, plain
    plain = type(ours.layers)(WIDTH, WIDTH, batch_first=True)
    plain.load_state_dict(ours.layers.state_dict())
    return ours, lambda x_BLE, mask_BL: plain(x_BLE)[0]


def passes(encode: Callable, x_BLE: Any, mask_BL: Any, backward: bool) -> Callable[[], Any]:
    """A function that runs one pass, forward alone or with the gradients of input and weights."""
    import torch

    if not backward:
        return torch.inference_mode()(lambda: encode(x_BLE, mask_BL))
    by_y_BLE = torch.ones(*x_BLE.shape[:2], WIDTH)

    def both() -> Any:
        x_BLE.grad = None
        y_BLE = encode(x_BLE, mask_BL)
        y_BLE.backward(by_y_BLE)
        return y_BLE

    return both


def repeated(one_pass: Callable[[], Any], seconds: float) -> Found:
    """The mean of as many passes as fit into the seconds, after one to warm up."""
    one_pass()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds or not count:
        one_pass()
        count += 1
    return {KEY: 1000 * (time.perf_counter() - start) / count}


def shape(name: str, length: int, batch: int, padded: bool, backward: bool, seconds: float, pairs: int) -> list[float]:
    """Ratios of our time to the plain module's on sequences of one shape; with padding, down to half its length."""
    import torch

    torch.manual_seed(0)
    ours, plain = encoders(name)
    x_BLE = torch.randn(batch, length, WIDTH, requires_grad=backward)
    length_B = torch.linspace(length, length // 2, batch).long() if padded else torch.full((batch,), length)
    if padded and batch == 1:
        length_B = torch.tensor([length // 2])
    mask_BL = torch.arange(length) < length_B[:, None]
    sides = {
        "ours": passes(ours, x_BLE, mask_BL, backward),
        "plain": passes(plain, x_BLE, mask_BL if padded else None, backward),
    }
    torch.testing.assert_close(sides["ours"]()[mask_BL], sides["plain"]()[mask_BL], atol=1e-5, rtol=1e-4)
    done = in_turns({side: lambda one=one: repeated(one, seconds) for side, one in sides.items()}, pairs)
    return ratios(done, KEY, over="ours", under="plain")


def rows(pairs: int, quick: bool = False, overrides: Sequence[str] = ()) -> list[Row]:
    """Two rows for each encoder, forward and with backward, with and without padding: all shapes, and the worst.

    The goal is for all together: of many medians the largest is as much the noise's as the shape's.
    """
    import torch

    torch.set_num_threads(resolve_hardware(compose("hardware=cpu", *overrides)).threads)
    found = []
    for name, lengths in LENGTHS.items():
        whole = [(length, batch) for length in lengths for batch in BATCHES if length * batch <= MOST_POSITIONS]
        shapes = QUICK if quick else whole
        for backward in (False, True):
            for padded in (False, True):
                kind = f"{name}, {'forward and backward' if backward else 'forward'}, {'padded' if padded else 'full'}"
                tried = []
                for length, batch in shapes:
                    print(f" {kind}, length {length}, batch {batch}", flush=True)
                    values = shape(name, length, batch, padded, backward, 0.001 if quick else SECONDS, pairs)
                    tried.append(Row(f"{kind}: worst, {length} x {batch}", PLAIN, values, Goal()))
                together = [geometric_mean(pair) for pair in zip(*(row.values for row in tried), strict=True)]
                found.append(Row(f"{kind}: {len(tried)} shapes together", PLAIN, together, Goal(most=1.03)))
                found.append(max(tried, key=lambda row: row.median))
    return found


if __name__ == "__main__":
    main(rows, __doc__)
