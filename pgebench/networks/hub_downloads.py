"""Downloads of timm's weights ahead of their use, and their removal from the cache."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import torch
from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from timm.models import get_pretrained_cfg

from pgebench.core.errors import ConfigError
from pgebench.networks import hub

HALF = "*.incomplete"
"""Files that huggingface_hub has begun to download, and goes on with."""


def download(model: str) -> bool:
    """Put a timm network's weights where timm looks for them; nothing is asked for those that lie here.

    Args:
        model: timm's name.

    Returns:
        Whether they were downloaded now.

    Raises:
        ConfigError: they cannot be downloaded; the message says why.
    """
    stated = get_pretrained_cfg(model)
    if stated is None or hub.cached(model) is not None:
        return False
    # huggingface_hub would try for most of a minute to reach a network that has gone, for each of a thousand networks.
    if stated.hf_hub_id and (why := hub.unreachable()):
        raise ConfigError(f"its weights are not in {constants.HF_HUB_CACHE}, and {why}")
    try:
        if stated.hf_hub_id:
            _from_hub(stated)
        elif isinstance(stated.url, str) and stated.url:
            place = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(stated.url).path).name
            place.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(stated.url, str(place), progress=False)
        else:  # timm knows another way, which is gone when the network is made
            return False
    except (OSError, URLError, RuntimeError) as error:
        if hub.disk_full(error):
            _drop_halves(stated)
        raise hub.no_download(error, model) from error
    return hub.cached(model) is not None


def _from_hub(stated: Any) -> None:
    repository, _, revision = stated.hf_hub_id.partition("@")
    *first, last = hub.files(stated.hf_hub_filename)
    for name in first:
        try:
            hf_hub_download(repository, name, revision=revision or None)
        except LocalEntryNotFoundError:  # no answer, which is a kind of EntryNotFoundError
            raise
        except EntryNotFoundError:
            continue
        return
    hf_hub_download(repository, last, revision=revision or None)


def bytes_on_disk(model: str) -> int:
    """What the weights of a timm network take of the disk; 0 if they are not in the cache.

    Args:
        model: timm's name.
    """
    here = hub.cached(model)
    try:
        return 0 if here is None else here.stat().st_size
    except OSError:
        return 0


def remove(model: str) -> None:
    """Take a timm network's weights out of the cache; whatever else lies beside them stays.

    Args:
        model: timm's name.
    """
    here = hub.cached(model)
    if here is None:
        return
    stated = get_pretrained_cfg(model)
    folder = _folder(stated) if stated is not None and stated.hf_hub_id else None
    blob = here.resolve()
    with contextlib.suppress(OSError):
        here.unlink()
        others = [] if folder is None else [path for path in folder.glob("snapshots/*/**/*") if path.is_file()]
        # Another revision may hold the same file.
        if all(path.resolve() != blob for path in others):
            blob.unlink(missing_ok=True)
        if folder is not None and not others:
            shutil.rmtree(folder, ignore_errors=True)


def _drop_halves(stated: Any) -> None:
    for path in _folder(stated).glob(f"blobs/{HALF}") if stated.hf_hub_id else ():
        path.unlink(missing_ok=True)


def _folder(stated: Any) -> Path:
    repository = stated.hf_hub_id.partition("@")[0]
    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repository, repo_type="model")


@contextlib.contextmanager
def without_bars() -> Iterator[None]:
    """Inside, huggingface_hub draws no bar of its own: a download in the background would draw over another one."""
    if are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
