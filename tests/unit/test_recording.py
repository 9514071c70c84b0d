"""Long recordings in sections: nothing finished is lost, nothing unfinished counts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from litestar_tts.recording import Recording, RecordingInUseError, fingerprint

KEY = fingerprint(text="a book", voice="x")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "book.wav"


def begin(target: Path, *sections: bytes, key: str = KEY) -> None:
    with Recording(target, key) as recording:
        for number, data in enumerate(sections):
            recording.write(data)
            recording.commit({"number": number})


def test_all_in_one_go(target: Path):
    with Recording(target, KEY) as recording:
        assert not recording.resumed
        recording.write(b"one ")
        recording.write(b"more")
        recording.commit({"n": 1})
        assert not target.exists()
        recording.finish(beginning=b"ONE")
    assert target.read_bytes() == b"ONE more"
    assert [file.name for file in target.parent.iterdir()] == ["book.wav"]


def test_a_later_run_goes_on_behind_the_last_finished_section(target: Path):
    with Recording(target, KEY) as recording:
        recording.write(b"first")
        recording.commit({"voice": "amy"})
        recording.write(b"unfinished")
    with Recording(target, KEY) as recording:
        assert (recording.done, recording.size, recording.note) == (1, 5, {"voice": "amy"})
        assert recording.resumed
        recording.write(b", second")
        recording.commit({"voice": "bob"})
        assert list(recording.notes()) == [{"voice": "amy"}, {"voice": "bob"}]
        recording.finish()
    assert target.read_bytes() == b"first, second"


def test_another_request_begins_anew(target: Path):
    begin(target, b"first")
    with Recording(target, fingerprint(text="another")) as recording:
        assert (recording.done, recording.replaced) == (0, True)
    assert not list(target.parent.iterdir())


def test_beginning_anew_on_demand(target: Path):
    begin(target, b"first")
    with Recording(target, KEY, resume=False) as recording:
        assert (recording.done, recording.replaced) == (0, True)
    with Recording(target, KEY) as recording:
        assert (recording.done, recording.replaced) == (0, False)


def test_a_section_can_be_written_anew(target: Path):
    with Recording(target, KEY) as recording:
        recording.write(b"good")
        recording.commit()
        recording.write(b"half of")
        recording.rewind()
        recording.write(b"whole")
        recording.commit()
        recording.finish()
    assert target.read_bytes() == b"goodwhole"


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_torn_journal_loses_the_section_whose_line_is_torn(target: Path, cut: int):
    begin(target, b"one", b"two")
    journal = target.with_name("book.wav.part.journal")
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-cut])
    lines = whole[:-cut].count(b"\n")
    with Recording(target, KEY) as recording:
        assert recording.done == max(0, lines - 1)
        assert recording.size == 3 * recording.done
        for word in [b"one", b"two"][recording.done :]:
            recording.write(word)
            recording.commit()
        assert len(list(recording.notes())) == 2
        recording.finish()
    assert target.read_bytes() == b"onetwo"


@pytest.mark.parametrize(("size", "done"), [(0, 0), (2, 0), (3, 1), (5, 1), (6, 2), (9, 2)])
def test_a_part_file_that_is_too_short_counts_as_far_as_it_goes(target: Path, size: int, done: int):
    begin(target, b"one", b"two")
    os.truncate(target.with_name("book.wav.part"), size)
    with Recording(target, KEY) as recording:
        assert recording.done == done


@pytest.mark.parametrize("content", [b"", b"\n", b"nonsense\n", b"[]\n", b'{"version":99,"key":"x"}\n', b"\xff" * 99])
def test_a_journal_of_somebody_else_begins_anew(target: Path, content: bytes):
    begin(target, b"one")
    target.with_name("book.wav.part.journal").write_bytes(content)
    with Recording(target, KEY) as recording:
        assert recording.done == 0


def test_a_missing_part_begins_anew(target: Path):
    begin(target, b"one")
    target.with_name("book.wav.part").unlink()
    with Recording(target, KEY) as recording:
        assert recording.done == 0


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
def test_a_part_that_is_removed_meanwhile_is_a_clear_error(target: Path):
    with Recording(target, KEY) as recording:
        recording.write(b"x")
        recording.commit()
        recording.part.unlink()
        with pytest.raises(FileNotFoundError, match="removed while it was written"):
            recording.finish()
    assert not target.exists()


def test_two_at_once_are_refused(target: Path):
    with Recording(target, KEY) as recording:
        with pytest.raises(RecordingInUseError, match="another process") as caught:
            Recording(target, KEY)
        assert caught.value.filename == str(target)
        recording.write(b"x")
        recording.commit()
        recording.finish()
    assert target.read_bytes() == b"x"


def test_places_that_cannot_be_written_to(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        Recording(tmp_path / "missing" / "book.wav", KEY)
    with pytest.raises(IsADirectoryError, match="name a file"):
        Recording(tmp_path, KEY)


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in folders")
def test_a_pipe_or_a_device_is_not_replaced_by_a_file(target: Path, tmp_path: Path):
    os.mkfifo(target)
    with pytest.raises(OSError, match="no regular file"):
        Recording(target, KEY)
    assert target.is_fifo()
    assert list(tmp_path.iterdir()) == [target]


def test_finishing_in_the_middle_of_a_section_is_refused(target: Path):
    with Recording(target, KEY) as recording:
        recording.write(b"x")
        with pytest.raises(RuntimeError, match="unfinished"):
            recording.finish()


def test_a_link_stays_a_link(target: Path, tmp_path: Path):
    link = tmp_path / "link.wav"
    link.symlink_to(target)
    begin(link, b"one")
    with Recording(link, KEY) as recording:
        assert recording.done == 1
        recording.finish()
    assert link.is_symlink()
    assert target.read_bytes() == b"one"


def test_a_killed_process_keeps_what_it_finished(target: Path):
    code = """
import os, signal, sys
from litestar_tts.recording import Recording
with Recording(sys.argv[1], sys.argv[2]) as recording:
    for word in (b"one", b"two"):
        recording.write(word)
        recording.commit({"word": word.decode()})
    recording.write(b"half")
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""
    run = subprocess.run([sys.executable, "-c", code, str(target), KEY], check=False, timeout=60)
    assert run.returncode != 0
    with Recording(target, KEY) as recording:
        assert (recording.done, recording.note) == (2, {"word": "two"})
        recording.finish()
    assert target.read_bytes() == b"onetwo"


def test_keys_depend_on_every_value_and_on_no_order():
    assert fingerprint(a=1, b="x") == fingerprint(b="x", a=1)
    assert len({fingerprint(a=1), fingerprint(a=2), fingerprint(b=1), fingerprint(a="1")}) == 4
