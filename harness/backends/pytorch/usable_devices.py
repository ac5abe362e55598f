"""The accelerators that this installation of PyTorch can use."""

import torch

from harness.config.hardware import Usable


def usable() -> Usable:
    """The devices in PyTorch's order, or why there is none; call it in a process that ends soon, as it starts CUDA."""
    if torch.backends.mps.is_available():
        return Usable([{"kind": "mps"}])
    if torch.version.cuda is None:
        return Usable([], f"PyTorch {torch.__version__} is built without CUDA")
    try:
        torch.cuda.init()
        found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    except RuntimeError as error:
        return Usable([], str(error).splitlines()[0])
    devices = [{"kind": "cuda", "name": one.name, "uuid": str(getattr(one, "uuid", ""))} for one in found]
    versions = {"cuda": torch.version.cuda, "cudnn": str(torch.backends.cudnn.version())}
    return Usable(devices, "" if devices else "CUDA shows it no device", versions)
