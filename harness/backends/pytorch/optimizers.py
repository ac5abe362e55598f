"""Optimizers: torch's own, and Adam on the rows of an embedding that a batch reads.

Dimension letters: V rows of an embedding, U rows of it that a batch reads, D their width.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, get_total_norm
from torch.optim.adam import adam

from harness.backends.arguments import check_settings
from harness.backends.custom_optimizer import CUSTOM, make_custom, target_of
from harness.backends.pytorch import adam_state
from harness.backends.pytorch.row_adam import RowAdam, tables_by_rows
from harness.backends.schedules import schedule_factor
from harness.config.schema import OptimizerConfig
from harness.errors import UserError


class LazyAdam(torch.optim.Adam):
    """Adam that updates only the rows of an embedding that the batch reads.

    Adam moves every row at every step: a row without a gradient still moves along its decaying moments. Here the row
    and its moments stay as they are until a batch reads the row again, and a step costs ``UD`` instead of ``VD``
    (TensorFlow Addons calls this LazyAdam). The step count of the bias correction is kept per table, not per row, so
    that a row that every batch reads gets exactly Adam's values. torch's SparseAdam adds epsilon elsewhere, and is
    slower than the dense kernel.

    ``step`` drops sparse gradients after it has applied them; parameters with dense gradients are updated by Adam.
    """

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], eps: float, fused: bool = True
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, fused=fused)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = adam_state.loss_of(closure)
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
            adam_state.begin(state, table_VD)
        gradient = table_VD.grad.coalesce()
        (rows_U,) = gradient.indices()
        tables = (table_VD, state["exp_avg"], state["exp_avg_sq"])
        values_UD, m_UD, v_UD = read = [table.index_select(0, rows_U) for table in tables]
        beta1, beta2 = settings["betas"]
        adam(
            [values_UD], [gradient.values()], [m_UD], [v_UD], [], [state["step"]], fused=settings["fused"],
            amsgrad=False, beta1=beta1, beta2=beta2, lr=settings["lr"], weight_decay=0.0, eps=settings["eps"],
            maximize=False,
        )  # fmt: skip
        for table, rows_UD in zip(tables, read, strict=True):
            table.index_copy_(0, rows_U, rows_UD)


OPTIMIZERS = {
    "adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD, "adadelta": torch.optim.Adadelta,
    "lazy_adam": LazyAdam,
}  # fmt: skip
ROW_ADAM = ("adam", "adamw")


def make_optimizer(
    settings: OptimizerConfig, model: nn.Module, total_steps: int, processes: int = 1
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR | None]:
    """The optimizer of a config, and the scheduler of its learning rate; None if the rate is constant in an epoch.

    Where ``processes`` share a training, they exchange whole gradients, and tables are updated as a whole.

    Raises:
        UserError: there is no such optimizer or setting, torch refuses the settings, or lazy_adam has no embedding to
            update.
    """
    _check_step(settings)
    if settings.name == "lazy_adam":
        _make_sparse(model.input)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = _optimizer(settings, parameters, getattr(model, "input", None) if processes == 1 else None)
    if settings.schedule in ("constant", "plateau"):
        return optimizer, None
    factor = schedule_factor(settings.schedule, settings.decay, total_steps)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _optimizer(
    settings: OptimizerConfig, parameters: list[nn.Parameter], source: nn.Module | None = None
) -> torch.optim.Optimizer:
    """The optimizer; it updates large tables of ``source``, the input of a model, by rows if the result is the same."""
    name = settings.name
    if name == CUSTOM:
        return make_custom(settings, torch.optim.Optimizer, "pytorch", parameters)
    if name not in OPTIMIZERS:
        raise UserError(f"optimizer.name is one of {', '.join([*OPTIMIZERS, CUSTOM])}, not {name!r}")
    arguments = {"lr": settings.lr, **(settings.model_extra or {})}
    signature = inspect.signature(OPTIMIZERS[name]).parameters
    known = {key: one.default for key, one in signature.items() if key not in ("params", "fused", "foreach")}
    check_settings(name, arguments, known, "pytorch")
    if "betas" in arguments:  # torch refuses whole numbers, such as a beta of 0
        arguments["betas"] = [float(beta) for beta in arguments["betas"]]
    if name in ROW_ADAM and source is not None:
        own = {**{key: known[key] for key in ("betas", "eps", "weight_decay")}, **arguments}
        decoupled = name == "adamw"
        if tables := tables_by_rows(source, own, decoupled):
            return RowAdam(parameters, tables, **{**own, "decoupled_weight_decay": decoupled})
    # one kernel for all parameters: with the default, the optimizer takes longer than the model
    fused = {"fused": True} if "fused" in signature else {}
    return OPTIMIZERS[name](parameters, **fused, **arguments)


def _check_step(settings: OptimizerConfig) -> None:
    """Refuse settings with which torch cannot take a step, in torch's words: some it refuses only then."""
    weight = nn.Parameter(torch.zeros(1))
    weight.grad = torch.zeros(1)
    try:
        _optimizer(settings, [weight]).step()
    except UserError:
        raise
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        words = str(error).splitlines()[0]
        name = target_of(settings) if settings.name == CUSTOM else f"torch's {settings.name}"
        raise UserError(f"optimizer: {name} refuses these settings: {words}") from error


def _make_sparse(source: nn.Module) -> None:
    embeddings = [module for module in source.modules() if isinstance(module, nn.Embedding)]
    tables = [table for table in embeddings if table.weight.requires_grad]
    if not tables:
        raise UserError(
            "optimizer=lazy_adam updates the rows of an embedding that a batch reads, and here is none: this data "
            "has feature vectors, or input.one_hot or input.frozen is set; take optimizer=adam"
        )
    for table in tables:
        table.sparse = True  # its gradient then holds only the rows that were read


def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float) -> None:
    """Scale all gradients down if their norm, as one vector, is above ``max_norm``."""
    trained = [parameter for parameter in parameters if parameter.grad is not None]
    if not any(parameter.grad.is_sparse for parameter in trained):
        clip_grad_norm_(trained, max_norm)
        return
    for parameter in trained:
        if parameter.grad.is_sparse:  # the norm is that of the summed gradient of a token that occurs twice
            parameter.grad = parameter.grad.coalesce()
    gradients = [part.grad.values() if part.grad.is_sparse else part.grad for part in trained]
    scale = (max_norm / (get_total_norm(gradients) + 1e-6)).clamp(max=1.0)  # the epsilon of torch's clip_grad_norm_
    for gradient in gradients:
        gradient.mul_(scale)
