"""Score the dev and eval trials of every codec, condition and set with every detector and baseline.

INPUTS   detectors/DETECTOR/seedN/TRAIN_SET.pt or published weights, all protocols and waveforms
OUTPUTS  scores/DETECTOR/seedN/TRAIN_SET.tsv (filename, cm-score of the codecs' eval trials), .other.tsv (all others);
         scores/baselines/BASELINE.tsv, .other.tsv;
         scores/DETECTOR/seedN/tracing/BY.tsv, .confusion.tsv, .png, .traces.tsv
"""

SCORED = trials_of(RUN_PATHS.protocols())
CODECS = trials_of(RUN_PATHS.codecs)["protocols"]


rule score_protocol:
    input:
        **SCORED,
        checkpoint=ANY.detector_of("{train_set}", "{seed}"),
        code=code("score_protocol", [DETECTOR_MODULE]),
    output:
        **ANY.scores_of("{train_set}", "{seed}")._asdict(),
    log:
        f"{EXPERIMENT}/logs/score_protocol/{{train_set}}.{{seed}}.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/score_protocol/{{train_set}}.{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: LOADERS
    resources:
        gpu=GPUS,
    params:
        batch_size=RUN["detector_entry"]["batch_size"],
        detector=DETECTOR,
        codecs=CODECS,
        gpu_use=f"{EXPERIMENT}/benchmarks/score_protocol/{{train_set}}.{{seed}}.gpu.json",
    message:
        "score with {params.detector} trained on {wildcards.train_set}, seed {wildcards.seed}"
    shell:
        "codecfake score-protocol --detector {params.detector} --checkpoint {input.checkpoint:q}"
        " --batch-size {params.batch_size}"
        " --protocols {input.protocols:q} --waveforms {input.waveforms:q}"
        " --workers {threads} --gpu-use {params.gpu_use:q}"
        " --codecs {params.codecs:q} --out {output.main:q} --other {output.other:q} 2> {log:q}"


rule score_pretrained:
    input:
        **SCORED,
        code=code(
            "score_protocol",
            lambda wildcards: [
                f"detectors/{RUN['baseline_entries'][wildcards.pretrained]['module']}"
            ],
        ),
    output:
        **ANY.baseline_scores_of("{pretrained}")._asdict(),
    log:
        f"{EXPERIMENT}/logs/score_pretrained/{{pretrained}}.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/score_pretrained/{{pretrained}}.tsv"
    conda:
        ENVIRONMENT
    threads: LOADERS
    resources:
        gpu=GPUS,
    params:
        entry=lambda wildcards: json.dumps(
            RUN["baseline_entries"][wildcards.pretrained]
        ),
        batch_size=lambda wildcards: RUN["baseline_entries"][wildcards.pretrained][
            "batch_size"
        ],
        codecs=CODECS,
        gpu_use=f"{EXPERIMENT}/benchmarks/score_pretrained/{{pretrained}}.gpu.json",
    message:
        "score with pretrained {wildcards.pretrained}"
    shell:
        "codecfake score-protocol --detector {wildcards.pretrained} --entry {params.entry:q}"
        " --batch-size {params.batch_size}"
        " --protocols {input.protocols:q} --waveforms {input.waveforms:q}"
        " --workers {threads} --gpu-use {params.gpu_use:q}"
        " --codecs {params.codecs:q} --out {output.main:q} --other {output.other:q} 2> {log:q}"


rule score_baseline:
    input:
        **SCORED,
        code=code("score_baseline"),
    output:
        **ANY.baseline_scores_of("{baseline}")._asdict(),
    log:
        f"{EXPERIMENT}/logs/score_baseline/{{baseline}}.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/score_baseline/{{baseline}}.tsv"
    conda:
        ENVIRONMENT
    params:
        seed=RUN["seeds"][0],
        codecs=CODECS,
    message:
        "score with baseline {wildcards.baseline}"
    shell:
        "codecfake score-baseline --baseline {wildcards.baseline} --seed {params.seed}"
        " --protocols {input.protocols:q} --waveforms {input.waveforms:q}"
        " --codecs {params.codecs:q} --out {output.main:q} --other {output.other:q} 2> {log:q}"


rule trace_protocol:
    input:
        **trials_of(RUN_PATHS.codecs),
        checkpoint=ANY.tracer_of("{by}").checkpoint,
        code=code("trace_protocol", [DETECTOR_MODULE]),
    output:
        **ANY.traces_of("{by}")._asdict(),
    log:
        f"{EXPERIMENT}/logs/trace_protocol/{{by}}.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/trace_protocol/{{by}}.tsv"
    conda:
        ENVIRONMENT
    threads: LOADERS
    resources:
        gpu=GPUS,
    params:
        batch_size=RUN["detector_entry"]["batch_size"],
        detector=DETECTOR,
        seed=RUN["seeds"][0],
        gpu_use=f"{EXPERIMENT}/benchmarks/trace_protocol/{{by}}.gpu.json",
    message:
        "trace the {wildcards.by} with {params.detector}"
    shell:
        "codecfake trace-protocol --detector {params.detector} --checkpoint {input.checkpoint:q}"
        " --batch-size {params.batch_size} --seed {params.seed}"
        " --protocols {input.protocols:q} --waveforms {input.waveforms:q}"
        " --workers {threads} --gpu-use {params.gpu_use:q}"
        " --tracing {output.tracing:q} --confusion {output.confusion:q}"
        " --png {output.png:q} --traces {output.traces:q} 2> {log:q}"
