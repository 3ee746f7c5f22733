import importlib.util
import json
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def synthetic():
    """The module `synthetic.py` beside this file (tests are not a package)."""
    spec = importlib.util.spec_from_file_location("synthetic_records", Path(__file__).parent / "synthetic.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def write():
    """Write records and meta as a results folder."""

    def write_results(folder, records, meta):
        folder.mkdir(parents=True, exist_ok=True)
        records.to_parquet(folder / "records.parquet")
        if meta is not None:
            (folder / "meta.json").write_text(json.dumps(meta))
        return folder

    return write_results


@pytest.fixture(scope="session")
def built(synthetic, write, tmp_path_factory):
    """A report of a complete experiment with two truths, two backbones and some failures."""
    from pgebench.report import build_report

    records, meta = synthetic.make_records(
        datasets=6,
        backbones=("test_resnet", "test_vit"),
        truths=("finetune", "linear_probe"),
        metrics=("logme", "pge", "random"),
    )
    records = synthetic.fail(records, (records["metric"] == "logme") & (records["target"] == "animals_a"))
    folder = write(tmp_path_factory.mktemp("built"), records, meta)
    build_report(folder)
    return folder
