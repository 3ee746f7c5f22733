"""What is said reaches a terminal of any kind in one line a line, and harms nothing where there is none."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from terminals import FULL, full, gone, strict

from pgebench.core.say import heard_by, progress_bar, say
from pgebench.core.terminal import CLOSED_PIPE, patient_streams, terminal

full_disk = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", "café глаз br\\udce9"), ("ascii", r"caf\xe9 \u0433\u043b\u0430\u0437 br\udce9")],
)
def test_a_name_is_shown_on_every_terminal(monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str) -> None:
    written = strict(monkeypatch, encoding)
    say("café глаз br\udce9")
    assert written.getvalue().decode(encoding) == shown + "\n"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("two\nlines", r"two\nlines"),
        ("back\rover", r"back\rover"),
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("\x9b31mred", r"\x9b31mred"),
        ("a\u2028b\x85c", r"a\u2028b\x85c"),
        ("photo\u202egnp.exe", r"photo\u202egnp.exe"),
        ("👩\u200d🔬 \u00a0", "👩\u200d🔬 \u00a0"),  # joined emoji and blanks of their own are no harm
        ("x" * 20_000, "x" * 10_000 + "... (20000 characters)"),
    ],
    ids=["newline", "return", "escapes", "controls_of_8_bits", "ends_of_line", "direction", "emoji", "long"],
)
def test_a_name_is_one_line_and_moves_no_cursor(capsys: pytest.CaptureFixture[str], name: str, shown: str) -> None:
    say(name)
    assert capsys.readouterr().out == shown + "\n"


def test_nothing_is_raised_where_nobody_reads() -> None:
    with gone():
        say("read", "and decoded")


@pytest.mark.parametrize("stream", [None, "closed"])
def test_nor_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch, stream: str | None) -> None:
    closed = io.StringIO()
    closed.close()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, closed if stream else None)
    say("read")
    say("wrong", error=True)
    assert list(progress_bar([1, 2], desc="decoding")) == [1, 2]
    with patient_streams():
        print("a metric's own words")
        sys.stderr.writelines(["more ", "words"])
        assert not sys.stdout.isatty()


def test_a_listener_hears_in_place_of_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[str] = []
    with heard_by(heard.append):
        say("read", "  a\nb")
        say("wrong", error=True)
    say("afterwards")
    assert heard == ["read\n  a\\nb"]
    assert capsys.readouterr() == ("afterwards\n", "wrong\n")


def code_of(work: Callable[[], object]) -> object:
    """With what a command ends that says something and works."""
    try:
        with terminal("x"):
            say("begins")
            work()
    except SystemExit as stop:
        return stop.code
    return 0


def test_a_command_whose_reader_has_gone_does_its_work_and_ends_without_a_word() -> None:
    done: list[str] = []
    with gone():
        assert code_of(lambda: done.append("work")) == CLOSED_PIPE
    assert done == ["work"]


@full_disk
def test_a_full_disk_behind_the_output_is_an_error_when_the_work_is_done() -> None:
    done: list[str] = []
    with full():
        said = "x: error: standard output cannot be written (No space left on device); all the rest is done and kept"
        assert code_of(lambda: done.append("work")) == said
    assert done == ["work"]


def test_an_error_of_the_work_is_worth_more() -> None:
    with gone():
        assert code_of(lambda: sys.exit("x: error: no such folder")) == "x: error: no such folder"


def test_what_others_print_survives_too(monkeypatch: pytest.MonkeyPatch) -> None:
    written = strict(monkeypatch, "ascii")
    with patient_streams():
        print("Hydra's café", "\udce9")
    assert written.getvalue() == rb"Hydra's caf\xe9 \udce9" + b"\n"


CLOSED = """
import os
for number in (0, 1, 2):
    os.close(number)
from pgebench.core.terminal import terminal
with terminal(), open("artifact", "w") as file:
    print("what others print")
    os.write(1, b"below Python")
    file.write("tensors")
"""


@pytest.mark.skipif(os.name != "posix", reason="numbers of files as on POSIX")
def test_no_file_of_the_store_gets_the_number_of_a_closed_terminal(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CLOSED], cwd=tmp_path, check=False)
    assert (done.returncode, (tmp_path / "artifact").read_text()) == (0, "tensors")
