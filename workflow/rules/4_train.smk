"""One detector per codec, and one on all of them.

INPUTS   protocols and shards of bona fide speech and of the codecs trained on
OUTPUTS  detectors/DETECTOR/TRAIN_CODEC.pt, .history.tsv (loss and dev EER by epoch)
"""


rule train:
    input:
        protocols=lambda wildcards: [
            LAYOUT.protocol_of(codec)
            for codec in LAYOUT.trained_on(wildcards.train_codec)
        ],
        shards=lambda wildcards: LAYOUT.codec_shards(
            LAYOUT.trained_on(wildcards.train_codec)
        ),
        code=code(
            "dataset", "train", "score", f"detectors/{RUN['detector_entry']['module']}"
        ),
    output:
        checkpoint=LAYOUT.detector_of("{train_codec}"),
        history=LAYOUT.history_of("{train_codec}"),
    log:
        f"{EXPERIMENT}/logs/train/{{train_codec}}.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/train/{{train_codec}}.tsv"
    # the longest job first, so that the others fill the cores beside it
    priority: lambda wildcards: 1 if wildcards.train_codec == POOLED else 0
    conda:
        ENVIRONMENT
    threads: LOADERS
    resources:
        gpu=GPUS,
    params:
        entry=json.dumps(RUN["detector_entry"]),
        seed=RUN["seed"],
        detector=DETECTOR,
        resynthesised=lambda wildcards, input: folder_of_codecs(input.shards),
        gpu_use=f"{EXPERIMENT}/benchmarks/train/{{train_codec}}.gpu.json",
    message:
        "train {params.detector} on {wildcards.train_codec}"
    shell:
        "codecfake train --detector {params.detector} --entry {params.entry:q} --seed {params.seed}"
        " --protocols {input.protocols:q}"
        " --resynthesised {params.resynthesised:q} --workers {threads} --gpu-use {params.gpu_use:q}"
        " --history {output.history:q}"
        " --out {output.checkpoint:q} 2> {log:q}"
