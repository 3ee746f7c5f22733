"""Weights that timm downloads: whether they lie on this machine already, and why they cannot be had."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident
from typing import Any, TypeVar
from urllib.parse import urlparse

import torch
from huggingface_hub import constants, try_to_load_from_cache
from huggingface_hub.errors import GatedRepoError, OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.utils import get_session
from safetensors import SafetensorError, safe_open
from timm.models import get_pretrained_cfg

from pgebench.core.errors import ConfigError

T = TypeVar("T")

FILES = ("model.safetensors", "pytorch_model.bin")
"""Of a repository on the hub, in the order in which timm looks for them."""

OF_OPEN_CLIP = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""The same where timm states the second one."""

PATIENCE = 5.0
"""Seconds after which a hub that does not answer is not there; huggingface_hub itself tries for 49 seconds a file."""


def cached(model: str) -> Path | None:
    """The file of a timm network's pretrained weights on this machine, whole or not; None if it was not downloaded.

    Args:
        model: timm's name.
    """
    stated = get_pretrained_cfg(model)
    if stated is None:
        return None
    if stated.hf_hub_id:
        repository, _, revision = stated.hf_hub_id.partition("@")
        for name in files(stated.hf_hub_filename):
            found = try_to_load_from_cache(repository, name, revision=revision or None)
            if isinstance(found, str):
                return Path(found)
        return None
    if not stated.url:
        return None
    # timm states a name for the file where the address has none.
    name = Path(urlparse(stated.url).path).name if isinstance(stated.url, str) else stated.url[1]
    file = Path(torch.hub.get_dir()) / "checkpoints" / name
    return file if file.is_file() else None


def files(stated: str | None) -> tuple[str, ...]:
    """The files of a repository that may hold the weights, in the order in which timm looks for them.

    Args:
        stated: the file that timm states; None for the usual ones.

    >>> files(None)[0], files("open_clip_pytorch_model.bin")[0], files("best.bin")
    ('model.safetensors', 'open_clip_model.safetensors', ('best.safetensors', 'best.bin'))
    """
    for known in (FILES, OF_OPEN_CLIP):
        if stated in (None, known[1]):
            return known
    name = str(stated)
    return (f"{name.removesuffix('.bin')}.safetensors", name) if name.endswith(".bin") else (name,)


def unreachable() -> str | None:
    """Why nothing can be downloaded; None if the hub answers."""
    if constants.is_offline_mode():
        return "HF_HUB_OFFLINE=1 forbids downloads"
    try:
        get_session().head(constants.ENDPOINT, timeout=PATIENCE)
    except Exception as error:  # each generation of huggingface_hub has another HTTP library
        return f"{constants.ENDPOINT} cannot be reached ({' '.join(str(error).split())})"
    return None


def with_weights(model: str, make: Callable[[], T]) -> T:
    """A network with timm's weights; those that lie here are taken without asking the hub for newer ones.

    Args:
        model: timm's name.
        make: makes the network.

    Raises:
        ConfigError: the weights cannot be downloaded, or what lies here is not whole.
    """
    here = cached(model)
    try:
        if here is None:
            return make()
        with _no_requests():
            return make()
    except OSError as error:
        raise no_download(error, model) from error
    except Exception as error:
        if here is not None and (why := _damaged(here, error)):
            raise ConfigError(
                f"backbone.pretrained=true: the weights of {model} in the cache are not whole ({why}): delete "
                f"{here.resolve()}, and the same command downloads them again"
            ) from error
        raise


def no_download(error: BaseException, model: str) -> ConfigError:
    """What a download that failed is called to the user, with the remedy.

    Args:
        error: what huggingface_hub, torch or the file system said.
        model: timm's name.
    """
    return ConfigError(
        f"backbone.pretrained=true: the weights of {model} cannot be downloaded ({_reason(error, model)}); "
        "give a file with backbone.weights=FILE"
    )


class _OfflineHere:
    """What stands for HF_HUB_OFFLINE while one thread must ask for nothing: another one may be downloading."""

    def __init__(self, elsewhere: Any) -> None:
        self._elsewhere, self._here = elsewhere, get_ident()

    def __bool__(self) -> bool:
        return get_ident() == self._here or bool(self._elsewhere)


@contextmanager
def _no_requests() -> Iterator[None]:
    """Inside, huggingface_hub takes what is in its cache; without a network it would try for 49 seconds first."""
    module: Any = constants
    before = module.HF_HUB_OFFLINE
    module.HF_HUB_OFFLINE = _OfflineHere(before)
    try:
        yield
    finally:
        module.HF_HUB_OFFLINE = before


def _reason(error: BaseException, model: str) -> str:
    stated = get_pretrained_cfg(model)
    repository = stated.hf_hub_id if stated is not None else model
    page = f"{constants.ENDPOINT}/{repository}"
    chain: list[BaseException] = []
    step: BaseException | None = error
    while step is not None:
        chain.append(step)
        step = step.__cause__
    if any(isinstance(one, GatedRepoError) for one in chain):
        return f"its repository is gated: accept its terms at {page} and set HF_TOKEN"
    if any(isinstance(one, RepositoryNotFoundError) for one in chain):
        return f"there is no {page} for you: it was renamed, removed or is private; a newer timm may know its new name"
    if any(isinstance(one, OfflineModeIsEnabled) for one in chain):
        return f"they are not in {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE=1 forbids downloads"
    if any(disk_full(one) for one in chain):
        return (
            f"the disk of {constants.HF_HUB_CACHE} is full: make room, or name another place with HF_HOME=FOLDER; "
            "pgebench-rank keeps less with keep="
        )
    # The first cause says what happened; what was made of it says where to look, in several sentences.
    return " ".join(str(chain[-1]).split("\n")[0].split(". ")[0].rstrip(".").split())


def disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, is a full disk.

    >>> disk_full(OSError(errno.ENOSPC, "No space left on device")), disk_full(OSError(errno.EACCES, "No"))
    (True, False)
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False


def _damaged(file: Path, error: Exception) -> str | None:
    """What is wrong with a weight file that a network could not be filled from; None if it is not the file's fault."""
    if file.suffix != ".safetensors":
        broken = isinstance(error, EOFError) or any(word in str(error) for word in ("zip archive", "central directory"))
        return str(error).split("\n")[0] if broken else None
    try:
        with safe_open(file, framework="pt"):
            return None
    except SafetensorError as found:
        return str(found)
