"""Optimizers: torch's own, and Adam on the rows of an embedding that a batch touches.

Dimension letters: V rows of an embedding, U of them that a batch touches, D their width.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, get_total_norm
from torch.optim.adam import adam

from harness.backends.arguments import check_settings
from harness.backends.schedules import schedule_factor
from harness.errors import UserError


class LazyAdam(torch.optim.Adam):
    """Adam that leaves alone the rows of an embedding that no token of the batch has.

    Adam moves every row at every step: one without a gradient goes on along its moments, which decay. Here both stay
    as they are until the row is touched again, and a step costs ``UD`` instead of ``VD`` (TensorFlow Addons calls that
    LazyAdam). The step that the moments' biases are taken out by is counted for the table, not for each row, so that a
    row which every batch touches gets Adam's own values. torch's SparseAdam adds epsilon elsewhere, and took longer
    than the dense kernel.

    A gradient that is sparse is used up by ``step``; what has a dense one is Adam's.
    """

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], eps: float, fused: bool = True
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, fused=fused)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for table_VD in group["params"]:
                if table_VD.grad is not None and table_VD.grad.is_sparse:
                    self._update_rows(table_VD, group)
                    table_VD.grad = None
        super().step()
        return loss

    def _update_rows(self, table_VD: nn.Parameter, settings: dict[str, Any]) -> None:
        state = self.state[table_VD]
        if not state:
            state["step"] = torch.zeros((), device=table_VD.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(table_VD), torch.zeros_like(table_VD)
        gradient = table_VD.grad.coalesce()
        (rows_U,) = gradient.indices()
        wholes = (table_VD, state["exp_avg"], state["exp_avg_sq"])
        values_UD, m_UD, v_UD = touched = [whole.index_select(0, rows_U) for whole in wholes]
        beta1, beta2 = settings["betas"]
        adam(
            [values_UD], [gradient.values()], [m_UD], [v_UD], [], [state["step"]], fused=settings["fused"],
            amsgrad=False, beta1=beta1, beta2=beta2, lr=settings["lr"], weight_decay=0.0, eps=settings["eps"],
            maximize=False,
        )  # fmt: skip
        for whole, part in zip(wholes, touched, strict=True):
            whole.index_copy_(0, rows_U, part)


OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD, "lazy_adam": LazyAdam}


def make_optimizer(
    settings: dict[str, Any], model: nn.Module, total_steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR | None]:
    """The optimizer that a config describes and what varies its learning rate, None where that is constant.

    Raises:
        UserError: there is no such optimizer, setting or schedule, or nothing for it to be lazy about.
    """
    own = dict(settings)
    name, schedule, decay = own.pop("name"), own.pop("schedule"), own.pop("decay")
    if name not in OPTIMIZERS:
        raise UserError(f"optimizer.name is one of {', '.join(OPTIMIZERS)}, not {name!r}")
    known = [key for key in inspect.signature(OPTIMIZERS[name]).parameters if key not in ("params", "fused", "foreach")]
    check_settings(name, own, known, "pytorch")
    if name == "lazy_adam":
        _make_sparse(model.input)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    # one kernel for all parameters: with the default, the optimizer takes longer than the model
    optimizer = OPTIMIZERS[name](trained, fused=True, **own)
    if schedule == "constant":
        return optimizer, None
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, schedule_factor(schedule, decay, total_steps))


def _make_sparse(source: nn.Module) -> None:
    tables = [module for module in source.modules() if isinstance(module, nn.Embedding)]
    if not tables:
        raise UserError(
            "optimizer=lazy_adam updates the rows of an embedding that a batch touches, and this data has feature "
            "vectors, which need no embedding; take optimizer=adam"
        )
    for table in tables:
        table.sparse = True  # its gradient has the rows that were read, and no others


def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> None:
    """Scale gradients down where their norm, all taken as one vector, is above ``max_norm``."""
    trained = [parameter for parameter in parameters if parameter.grad is not None]
    if not any(parameter.grad.is_sparse for parameter in trained):
        clip_grad_norm_(trained, max_norm)
        return
    for parameter in trained:
        if parameter.grad.is_sparse:  # a token that is there twice has one gradient, the sum: so has its norm
            parameter.grad = parameter.grad.coalesce()
    gradients = [part.grad.values() if part.grad.is_sparse else part.grad for part in trained]
    scale = (max_norm / (get_total_norm(gradients) + 1e-6)).clamp(max=1.0)  # torch's own small number
    for gradient in gradients:
        gradient.mul_(scale)
