"""AASIST's back end: attention over the nodes of a spectral and a temporal graph (Jung et al., ICASSP 2022).

Parameters have the names and shapes of the authors' published state_dicts.
Shapes: B utterances, N nodes of a graph, D features of a node.
"""

import torch
from torch import nn

from codecfake.detectors.base import OUTPUTS, Detector


def _normalised(bn: nn.BatchNorm1d, x: torch.Tensor) -> torch.Tensor:
    """Batch-normalise nodes [B, N, D] by feature."""
    return bn(x.flatten(0, 1)).view_as(x)


def _pairs(x: torch.Tensor) -> torch.Tensor:
    """Return the products of all pairs of nodes, [B, N, N, D]."""
    return x[:, :, None] * x[:, None]


class GraphAttention(nn.Module):
    """Maps nodes [B, N, D] to [B, N, D'], combining each node with the attention-weighted mean of all nodes."""

    def __init__(self, inputs: int, outputs: int, temperature: float):
        super().__init__()
        self.att_proj = nn.Linear(inputs, outputs)
        self.att_weight = nn.Parameter(_xavier(outputs))
        self.proj_with_att = nn.Linear(inputs, outputs)
        self.proj_without_att = nn.Linear(inputs, outputs)
        self.bn = nn.BatchNorm1d(outputs)
        self.dropout = nn.Dropout(0.2)
        self.temperature = temperature

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.dropout(x)
        attention = torch.tanh(self.att_proj(_pairs(x))) @ self.att_weight / self.temperature
        mean = attention.squeeze(3).softmax(dim=2) @ x
        return nn.functional.selu(_normalised(self.bn, self.proj_with_att(mean) + self.proj_without_att(x)))


class HeterogeneousAttention(nn.Module):
    """Attention over the nodes of two graphs, with weights for each pair of graphs, and a master node for all nodes.

    Maps (first [B, N, D], second [B, M, D], master [B, 1, D]) to the same shapes with D' features.
    """

    def __init__(self, inputs: int, outputs: int, temperature: float):
        super().__init__()
        self.proj_type1, self.proj_type2 = nn.Linear(inputs, inputs), nn.Linear(inputs, inputs)
        self.att_proj, self.att_projM = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs)
        for kinds in ("11", "22", "12", "M"):
            self.register_parameter(f"att_weight{kinds}", nn.Parameter(_xavier(outputs)))
        self.proj_with_att, self.proj_without_att = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs)
        self.proj_with_attM, self.proj_without_attM = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs)
        self.bn = nn.BatchNorm1d(outputs)
        self.dropout = nn.Dropout(0.2)
        self.temperature = temperature

    def forward(
        self, first: torch.Tensor, second: torch.Tensor, master: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        sizes = [first.shape[1], second.shape[1]]
        x = self.dropout(torch.cat([self.proj_type1(first), self.proj_type2(second)], dim=1))
        pairs = torch.tanh(self.att_proj(_pairs(x)))
        (one, across), (back, other) = (rows.split(sizes, dim=2) for rows in pairs.split(sizes, dim=1))
        attention = torch.cat(
            [
                torch.cat([one @ self.att_weight11, across @ self.att_weight12], dim=2),
                torch.cat([back @ self.att_weight12, other @ self.att_weight22], dim=2),
            ],
            dim=1,
        )
        of_master = torch.tanh(self.att_projM(x * master)) @ self.att_weightM / self.temperature
        summary = of_master.softmax(dim=1).transpose(1, 2) @ x
        master = self.proj_with_attM(summary) + self.proj_without_attM(master)
        mean = (attention.squeeze(3) / self.temperature).softmax(dim=2) @ x
        x = nn.functional.selu(_normalised(self.bn, self.proj_with_att(mean) + self.proj_without_att(x)))
        return *x.split(sizes, dim=1), master


class Pool(nn.Module):
    """Keeps the share `ratio` of nodes [B, N, D] with the highest scores, each multiplied by its score."""

    def __init__(self, ratio: float, features: int):
        super().__init__()
        self.proj = nn.Linear(features, 1)
        self.dropout = nn.Dropout(0.3)
        self.ratio = ratio

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = torch.sigmoid(self.proj(self.dropout(x)))
        kept = scores.topk(max(int(x.shape[1] * self.ratio), 1), dim=1).indices
        return (x * scores).gather(1, kept.expand(-1, -1, x.shape[2]))


def _xavier(features: int) -> torch.Tensor:
    return nn.init.xavier_normal_(torch.empty(features, 1))


class GraphDetector(Detector):
    """A detector that reads maps [B, C, F, T] as two graphs, one of F spectral nodes and one of T temporal nodes.

    Args:
        maps: number of maps, C.
        bands: number of bands, F.
        nodes: features per node, in the graphs and in their heterogeneous attention.
        pool: shares of nodes kept in the spectral, the temporal and the joint graph.
        temperatures: temperatures of attention, in the same order.
        outputs: number of logits.
    """

    def __init__(
        self,
        sample_rate: int,
        crop_samples: int,
        maps: int,
        bands: int,
        nodes: list[int],
        pool: list[float],
        temperatures: list[float],
        outputs: int = OUTPUTS,
    ):
        super().__init__(sample_rate, crop_samples)
        graph, joint = nodes
        self.pos_S = nn.Parameter(torch.randn(1, bands, maps))
        self.master1, self.master2 = (nn.Parameter(torch.randn(1, 1, graph)) for _ in range(2))
        self.GAT_layer_S = GraphAttention(maps, graph, temperatures[0])
        self.GAT_layer_T = GraphAttention(maps, graph, temperatures[1])
        for branch in "12":
            self.add_module(f"HtrgGAT_layer_ST{branch}1", HeterogeneousAttention(graph, joint, temperatures[2]))
            self.add_module(f"HtrgGAT_layer_ST{branch}2", HeterogeneousAttention(joint, joint, temperatures[2]))
            self.add_module(f"pool_hS{branch}", Pool(pool[2], joint))
            self.add_module(f"pool_hT{branch}", Pool(pool[2], joint))
        self.pool_S, self.pool_T = Pool(pool[0], graph), Pool(pool[1], graph)
        self.drop_branch, self.drop = nn.Dropout(0.2), nn.Dropout(0.5)
        self.out_layer = nn.Linear(5 * joint, outputs)

    def logits(self, maps: torch.Tensor) -> torch.Tensor:
        """Map feature maps [B, C, F, T] to logits [B, outputs]: a node is the maximum of its band or frame."""
        maps = maps.abs()
        return self.graph_logits(maps.amax(dim=3).transpose(1, 2), maps.amax(dim=2).transpose(1, 2))

    def graph_logits(self, spectral: torch.Tensor, temporal: torch.Tensor) -> torch.Tensor:
        """Map nodes [B, F, C] and [B, T, C] to logits [B, outputs]."""
        spectral = self.pool_S(self.GAT_layer_S(spectral + self.pos_S))
        temporal = self.pool_T(self.GAT_layer_T(temporal))
        one = self._branch(temporal, spectral, self.master1, "1")
        other = self._branch(temporal, spectral, self.master2, "2")
        temporal, spectral, master = (
            torch.maximum(*map(self.drop_branch, pair)) for pair in zip(one, other, strict=True)
        )
        graphs = [read(dim=1) for nodes in (temporal, spectral) for read in (nodes.abs().amax, nodes.mean)]
        return self.out_layer(self.drop(torch.cat([*graphs, master.squeeze(1)], dim=1)))

    def _branch(self, temporal: torch.Tensor, spectral: torch.Tensor, master: torch.Tensor, branch: str):
        """Apply two layers of heterogeneous attention, with pooling of the nodes in between."""
        of = self.get_submodule
        temporal, spectral, master = of(f"HtrgGAT_layer_ST{branch}1")(temporal, spectral, master)
        before = of(f"pool_hT{branch}")(temporal), of(f"pool_hS{branch}")(spectral), master
        after = of(f"HtrgGAT_layer_ST{branch}2")(*before)
        return [one + other for one, other in zip(before, after, strict=True)]
