"""``pgebench.networks.packaged_weights`` under the name that content keys hold."""

from pgebench.networks.packaged_weights import (
    SqueezeNetBackbone,
    augnet,
    in_order,
    open_nsfw,
    squeezenet,
    thin_resnet50,
)

__all__ = ["SqueezeNetBackbone", "augnet", "in_order", "open_nsfw", "squeezenet", "thin_resnet50"]
