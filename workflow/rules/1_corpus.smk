"""Fetch the corpus, list its utterances, pack its recordings.

INPUTS   the config's corpus section
OUTPUTS  corpus/utterances.tsv (id, speaker, split, rate, length, shard), corpus/NNN.parquet
"""


rule corpus:
    input:
        code=code("corpora/base", f"corpora/{RUN['corpus']['name']}"),
    output:
        f"{RESULTS}/corpus/utterances.tsv",
    log:
        f"{RESULTS}/logs/corpus/utterances.log",
    benchmark:
        f"{RESULTS}/benchmarks/corpus/utterances.tsv"
    conda:
        ENVIRONMENT
    params:
        corpus=json.dumps(RUN["corpus"]),
        shards=RUN["shards"],
    message:
        "corpus: fetch it and list its utterances"
    shell:
        "codecfake corpus --corpus {params.corpus:q} --shards {params.shards}"
        " --out {output:q} 2> {log:q}"


rule source_shard:
    input:
        utterances=f"{RESULTS}/corpus/utterances.tsv",
        code=code("audio", "store", f"corpora/{RUN['corpus']['name']}"),
    output:
        f"{RESULTS}/corpus/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/source_shard/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/source_shard/{{shard}}.tsv"
    conda:
        ENVIRONMENT
    params:
        corpus=json.dumps(RUN["corpus"]),
    message:
        "corpus: shard {wildcards.shard}"
    shell:
        "codecfake source-shard --corpus {params.corpus:q} --utterances {input.utterances:q}"
        " --shard {wildcards.shard} --out {output:q} 2> {log:q}"
