"""Any argument is read as it was typed, or refused in one line."""

from __future__ import annotations

from fuzzing import fuzzed
from hypothesis import example, given
from hypothesis import strategies as st

from pgebench.core.errors import ConfigError
from pgebench.plan.words import literal, typed, unreadable

LOADERS = {
    "source": {"_target_": "pgebench.data.hugging_face.listing", "parts": {"train": "train", "test": "test"}},
    "target": {"_target_": "pgebench.data.npz.listing", "images": "images"},
}
TEXTS = ("results", "reuse", "source.path", "backbone.weights", "metric.pge.requires", "target.loader.split")
keys = st.sampled_from((*TEXTS, "source.loader.parts", "source.loader.parts.val")) | st.text("ab.+~=é ", max_size=4)
values = st.text("'\"\\${},:=[]() ab1_\n", max_size=12) | st.text(max_size=12)


@fuzzed
@given(keys, values)
@example("source.path", "\\,1")
def test_any_argument_is_read_or_refused_in_one_line(key: str, value: str) -> None:
    try:
        read = literal(f"{key}={value}", LOADERS)
    except ConfigError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert key.split("=")[0].lstrip("+") in refused
        return
    for argument in read:
        reason = unreadable(argument)
        assert reason is None or (key not in TEXTS and "\n" not in reason)
    if key in TEXTS:
        again = [part for argument in typed(read) for part in literal(argument, LOADERS)]
        assert again == read
