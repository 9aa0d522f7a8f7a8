"""What was run and what came of it, in one page that needs no network.

INPUTS   the matrix and tables, scores, protocols, histories, benchmarks, a few shards to listen to
OUTPUTS  config.json (the resolved config), report.html
"""


rule resolved_config:
    output:
        f"{EXPERIMENT}/config.json",
    log:
        f"{EXPERIMENT}/logs/resolved_config/config.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/resolved_config/config.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    params:
        run=json.dumps(RUN, indent=2),
    message:
        "the resolved config"
    shell:
        "printf '%s\\n' {params.run:q} > {output:q} 2> {log:q}"


rule report:
    input:
        run=f"{EXPERIMENT}/config.json",
        heatmap=f"{EXPERIMENT}/eer_matrix.png",
        metrics=f"{EXPERIMENT}/metrics.tsv",
        breakdown=f"{EXPERIMENT}/breakdown.tsv",
        significance=f"{EXPERIMENT}/significance.tsv",
        utterances=f"{RESULTS}/corpus/utterances.tsv",
        left_out=f"{RESULTS}/corpus/left_out.tsv",
        speakers=f"{RESULTS}/corpus/speakers.tsv",
        splits=LAYOUT.splits(),
        shards=LAYOUT.codec_shards(LAYOUT.codecs),
        scores=[path for _, path in LAYOUT.scores()],
        protocols=[LAYOUT.protocol_of(name) for name in LAYOUT.protocols()],
        histories=[LAYOUT.history_of(*detector) for detector in LAYOUT.detectors()],
        code=code("plots", "report") + ["workflow/codecfake/templates/report.html"],
    output:
        report(f"{EXPERIMENT}/report.html", category="results"),
    log:
        f"{EXPERIMENT}/logs/report/report.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/report/report.tsv"
    conda:
        ENVIRONMENT
    params:
        scores=[f"{name}={path}" for name, path in LAYOUT.scores()],
        protocols=named(LAYOUT.protocol_of, LAYOUT.protocols()),
        histories=[
            f"{train_set}@{seed}={LAYOUT.history_of(train_set, seed)}"
            for train_set, seed in LAYOUT.detectors()
        ],
        resynthesised=lambda wildcards, input: folder_of_codecs(input.shards),
        benchmarks=sorted({f"{RESULTS}/benchmarks", f"{EXPERIMENT}/benchmarks"}),
    message:
        "the report"
    shell:
        "codecfake report --run {input.run:q} --metrics {input.metrics:q} --breakdown {input.breakdown:q}"
        " --significance {input.significance:q} --heatmap {input.heatmap:q} --scores {params.scores:q}"
        " --protocols {params.protocols:q} --histories {params.histories:q}"
        " --utterances {input.utterances:q} --left-out {input.left_out:q}"
        " --speakers {input.speakers:q} --splits {input.splits:q} --resynthesised {params.resynthesised:q}"
        " --benchmarks {params.benchmarks:q} --out {output:q} 2> {log:q}"
