"""Train a detector per training set and seed, and tracers of the codec and the codec family.

INPUTS   protocols and waveform descriptions of bona fide speech and of the training codecs
OUTPUTS  detectors/DETECTOR/seedN/TRAIN_SET.pt, .history.tsv (learning rate, loss and dev EER per epoch);
         tensorboard/DETECTOR/seedN/TRAIN_SET/ (the same curves for TensorBoard; not a result);
         detectors/DETECTOR/seedN/tracing/BY.pt, .history.tsv (first seed only)
"""

# data-parallel processes, with one GPU each, that train one detector
GPUS_PER_DETECTOR = RUN["detector"]["gpus"]


rule train:
    input:
        unpack(
            lambda wildcards: trials_of(
                RUN_PATHS.trained_on(wildcards.train_set), at(wildcards)
            )
        ),
        code=code("train", [DETECTOR_MODULE]),
    output:
        checkpoint=ANY.detector_of("{train_set}", "{seed}"),
        history=ANY.history_of("{train_set}", "{seed}"),
    log:
        f"{EXPERIMENT}/logs/train/{{train_set}}.{{seed}}.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/train/{{train_set}}.{{seed}}.tsv"
    # the longest jobs start first, so that the others fill the remaining cores
    priority: lambda wildcards: len(RUN_PATHS.trained_on(wildcards.train_set))
    conda:
        ENVIRONMENT
    threads: LOADERS * GPUS_PER_DETECTOR
    resources:
        gpu=GPUS * GPUS_PER_DETECTOR,
    params:
        entry=json.dumps(RUN["detector_entry"]),
        classes=lambda wildcards: json.dumps(
            RUN_PATHS.train_sets[wildcards.train_set].classes
        ),
        detector=DETECTOR,
        gpus=GPUS_PER_DETECTOR,
        curves=f"{EXPERIMENT}/tensorboard/{DETECTOR}/seed{{seed}}/{{train_set}}",
        gpu_use=f"{EXPERIMENT}/benchmarks/train/{{train_set}}.{{seed}}.gpu.json",
    message:
        "train {params.detector} on {wildcards.train_set}, seed {wildcards.seed}"
    shell:
        "codecfake train --detector {params.detector} --entry {params.entry:q}"
        " --seed {wildcards.seed} --classes {params.classes:q} --protocols {input.protocols:q}"
        " --waveforms {input.waveforms:q} --workers {threads} --gpus {params.gpus}"
        " --gpu-use {params.gpu_use:q}"
        " --curves {params.curves:q} --history {output.history:q}"
        " --out {output.checkpoint:q} 2> {log:q}"


rule train_tracer:
    input:
        **trials_of(RUN_PATHS.codecs),
        code=code("train_tracer", [DETECTOR_MODULE]),
    output:
        **ANY.tracer_of("{by}")._asdict(),
    log:
        f"{EXPERIMENT}/logs/train_tracer/{{by}}.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/train_tracer/{{by}}.tsv"
    priority: len(RUN_PATHS.codecs)
    conda:
        ENVIRONMENT
    threads: LOADERS * GPUS_PER_DETECTOR
    resources:
        gpu=GPUS * GPUS_PER_DETECTOR,
    params:
        entry=json.dumps(RUN["detector_entry"]),
        classes=lambda wildcards: json.dumps(class_of_codecs(wildcards.by)),
        detector=DETECTOR,
        seed=RUN["seeds"][0],
        gpus=GPUS_PER_DETECTOR,
        curves=f"{EXPERIMENT}/tensorboard/{DETECTOR}/seed{RUN['seeds'][0]}/tracing/{{by}}",
        gpu_use=f"{EXPERIMENT}/benchmarks/train_tracer/{{by}}.gpu.json",
    message:
        "train {params.detector} to trace the {wildcards.by}"
    shell:
        "codecfake train-tracer --detector {params.detector} --entry {params.entry:q}"
        " --classes {params.classes:q} --seed {params.seed} --protocols {input.protocols:q}"
        " --waveforms {input.waveforms:q} --workers {threads} --gpus {params.gpus}"
        " --gpu-use {params.gpu_use:q}"
        " --curves {params.curves:q} --history {output.history:q}"
        " --out {output.checkpoint:q} 2> {log:q}"
