"""Which device to compute on."""

from __future__ import annotations

import torch

from picochat.errors import DeviceError

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" takes a GPU where there is one.

    Raises:
        DeviceError: an unknown name, or a device that isn't here.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(device for device in ("cuda", "mps", "cpu") if available[device])
    kind, _, index = name.partition(":")
    if kind not in available or (index and not index.isdigit()):
        raise DeviceError(f"There is no device '{name}'; choose one of {', '.join(DEVICES)}.")
    if not available[kind] or (kind == "cuda" and index and int(index) >= torch.cuda.device_count()):
        here = ", ".join(device for device, there in available.items() if there)
        raise DeviceError(f"The device '{name}' is not available on this machine; use --device auto or one of: {here}.")
    return torch.device(name)
