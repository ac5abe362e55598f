"""The PyTorch backend: ``harness.backends.Backend`` with Lightning's Trainer.

Dimension letters: N sequences, L length, C classes.
"""

import copy
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytorch_lightning as lightning
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment

from harness.backends.base import DeviceBatch
from harness.backends.distributed import node_rank
from harness.backends.exported import Exported, graph_inputs
from harness.backends.history import Metrics, best_epoch, evaluated_splits
from harness.backends.outputs import in_order
from harness.backends.pytorch.accelerator import on_device, warm_up
from harness.backends.pytorch.attention_weights import attention_of
from harness.backends.pytorch.checkpoints import BEST, LAST, AtomicCheckpoints, EpochEnds, load
from harness.backends.pytorch.distributed import SameOnAllNodes
from harness.backends.pytorch.encoders.recurrent import kernels_of
from harness.backends.pytorch.lightning_messages import silence
from harness.backends.pytorch.losses import make_loss
from harness.backends.pytorch.model import build, check_custom_encoder
from harness.backends.pytorch.pretrained_model import load_library
from harness.backends.pytorch.progress import Progress
from harness.backends.pytorch.training import TimedBatches, Training
from harness.backends.resuming import read_weights, resumable
from harness.backends.schedules import rate_of
from harness.config.pretrained import is_pretrained
from harness.config.schema import Config
from harness.data import Batch, Batches, Dataset, Split
from harness.data.batches import gather
from harness.errors import UserError
from harness.measure import StepTimer
from harness.records.record import Hardware, Kernels
from harness.tasks.task import class_weights, task_of

PRECISION = {"32": "32-true", "bf16": "bf16-mixed"}
DEVICE = {"cpu": "cpu", "gpu": "cuda", "mps": "mps"}


class Backend:
    """Encoders in PyTorch, trained by Lightning."""

    exports = ("onnx", "torch")

    def __init__(self, config: Config, hardware: Hardware) -> None:
        self.config, self.hardware = config, hardware
        if is_pretrained(config.encoder):
            load_library(config.encoder["model"])
        local_rank, self.world_size = int(os.environ.get("LOCAL_RANK", 0)), hardware.devices * hardware.nodes
        self.rank = node_rank(hardware.nodes) * hardware.devices + local_rank
        kind = DEVICE[hardware.accelerator]
        self.device = torch.device(kind, local_rank) if kind == "cuda" else torch.device(kind)
        torch.set_num_threads(hardware.threads)
        # cuDNN would use TF32 in recurrent layers; all other products, and the other backend, use float32
        torch.backends.cudnn.allow_tf32 = False
        silence()

    def seed(self, seed: int) -> None:
        lightning.seed_everything(seed, verbose=False)

    def build(self, data: Dataset, seed: int) -> None:
        if self.config.trainer.compile:
            # torch.compile would compile recurrent kernels again for every length, during the timed steps
            raise UserError("trainer.compile=true is for backend=tensorflow (XLA); take that, or set it to false")
        self.model = build(self.config, data, seed)
        check_custom_encoder(self.model, self.config, data, self.device, self._precision)
        self.task, self.class_weights_C = task_of(data), class_weights(self.config, data)
        self.loss = make_loss(data, self.class_weights_C, self.device)

    def parameters(self) -> Metrics:
        return self.model.parameter_counts()

    def flops(self, length: int) -> int | None:
        return self.model.flops(length)

    def kernels(self) -> Kernels:
        return kernels_of(self.model, self.device.type)

    def fit(
        self, data: Dataset, timer: StepTimer, folder: Path, epoch_done: Callable[[Metrics], None],
        limits: Sequence[float] = (),
    ) -> tuple[list[Metrics], int]:
        settings, seed = self.config.trainer, self.config.seed
        batches = self._training_batches(data)
        total_steps, clip_norm = settings.epochs * len(batches), settings.clip_norm
        monitor = self.task.monitor(settings.monitor)
        splits = evaluated_splits(data, settings.report_test_each_epoch)
        training = Training(
            self.model, self.task, self.loss, self.config.optimizer, clip_norm, seed, total_steps, timer,
            rate_of(self.config.optimizer, monitor), evaluated=tuple(splits),
        )  # fmt: skip
        resumes = not self.config.rerun and resumable(folder / LAST, folder / BEST, load)
        callbacks = [EpochEnds(folder, monitor, settings.patience, epoch_done, limits), Progress(timer)]
        if self.hardware.nodes > 1:
            # the folder's name is the run's fingerprint: config, data, code, versions and kind of machine
            callbacks.append(SameOnAllNodes({"the run": folder.name, "the checkpoint to resume from": resumes}))
        checkpoints = AtomicCheckpoints()
        trainer = lightning.Trainer(
            accelerator=self.hardware.accelerator,
            devices=self.hardware.devices,
            num_nodes=self.hardware.nodes,
            precision=PRECISION[self.hardware.precision],
            max_epochs=settings.epochs,
            callbacks=callbacks,
            plugins=[checkpoints, LightningEnvironment()],
            strategy="ddp" if self.world_size > 1 else "auto",
            default_root_dir=folder,
            logger=False,
            enable_checkpointing=False,
            num_sanity_val_steps=0,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        evaluated = [self._evaluation(split) for split in splits.values()]
        resumed = str(folder / LAST) if resumes else None
        if self.device.type != "cpu":
            self._run_once(batches.largest())
        trainer.fit(training, TimedBatches(batches, timer), evaluated, ckpt_path=resumed, weights_only=True)
        training.release_tables()
        if self.rank > 0:  # only the first process evaluates, and writes the file with the best weights
            return training.history, 0
        chosen = load(folder / BEST)
        training.load_state_dict(chosen["state_dict"])
        self.model.zero_grad(set_to_none=True)
        kept = {name: chosen[name] for name in ("state_dict", "epoch")}  # without the optimizer state
        checkpoints.save_checkpoint(kept, folder / BEST)
        return training.history, best_epoch(training.history, monitor)

    def restore(self, folder: Path) -> None:
        with read_weights(folder / BEST):
            trained = load(folder / BEST)["state_dict"]
            self.model.load_state_dict({name.removeprefix("model."): value for name, value in trained.items()})

    def export(self, kind: str, file: Path, examples: Split) -> None:
        from harness.backends.pytorch import exporting  # loads torch.export, which no training needs

        exporting.export(self.model, kind, file, graph_inputs(examples, np.arange(len(examples))))

    def exported(self, kind: str, file: Path) -> Exported:
        from harness.backends.pytorch import exporting

        return exporting.exported(kind, file)

    def _training_batches(self, data: Dataset) -> Batches:
        """The batches of train; of several processes, this one's part of each."""
        return Batches(
            data.train,
            self.config.trainer.batch_size,
            seed=self.config.seed,
            bucket=self.config.trainer.bucket,
            share=(self.rank, self.world_size),
            per_step=data.task == "tagging",
            class_weights_C=self.class_weights_C,
            to_device=self._to_device,
        )

    def gather(self, value: Metrics) -> list[Metrics]:
        values = [value] * self.world_size
        if len(values) > 1:
            torch.distributed.all_gather_object(values, value)
        return values

    def predict(self, split: Split) -> np.ndarray:
        batches, forward = self._evaluation(split), self._forward()
        outputs = (forward(batch).float().cpu().numpy() for batch in batches)
        return in_order(split, self.task, zip(batches.rows(), outputs, strict=True))

    def passes(
        self, split: Split, rows: Sequence[np.ndarray]
    ) -> tuple[Callable[[DeviceBatch], object], list[DeviceBatch]]:
        return self._forward(), [self._to_device(gather(split, some)) for some in rows]

    def attention(self, split: Split, rows: np.ndarray) -> dict[str, np.ndarray]:
        forward, (batch,) = self.passes(split, [rows])
        return attention_of(self.model, lambda: forward(batch))

    def training_pass(self) -> Callable[[DeviceBatch], object]:
        model = self.model.to(self.device).train()

        def training_pass(batch: DeviceBatch) -> None:
            model.zero_grad(set_to_none=True)
            with self._precision():
                loss = self.loss(model(batch.x, batch.length_B), batch.y, batch.length_B)
            loss.backward()

        return training_pass

    def _run_once(self, batch: DeviceBatch) -> None:
        """Let the device's allocator grow and its kernels be chosen before any timed step; the model stays as it is.

        On a CPU this is not done: it would add to the host's peak, and its allocator takes no time to speak of.
        """
        kept = copy.deepcopy(self.model.state_dict())
        self.training_pass()(batch)
        self.model.zero_grad(set_to_none=True)
        self.model.load_state_dict(kept)

    def warm_up_device(self) -> None:
        if self.device.type != "cpu":
            warm_up(self.device)
            self.sync()

    def sync(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def device_peak(self) -> float | None:
        return torch.cuda.max_memory_allocated(self.device) / 2**20 if self.device.type == "cuda" else None

    def device_reset(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)

    def _forward(self) -> Callable[[DeviceBatch], torch.Tensor]:
        model = self.model.to(self.device).eval()

        @torch.inference_mode()
        def forward(batch: DeviceBatch) -> torch.Tensor:
            with self._precision():
                return model(batch.x, batch.length_B)

        return forward

    def _precision(self) -> torch.autocast:
        """Autocast as Lightning has it in training: a weight is cast at each use, and its gradients add up in float32.

        Of a weight that is cast once and used at each position, they would add up in bfloat16, in which a sum stops
        growing at 256 times its terms.
        """
        half = self.hardware.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=half, cache_enabled=False)

    def _evaluation(self, split: Split) -> Batches:
        return Batches(split, self.config.trainer.eval_batch_size, to_device=self._to_device)

    def _to_device(self, batch: Batch) -> DeviceBatch:
        x, length_B, y = (on_device(array, self.device) for array in (batch.x, batch.length_B, batch.y))
        if batch.characters_BLW is not None:
            x = (x, on_device(batch.characters_BLW, self.device))
        return DeviceBatch(x, length_B, y, batch.tokens, batch.sequences, batch.whole, batch.weight)
