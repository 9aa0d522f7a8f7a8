"""What was run and what came of it, in one page that needs no network.

INPUTS   the matrix, scores, protocols, histories, benchmarks, a few shards to listen to
OUTPUTS  config.json (the resolved config), report.html
"""


rule resolved_config:
    output:
        f"{EXPERIMENT}/config.json",
    log:
        f"{EXPERIMENT}/logs/resolved_config/config.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/resolved_config/config.tsv"
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
        matrix=f"{EXPERIMENT}/eer_matrix.tsv",
        utterances=f"{RESULTS}/corpus/utterances.tsv",
        left_out=f"{RESULTS}/corpus/left_out.tsv",
        speakers=f"{RESULTS}/corpus/speakers.tsv",
        splits=f"{EXPERIMENT}/splits.tsv",
        shards=codec_shards(ALL_CODECS),
        scores=[scores_of(codec) for codec in TRAIN_CODECS],
        protocols=[protocol_of(codec) for codec in ALL_CODECS],
        histories=[history_of(codec) for codec in TRAIN_CODECS],
        code=code("plots", "report") + ["workflow/codecfake/templates/report.html"],
    output:
        f"{EXPERIMENT}/report.html",
    log:
        f"{EXPERIMENT}/logs/report/report.log",
    benchmark:
        f"{EXPERIMENT}/benchmarks/report/report.tsv"
    conda:
        ENVIRONMENT
    params:
        scores=named(scores_of, TRAIN_CODECS),
        protocols=named(protocol_of, ALL_CODECS),
        histories=named(history_of, TRAIN_CODECS),
        resynthesised=lambda wildcards, input: folder_of_codecs(input.shards),
        benchmarks=sorted({f"{RESULTS}/benchmarks", f"{EXPERIMENT}/benchmarks"}),
    message:
        "the report"
    shell:
        "codecfake report --run {input.run:q} --scores {params.scores:q}"
        " --protocols {params.protocols:q} --histories {params.histories:q}"
        " --utterances {input.utterances:q} --left-out {input.left_out:q}"
        " --speakers {input.speakers:q} --splits {input.splits:q} --resynthesised {params.resynthesised:q}"
        " --benchmarks {params.benchmarks:q} --out {output:q} 2> {log:q}"
