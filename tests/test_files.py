import errno
import os
from pathlib import Path

import pytest

from egraph.errors import FailedError
from egraph.files import atomic_path, write_text


def test_text_arrives_whole(tmp_path):
    target = tmp_path / "new" / "folder" / "a.txt"
    write_text(target, "grüße\n")
    assert target.read_bytes() == "grüße\n".encode()
    assert list(target.parent.iterdir()) == [target]


def test_a_plain_string_is_a_path(tmp_path):
    write_text(str(tmp_path / "a.txt"), "x")
    assert (tmp_path / "a.txt").read_text() == "x"


def test_the_target_is_untouched_until_the_block_ends(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert temporary.parent == target.parent
        assert target.read_text() == "old"
    assert target.read_text() == "new"


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail_half_way():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError("half-way")

    with pytest.raises(ZeroDivisionError, match="half-way"):
        fail_half_way()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_mode_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedError, match=r"^cannot write .*file/a\.txt: .+; choose another place$"):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_a_target_that_is_a_folder_is_refused_and_nothing_is_left(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(FailedError, match=r"cannot write .*folder: "):
        write_text(tmp_path / "folder", "x")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


@pytest.mark.parametrize(
    ("number", "reason", "way_out"),
    [
        (errno.ENOSPC, "No space left on device", "make room or choose another place"),
        (errno.EROFS, "Read-only file system", "choose another place"),
    ],
)
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, number, reason, way_out):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def refuse(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(FailedError, match=f"cannot write .*: {reason}; {way_out}$"):
        write_text(target, "new")
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_replacement_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def refuse(*_args, **_kwargs):
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(FailedError, match="Permission denied"):
        write_text(target, "new")
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
