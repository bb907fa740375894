import json
import os
import threading

import pytest

from egraph.bench._log import open_log, read_log
from egraph.errors import DataError, FailedError, UsageError

ROW = {"predictor": "p", "tau": 0.5}


def test_rows_come_back_in_their_order(tmp_path):
    path = tmp_path / "new" / "x.jsonl"
    assert read_log(path, "predictor") == []
    with open_log(path, "predictor") as log:
        log.append(ROW)
        assert read_log(path, "predictor") == [ROW], "it is on disk at once"
    with open_log(path, "predictor") as log:
        log.append(ROW | {"tau": None})
    assert read_log(path, "predictor") == [ROW, ROW | {"tau": None}]
    assert [json.loads(line) for line in path.read_text().splitlines()] == read_log(path, "predictor")


def test_an_unfinished_last_line_is_not_read_and_then_cut_off(tmp_path):
    whole = (json.dumps(ROW) + "\n").encode()
    for cut in range(1, len(whole)):
        path = tmp_path / f"{cut}.jsonl"
        path.write_bytes(whole + whole[:-cut])
        assert read_log(path, "predictor") == [ROW]
        with open_log(path, "predictor") as log:
            log.append(ROW)
        assert path.read_bytes() == whole * 2


@pytest.mark.parametrize(
    "text", ["notes", "notes\n", '{"a": 1}\n', "[]\n", "[" * 5000 + "\n", '{"predictor": "p"}\n\n', "{]\n"]
)
def test_another_file_is_refused_and_left_as_it_was(tmp_path, text):
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(
        DataError, match=r"x.jsonl is not a file of results: line [12] is b.*; give another file"
    ):
        read_log(path, "predictor")
    with pytest.raises(DataError, match="is not a file of results"), open_log(path, "predictor"):
        pass
    assert path.read_text() == text


def test_one_process_writes_at_a_time(tmp_path):
    path = tmp_path / "x.jsonl"
    refused = []

    def second():
        try:
            with open_log(path, "predictor"):
                pass
        except FailedError as error:
            refused.append(str(error))

    with open_log(path, "predictor"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert refused == [f"{path} is being written by another process; wait for it, or choose another file"]
    with open_log(path, "predictor"):
        pass


def test_a_folder_is_refused(tmp_path):
    with (
        pytest.raises(UsageError, match="is a folder; give the name of a file to write"),
        open_log(tmp_path, "predictor"),
    ):
        pass
    with pytest.raises(DataError, match=r"cannot read .*: Is a directory"):
        read_log(tmp_path, "predictor")


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(FailedError, match=r"cannot write .*; choose another place"),
        open_log(tmp_path / "file" / "x", "predictor"),
    ):
        pass


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    with open_log(tmp_path / "x.jsonl", "predictor") as log:
        monkeypatch.setattr(os, "write", lambda handle, line: 3)
        with pytest.raises(
            FailedError, match=r"cannot write .*x.jsonl: the disk is full; make room or choose"
        ):
            log.append(ROW)
