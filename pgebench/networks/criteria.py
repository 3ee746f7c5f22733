"""How good a classifier's class scores are on a test split, by more than one criterion."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pgebench.networks.inputs import Images, batch_size
from pgebench.networks.precision import FLOAT32, forward


@torch.no_grad()
def class_scores(model: nn.Module, images: Images, precision: str = FLOAT32) -> torch.Tensor:
    """Class scores (n, C) before the softmax, in evaluation mode, float64 on the CPU.

    Args:
        model: Maps a batch of ``images`` to class scores.
        images: (n, ...) inputs, on the model's device.
        precision: As in a recipe.

    Returns:
        What the model says of each image.
    """
    model.eval()
    return torch.cat([forward(model, part, precision) for part in images.split(batch_size(images))]).double().cpu()


def balanced_accuracy(predicted: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Mean over classes of the share of a class's images that are classified rightly, in [0, 1].

    Args:
        predicted: Class of each image, (n,).
        labels: True class of each image, (n,).

    Returns:
        The accuracy on data with as many images of each class; a class without images is left out.

    Source: Brodersen et al., The balanced accuracy and its posterior distribution, ICPR 2010.

    >>> balanced_accuracy(np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1]))
    0.5
    """
    return float(np.mean([np.mean(predicted[labels == label] == label) for label in np.unique(labels)]))


def macro_auroc(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean over classes of the area under the curve of the class against all others, in [0, 1]; 0.5 is chance.

    Args:
        probabilities: Of each class, (n, C).
        labels: True class of each image, (n,).

    Returns:
        How often an image of the class has a larger probability of it than an image of another, ties counting half; a
        class without images, or without others, is left out. NaN where that leaves none.

    Source: Hand and Till, A simple generalisation of the area under the ROC curve for multiple class classification
    problems, Machine Learning 45, 2001 (one class against the rest).

    >>> macro_auroc(np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]]), np.array([0, 0, 1, 1]))
    0.75
    """
    from scipy.stats import rankdata  # a second to import, for who asks for this criterion alone

    areas = []
    for label, scores in enumerate(probabilities.T):
        of_class = labels == label
        ones, others = int(of_class.sum()), int((~of_class).sum())
        if ones and others:
            won = rankdata(scores)[of_class].sum() - ones * (ones + 1) / 2
            areas.append(won / (ones * others))
    return float(np.mean(areas)) if areas else float("nan")


def criteria(scores: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """A classifier judged by its class scores.

    Args:
        scores: Before the softmax, (n, C).
        labels: int64 (n,), on any device.

    Returns:
        ``accuracy``, ``balanced_accuracy`` and ``macro_auroc``, all in [0, 1]; the last is left out where the scores
        are not finite, or the labels are all of one class.
    """
    true, predicted = labels.cpu().numpy(), scores.argmax(1).numpy()
    found = {
        "accuracy": int((predicted == true).sum()) / len(true),
        "balanced_accuracy": balanced_accuracy(predicted, true),
        "macro_auroc": macro_auroc(scores.softmax(1).numpy(), true),
    }
    return {name: value for name, value in found.items() if np.isfinite(value)}
