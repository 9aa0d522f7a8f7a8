"""Fetch the corpus, list its utterances, and pack its recordings and those of the evaluation sets into shards.

INPUTS   the config's corpus section and evaluation_sets
OUTPUTS  corpus/utterances.tsv (id, speaker, rate, length, shard, text), corpus/left_out.tsv (missing or
         unusable utterances, with the reason), corpus/speakers.tsv, corpus/NNN.parquet, corpus/sets/SET.parquet
"""

CORPUS_MODULE = f"corpora/{RUN['corpus']['name']}"


rule corpus:
    input:
        code=code("corpus", [CORPUS_MODULE]),
    output:
        **RUN_PATHS.corpus_tables()._asdict(),
    log:
        f"{RESULTS}/logs/corpus/utterances.log",
    benchmark:
        f"{RESULTS}/benchmarks/corpus/utterances.tsv"
    conda:
        ENVIRONMENT
    threads: 4
    params:
        corpus=LISTED,
        shards=RUN["shards"],
        folder=folder_of,
    message:
        "corpus: fetch, read and list utterances"
    shell:
        "codecfake corpus --corpus {params.corpus:q} --shards {params.shards}"
        " --workers {threads} --out {params.folder:q} 2> {log:q}"


rule source_shard:
    input:
        utterances=f"{RESULTS}/corpus/utterances.tsv",
        code=code("source_shard", [CORPUS_MODULE]),
    output:
        f"{RESULTS}/corpus/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/source_shard/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/source_shard/{{shard}}.tsv"
    conda:
        ENVIRONMENT
    params:
        corpus=LISTED,
    message:
        "corpus: pack shard {wildcards.shard}"
    shell:
        "codecfake source-shard --corpus {params.corpus:q} --utterances {input.utterances:q}"
        " --shard {wildcards.shard} --out {output:q} 2> {log:q}"


rule evaluation_set:
    input:
        code=code("evaluation_set"),
    output:
        RUN_PATHS.set_shard("{set}"),
    log:
        f"{RESULTS}/logs/evaluation_set/{{set}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluation_set/{{set}}.tsv"
    conda:
        ENVIRONMENT
    params:
        folder=lambda wildcards: RUN["evaluation_sets"][wildcards.set],
    message:
        "evaluation set {wildcards.set}: pack"
    shell:
        "codecfake evaluation-set --name {wildcards.set:q} --folder {params.folder:q} --out {output:q} 2> {log:q}"
