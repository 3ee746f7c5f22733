"""One unit of each kind, on a few digits."""

from __future__ import annotations

from pgebench.core.identity import Label
from pgebench.core.settings import FisherSettings, TripletSettings
from pgebench.data.task import dataset_params
from pgebench.networks import backbones
from pgebench.pge import GradientSettings
from pgebench.stages import checkpoint, evidence, fisher, gradient, triplets, truth
from pgebench.store.unit import Unit

RECIPE = {
    "steps": 3,
    "batch_size": 16,
    "learning_rates": [0.001, 0.01],
    "head_factor": 1,
    "weight_decay": 0.0,
    "shift": 0,
}


def backbone(model: str = "test_resnet", **fields: object) -> dict[str, object]:
    asked = {"model": model, "image_size": 32, "mean": None, "std": None, "pretrained": False}
    return backbones.backbone_params(asked | fields)


def dataset(classes: list[int]) -> dict[str, object]:
    loader = {"_target_": "pgebench.embedded.load", "name": "digits"}
    return dataset_params({"loader": loader, "classes": classes, "train_per_class": 8, "image_size": None})


def units(model: str) -> dict[str, Unit]:
    """One of each kind, inputs before what reads them; source and target differ in their classes."""
    source, target = dataset([0, 1, 2, 3, 4]), dataset([5, 6, 7])
    trained = checkpoint.unit(backbone(model), source, RECIPE, 0, Label())
    seen = evidence.unit(trained, target, Label())
    few = GradientSettings(restarts=2, episodes=2, way=2, shot=1, query=2)
    part = GradientSettings(restarts=1, episodes=2, way=2, shot=1, query=2, parameters="*.1.*")
    recipe = {"recipe": RECIPE}
    return {
        "checkpoint": trained,
        "evidence": seen,
        "evidence before training": evidence.untrained_unit(backbone(model), target, 0, Label()),
        "fisher": fisher.unit(seen, FisherSettings(images=20), Label()),
        "triplets": triplets.unit(seen, TripletSettings(images=20), Label()),
        "gradient": gradient.unit(backbone(model), target, few, Label()),
        "gradient of a part": gradient.unit(backbone(model), target, part, Label()),
        "finetune": truth.unit(trained, target, recipe | {"protocol": "finetune"}, 0, Label(truth="finetune")),
        "linear_probe": truth.unit(trained, target, recipe | {"protocol": "linear_probe"}, 0, Label(truth="probe")),
        "scratch": truth.scratch_unit(backbone(model), target, recipe, 0, Label(truth="scratch")),
    }
