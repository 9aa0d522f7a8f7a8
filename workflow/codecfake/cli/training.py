"""Training, shared by the verbs for detectors and tracers."""

import argparse

from codecfake.cli.fetching import model_files
from codecfake.cli.job import own_device


def train_by(args: argparse.Namespace, entry: dict, classes: dict[str, str] | None = None) -> None:
    """Train the detector or tracer of an entry on `--gpus` GPUs; write its checkpoint and history.

    Args:
        classes: class of each codec, by which spoof trials are balanced.
    """
    from codecfake.training import distributed
    from codecfake.training.trainer import save, train
    from codecfake.trials import waveform_cache
    from codecfake.trials.protocol import read_trials
    from codecfake.util.files import write_text
    from codecfake.util.hashing import digest
    from codecfake.util.source_code import code_digest

    if args.gpus > 1 and not distributed.started():
        distributed.start(args.device, args.gpus)
        return
    fetched, waveforms = model_files(entry, vars(args)), waveform_cache.waveforms(args.waveforms, args.workers)
    described = "".join(path.read_text(encoding="utf-8") for path in args.waveforms)
    code = code_digest(f"cli/{args.verb.replace('-', '_')}", f"detectors/{entry['module']}")
    state = args.out.with_suffix(".state")
    choose = distributed.own_device if distributed.started() else None
    with own_device(args, choose) as device, distributed.processes(device) as processes:
        trained = train(
            read_trials(args.protocols),
            waveforms,
            entry,
            seed=args.seed,
            device=device,
            workers=args.workers // processes.world_size,
            classes=classes,
            front_end=fetched.get("front_end"),
            processes=processes,
            state=state,
            fingerprint={"waveforms": digest(described), "code": code},
            curves=args.curves,
        )
    if processes.is_main:
        write_text(args.history, trained.history.to_csv(sep="\t", index=False))
        save(trained, args.detector, entry, args.out)
        state.unlink(missing_ok=True)
