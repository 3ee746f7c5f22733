"""PARC: whether images that differ in their features also differ in their labels."""

import numpy as np
import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, within
from baselines.kernels.linear_algebra import principal_components


def parc(features: Array, labels: Array, dimensions: int | None = None, cap: int = 1000, seed: int = 0) -> float:
    """Pairwise Annotation Representation Comparison, the Spearman correlation of feature and label dissimilarities.

    The dissimilarity of two images is one minus the Pearson correlation of their feature vectors, each feature
    standardised over the images; that of two labels is one minus the correlation of their one-hot codes, which only
    says whether they differ. The score does not change when classes are renamed, samples reordered (up to n = cap), or
    features shifted or rescaled one by one; it does change when features are rotated.

    Paper: Bolya, Mittapalli, Hoffman, "Scalable diverse model selection for accessible transfer learning",
    NeurIPS 2021. The authors report it times 100, and with 32 principal components ("f = 32").

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        dimensions: Principal components to reduce the features to, None for the features as they are.
        cap: At most so many images are compared, drawn at random; the authors use 500.
        seed: Seed of that draw.

    Returns:
        The score, in [-1, 1]; higher is more transferable. 0 if no correlation is defined.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, a cap below 3.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> x = np.array([[0.0, 1, 2], [0.1, 1, 2.1], [3, 1.1, 0], [3, 1, 0.1]])
    >>> round(parc(x, np.array([0, 0, 1, 1])), 6)
    0.828079
    """
    if cap < 3:
        raise ValueError(f"cap must be at least 3, got {cap!r}")
    rows = feature_matrix(features)
    index = class_indices(labels, len(rows)).of_sample
    if len(rows) > cap:
        chosen = torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(len(rows))[:cap]))
        rows, index = rows[chosen.to(rows.device)], index[chosen]
        if len(torch.unique(index)) < 2:
            raise ValueError(f"labels of the {cap} images drawn hold one class only: raise cap")
    if dimensions is not None:
        rows = principal_components(rows, dimensions)
    rows = rows / rows.abs().max().clamp_min(torch.finfo(torch.float64).tiny)
    centred = rows - rows.mean(dim=0)
    deviation = centred.square().mean(dim=0).sqrt()
    # A feature that varies by rounding alone is constant and tells images apart by noise.
    varying = deviation > 1e-13
    standard = centred[:, varying] / deviation[varying]
    profile = standard - standard.mean(dim=1, keepdim=True) if standard.shape[1] else centred[:, :1] * 0
    norms = torch.linalg.norm(profile, dim=1, keepdim=True)
    profile = profile / torch.where(norms > 1e-13, norms, torch.inf)
    pairs = torch.triu_indices(len(rows), len(rows), 1)
    similar = (profile @ profile.T).cpu()[pairs[0], pairs[1]].numpy()
    # Rounding must not rank pairs that are equally similar, duplicates above all.
    _, position, ties = np.unique(-similar.round(12), return_inverse=True, return_counts=True)
    # What is tied shares the mean of its ranks; scipy.stats, which has that, is dear to import for this alone.
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[position]
    differ = (index[pairs[0]] != index[pairs[1]]).numpy().astype(np.float64)
    if ranks.min() == ranks.max() or differ.min() == differ.max():
        return 0.0
    return within(float(np.corrcoef(ranks, differ)[0, 1]), -1.0, 1.0, "PARC")
