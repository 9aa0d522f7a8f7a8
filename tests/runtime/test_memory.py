"""Freed memory is kept for the next tensor."""

import platform
import subprocess
import sys

import pytest

COUNT_PAGE_FAULTS = """
import resource, sys
import numpy as np
from codecfake.runtime.memory import keep_freed_memory

if sys.argv[1] == "keep":
    keep_freed_memory()
np.ones(2**24, np.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    np.ones(2**24, np.float32)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_large_blocks_are_reused():
    keep, give_back = (
        int(subprocess.check_output([sys.executable, "-c", COUNT_PAGE_FAULTS, kind])) for kind in ("keep", "give back")
    )
    # with huge pages, a block of 64 MB is 32 faults; with pages of 4 KB, 16,384
    assert keep < 20 < give_back
