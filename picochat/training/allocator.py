"""Keeping freed memory for the next step."""

from __future__ import annotations

import ctypes
import platform

# from malloc.h
M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_MMAP_MAX = -4
PAD = 256 << 20
"""Bytes to take from the system at once."""


def keep_freed_memory() -> bool:
    """Tell glibc to give no memory back to the system while training; returns whether it could be told.

    A step frees all of its large buffers and the next one needs the same again. By default each goes back to the system when
    freed, and every page of it must then be found and cleared anew: with that, half of the time of a small model's training
    was spent in the kernel.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    wishes = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1), (M_TOP_PAD, PAD))
    heard = [mallopt(option, value) == 1 for option, value in wishes]
    return all(heard)
