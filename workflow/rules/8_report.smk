"""What was run and what came of it, in one page that needs no network; and a page to listen to.

INPUTS   the matrix and tables of every recipe, scores, protocols, histories, benchmarks; a few shards to listen to
OUTPUTS  config.json (the resolved config), report.html; samples/index.html with its audio/ and images/ beside it
"""


rule resolved_config:
    output:
        f"{STUDY}/config.json",
    log:
        f"{STUDY}/logs/resolved_config/config.log",
    benchmark:
        f"{STUDY}/benchmarks/resolved_config/config.tsv"
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
        run=f"{STUDY}/config.json",
        corpus=LAYOUT.corpus_tables(),
        splits=LAYOUT.splits(),
        shards=LAYOUT.codec_shards(LAYOUT.codecs),
        protocols=[LAYOUT.protocol_of(name) for name in LAYOUT.protocols()],
        histories=[LAYOUT.history_of(*detector) for detector in LAYOUT.detectors()],
        scores=[path for _, path in LAYOUT.scores()],
        heatmap=LAYOUT.matrix().png,
        breakdown=LAYOUT.matrix().breakdown,
        significance=LAYOUT.matrix().significance,
        findings=[path for at in AT.values() for path in at.findings()],
        code=code("report"),
        templates=templates("report.html"),
    output:
        report(f"{STUDY}/report.html", category="results"),
    log:
        f"{STUDY}/logs/report/report.log",
    benchmark:
        f"{STUDY}/benchmarks/report/report.tsv"
    conda:
        ENVIRONMENT
    message:
        "the report"
    shell:
        "codecfake report --run {input.run:q} --out {output:q} 2> {log:q}"


rule samples:
    input:
        run=f"{STUDY}/config.json",
        utterances=f"{RESULTS}/corpus/utterances.tsv",
        splits=LAYOUT.splits(),
        shards=LAYOUT.codec_shards(LAYOUT.codecs),
        scores=[path for _, path in LAYOUT.scores()],
        metrics=LAYOUT.matrix().metrics,
        code=code("samples"),
        templates=templates("samples.html", "samples.css", "samples.js"),
    output:
        f"{STUDY}/samples/index.html",
    log:
        f"{STUDY}/logs/samples/samples.log",
    benchmark:
        f"{STUDY}/benchmarks/samples/samples.tsv"
    conda:
        ENVIRONMENT
    params:
        scores=[f"{name}={path}" for name, path in LAYOUT.scores()],
        resynthesised=lambda wildcards: LAYOUT.resynthesised(),
    message:
        "the samples page"
    shell:
        "codecfake samples --run {input.run:q} --utterances {input.utterances:q} --splits {input.splits:q}"
        " --resynthesised {params.resynthesised:q} --scores {params.scores:q} --metrics {input.metrics:q}"
        " --out {output:q} 2> {log:q}"
