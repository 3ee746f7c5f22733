"""Evidence of metrics, changed: in ways that must not matter, and into what the world delivers."""

import numpy as np


def changed(evidence, change):
    """The same evidence with other class names, another order of samples, or transformed features."""
    rng = np.random.default_rng(2)
    result = dict(evidence)
    if change == "l":
        for key in ("labels", "source_targets"):
            names = rng.permutation(40)[:20] * 7 - 50
            result[key] = names[evidence[key]]
        columns = rng.permutation(evidence["source_probabilities"].shape[1])
        result["source_probabilities"] = evidence["source_probabilities"][:, columns]
        result["source_labels"] = 5 - 3 * evidence["source_labels"]
    elif change == "s":
        order = rng.permutation(len(evidence["labels"]))
        for key in ("features", "labels", "random_features", "source_probabilities", "source_labels"):
            result[key] = evidence[key][order]
        order = rng.permutation(len(evidence["source_targets"]))
        for key in ("source_features", "source_targets"):
            result[key] = evidence[key][order]
    else:
        d = evidence["features"].shape[1]
        rotation, shift = np.linalg.qr(rng.normal(size=(d, d)))[0], rng.normal(size=d)
        transform = {"r": lambda x: x @ rotation, "m": lambda x: 3.7 * x, "t": lambda x: x + shift}[change]
        for key in ("features", "source_features"):
            result[key] = transform(evidence[key])
        for key in ("source_information", "target_information"):
            result[key] = (3.7**2 if change == "m" else 1) * evidence[key]
    return result


def hard(evidence, kind):
    """Evidence as the world delivers it."""
    result = dict(evidence)
    features, labels = evidence["features"].copy(), evidence["labels"].copy()
    if kind == "label gaps":
        labels = labels * 1000 - 7
    elif kind == "one sample in a class":
        labels[0] = labels.max() + 5
    elif kind == "duplicated rows":
        features[1::2] = features[: len(features) // 2]
    elif kind == "constant features":
        features[:, ::2] = 3.0
    elif kind == "all features constant":
        features[:] = 3.0
    elif kind == "tiny scale":
        features *= 1e-6
    elif kind == "huge scale":
        features *= 1e6
    elif kind == "one feature":
        features = features[:, :1]
    elif kind == "two samples":
        keep = [int((labels == 0).argmax()), int((labels == 1).argmax())]
        features, labels = features[keep], labels[keep]
        for key in ("random_features", "source_probabilities", "source_labels"):
            result[key] = evidence[key][keep]
    factor = {"tiny scale": 1e-6, "huge scale": 1e6}.get(kind, 1.0)
    result.update(features=features, labels=labels)
    result["source_features"] = factor * evidence["source_features"][:, : features.shape[1]]
    for key in ("source_information", "target_information"):
        result[key] = factor**2 * evidence[key]
    return result


HARD = [
    "label gaps",
    "one sample in a class",
    "duplicated rows",
    "constant features",
    "all features constant",
    "tiny scale",
    "huge scale",
    "one feature",
    "two samples",
]
