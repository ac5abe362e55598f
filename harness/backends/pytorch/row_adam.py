"""Adam that reads and writes only the rows of an embedding that a batch reads, with the results of dense Adam."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import nn

from harness.backends.pytorch import adam_state
from harness.backends.pytorch.embedding_table import EmbeddingTable
from harness.backends.pytorch.missed_steps import MissedSteps, can_catch_up
from harness.backends.pytorch.table_rows import TableRows

SMALLEST = {"cpu": 2**20, "cuda": 2**25}
"""Numbers in the smallest table that is updated by rows. A smaller one is updated as a whole, which is as fast or
faster there: the work by rows has a fixed cost, on an accelerator of some forty kernels and a wait for the number of
rows. On other devices, which lack sparse gradients, every table is updated as a whole. The results are the same."""


class RowAdam(torch.optim.Adam):
    """torch's fused Adam or AdamW, whose cost on ``tables`` grows with the rows of a batch and not of the table.

    A row that a batch does not read moves along its decaying moments all the same: it is moved when it is read next.
    See ``missed_steps.py``. The state is that of torch's Adam, and is the same after every ``state_dict``.

    Args:
        tables: embeddings whose weights are among ``params``, and that are read by nothing but their ``forward``.
    """

    def __init__(self, params: Iterable[nn.Parameter], tables: Sequence[EmbeddingTable], **settings: Any) -> None:
        super().__init__(params, fused=True, **settings)
        (group,) = self.param_groups
        for table in tables:
            state = self.state[table.weight]
            adam_state.begin(state, table.weight)
            missed = MissedSteps(group["betas"], group["eps"], group["weight_decay"])
            table.rows = TableRows(table.weight, table.padding_idx, state, missed)
        self.tables = list(tables)
        self.register_state_dict_pre_hook(RowAdam.catch_up)
        self.register_load_state_dict_post_hook(RowAdam._reload)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = adam_state.loss_of(closure)
        (group,) = self.param_groups
        whole: list[tuple[TableRows, nn.Parameter]] = []
        for table in self.tables:
            if table.rows is None or table.weight.grad is None:
                continue
            if table.weight.grad.is_sparse:
                table.rows.update(group)
            else:  # read in another way than in training
                table.rows.catch_up_all()
                whole.append((table.rows, table.weight))
        super().step()
        for rows, weight in whole:
            rows.reload(self.state[weight])
        return loss

    def catch_up(self) -> None:
        """Bring all rows of all tables up to date."""
        for table in self.tables:
            if table.rows is not None:
                table.rows.catch_up_all()

    def _reload(self) -> None:
        for table in self.tables:
            if table.rows is not None:
                table.rows.reload(self.state[table.weight])


def tables_by_rows(model: nn.Module, settings: dict[str, Any], decoupled: bool) -> list[EmbeddingTable]:
    """The tables of a model that ``RowAdam`` can update by rows with the same results, and faster.

    There are none with settings under which rows cannot catch up: with L2 regularisation, ``weight_decay`` that is not
    ``decoupled``, every row has a gradient at every step, and ``amsgrad`` keeps the largest second moment.
    """
    known = {"lr", "betas", "eps", *(["weight_decay"] if decoupled else [])}
    if any(value for key, value in settings.items() if key not in known):
        return []
    if not can_catch_up(tuple(settings["betas"]), settings["eps"], settings["lr"] * settings["weight_decay"]):
        return []
    tables = [module for module in model.modules() if isinstance(module, EmbeddingTable)]
    return [table for table in tables if table.weight.requires_grad and _is_large(table.weight)]


def _is_large(table_VD: nn.Parameter) -> bool:
    return table_VD.numel() >= SMALLEST.get(table_VD.device.type, float("inf"))
