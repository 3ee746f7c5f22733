"""Parameters that a gradient says nothing of are named in the verdict, with the remedy."""

from __future__ import annotations

import json

import pandas as pd

from pgebench.analysis.dead_tensors import dead_tensors
from pgebench.report.build import analysed
from pgebench.report.section import Report
from pgebench.report.sections.pge import dead_finding

TITLE = "PGE sees a part of the network"


def detail(dead: tuple[str, ...]) -> str:
    """What the record of a gradient over 30 tensors of 100 parameters says; each dead one has three of them."""
    said = {"way": 5, "parameters": 100, "tensors": 30, "energy": {"stem": 0.5, "a": 0.25, "b": 0.125}}
    return json.dumps(said | ({"dead": dead, "dead_parameters": 3 * len(dead)} if dead else {}))


def warning(dead: tuple[str, ...]) -> str:
    row = {"stage": "gradient", "status": "done", "backbone": "net", "metric": "pge", "detail": detail(dead)}
    found = dead_finding(dead_tensors(pd.DataFrame([row])))
    return "" if found is None else found.text


def test_the_warning_names_tensors_parameters_and_remedy() -> None:
    text = warning(("layer1.conv", "layer2.conv"))
    assert text.startswith("On `net`, 2 of 30 parameter tensors (6 % of the parameters)")
    assert "at every draw of `pge`" in text
    assert "`layer1.conv` and `layer2.conv`. 88 % of the gradient lies in 3 tensors." in text
    assert text.endswith("`metric.<name>.gradient.branches=open` starts them alive.")


def test_of_many_tensors_the_first_are_named_and_the_rest_counted() -> None:
    text = warning(tuple(f"layer{number}" for number in range(20)))
    assert "`layer7` and 12 more" in text
    assert "layer8" not in text


def test_the_verdict_has_the_warning_and_is_silent_where_every_tensor_has_a_gradient(synthetic, said) -> None:
    records, meta = synthetic.make_records(datasets=6, metrics=("logme", "pge"))
    gradients = (records["stage"] == "gradient") & (records["metric"] == "pge")
    for dead, warned in ((("layer1.conv",), True), ((), False)):
        records.loc[gradients, "detail"] = detail(dead)
        assert (TITLE in said(Report(analysed(records, meta), records, meta))) == warned
