"""On PYTHONPATH, lets names in CUDA_VISIBLE_DEVICES stand for GPUs, where a run computes on the CPU after all."""

import sys
from importlib.abc import MetaPathFinder
from importlib.util import find_spec


class Pretending(MetaPathFinder):
    """Changes `codecfake.cuda` as it is imported: nothing says that there is a GPU that torch cannot use."""

    def find_spec(self, name, path, target=None):
        if name != "codecfake.cuda":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            module.evidence = lambda: ""

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Pretending())
