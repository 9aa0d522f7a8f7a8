"""What was run and what came of it, in one page that needs no network.

INPUTS   the matrix, scores, protocols, histories, benchmarks, a few shards to listen to
OUTPUTS  config.json (the resolved config), report.html
"""


rule resolved_config:
    output:
        f"{RESULTS}/config.json",
    log:
        f"{RESULTS}/logs/resolved_config/config.log",
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
        run=f"{RESULTS}/config.json",
        matrix=f"{RESULTS}/eer_matrix.tsv",
        utterances=f"{RESULTS}/corpus/utterances.tsv",
        shards=codec_shards(ALL_CODECS),
        scores=[scores_of(codec) for codec in TRAIN_CODECS],
        protocols=[protocol_of(codec) for codec in ALL_CODECS],
        histories=[history_of(codec) for codec in TRAIN_CODECS],
        code=code("plots", "report") + ["workflow/codecfake/templates/report.html"],
    output:
        f"{RESULTS}/report.html",
    log:
        f"{RESULTS}/logs/report/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report/report.tsv"
    conda:
        ENVIRONMENT
    params:
        scores=named(scores_of, TRAIN_CODECS),
        protocols=named(protocol_of, ALL_CODECS),
        histories=named(history_of, TRAIN_CODECS),
        resynthesised=lambda wildcards, input: folder_of_codecs(input.shards),
        benchmarks=f"{RESULTS}/benchmarks",
    message:
        "the report"
    shell:
        "codecfake report --run {input.run:q} --scores {params.scores:q}"
        " --protocols {params.protocols:q} --histories {params.histories:q}"
        " --utterances {input.utterances:q} --resynthesised {params.resynthesised:q}"
        " --benchmarks {params.benchmarks:q} --out {output:q} 2> {log:q}"
