"""Clusters of trials that are not independent, e.g. those of a speaker, for confidence intervals."""

import numpy as np

from codecfake.util.errors import DataError

#: Coverage of all intervals; the two tails are equal.
CONFIDENCE = 0.95


def numbered(
    bonafide: np.ndarray, spoof: np.ndarray, bonafide_clusters: np.ndarray | None, spoof_clusters: np.ndarray | None
) -> np.ndarray:
    """Return the cluster of each trial, bona fide [N] then spoof [M], as its index in the sorted cluster names [N + M].

    Raises:
        DataError: trials and clusters differ in number, one class has no clusters, or there is only one cluster.
    """
    if bonafide_clusters is None or spoof_clusters is None:
        raise DataError("clusters of one class only; give the clusters of both classes, or of neither")
    for name, scores, clusters in (("bonafide", bonafide, bonafide_clusters), ("spoof", spoof, spoof_clusters)):
        if len(scores) != len(clusters):
            raise DataError(
                f"{len(scores)} {name} scores but {len(clusters)} clusters; both must be of the same trials"
            )
    names, cluster = np.unique(np.append(bonafide_clusters, spoof_clusters), return_inverse=True)
    if len(names) == 1:
        raise DataError(f"all trials are of cluster {names[0]}; an interval needs at least two clusters")
    return cluster
