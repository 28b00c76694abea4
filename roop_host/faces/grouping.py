"""Who is who over a whole clip: tracks of one person are put together by their embeddings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


#: A distance that no mean gets over.
_APART = 1e9


def grouped(
    embeddings: NDArray[np.float32], limit: float, together: Collection[tuple[int, int]] = frozenset()
) -> list[list[int]]:
    """Rows of ``embeddings`` (float32 ``(N, D)`` of length 1) in groups, by the mean cosine between all of two groups.

    The two nearest groups become one as long as their mean cosine is ``limit`` or more (average linkage). Pairs of rows
    that were seen ``together`` in one frame are two people and never come into one group. Groups and rows are in the order
    of their first rows.
    """
    import numpy as np
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(embeddings) < 2:
        return [[row] for row in range(len(embeddings))]
    apart = np.clip(1 - embeddings.astype(np.float64) @ embeddings.T.astype(np.float64), 0, 2)
    apart = (apart + apart.T) / 2
    for one, other in together:
        apart[one, other] = apart[other, one] = _APART
    np.fill_diagonal(apart, 0)
    tree = linkage(squareform(apart, checks=False), "average")
    groups: dict[int, list[int]] = {}
    for row, name in enumerate(fcluster(tree, 1 - limit, "distance")):
        groups.setdefault(int(name), []).append(row)
    return list(groups.values())


def likeness_of_groups(embeddings: NDArray[np.float32], groups: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """The mean cosine between all rows of each two of G groups, float64 ``(G, G)``; 1 of a group with itself."""
    import numpy as np

    sums = np.stack([embeddings[list(group)].mean(0, dtype=np.float64) for group in groups])
    means: NDArray[np.float64] = sums @ sums.T  # the mean of all pairs is the product of the means
    np.fill_diagonal(means, 1)
    return means
