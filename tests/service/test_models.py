"""Which ranker is current, and how another takes its place."""

import json
import os
import shutil

import pytest

from egraph.errors import ModelError
from egraph.service._models import Model, Published, publish


@pytest.fixture
def folder(file, tmp_path):
    """A folder in which the ranker is published."""
    publish(file, tmp_path)
    return tmp_path


@pytest.fixture
def other(file, tmp_path_factory):
    """Another version of the ranker: the same one, differently described."""
    import onnx

    content = onnx.load(file)
    content.doc_string = "another"
    path = tmp_path_factory.mktemp("other") / "other.onnx"
    onnx.save(content, path)
    return path


def test_what_is_published_is_loaded(folder, file):
    model = Published(folder, threads=1).model
    assert model.name == "r"
    assert len(model.version) == 16
    assert model.identity == {"name": "r", "version": model.version}


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "r.onnx")
    with pytest.raises(ModelError, match=r"cannot read .*r\.onnx: it is no plain file"):
        publish(tmp_path / "r.onnx", tmp_path)


def test_the_ending_may_be_in_capitals(file, tmp_path):
    shutil.copy(file, tmp_path / "R.ONNX")
    assert publish(tmp_path / "R.ONNX", tmp_path)["name"] == "R"


def test_there_is_an_example_of_the_space_of_the_ranker(model):
    assert model.example in model.space


def test_without_a_space_the_example_is_a_chain_of_what_training_had(model, monkeypatch):
    monkeypatch.setattr(model.ranker, "space", None)
    example = Model(model.ranker, "r", "0").example
    assert len(example.ops) == 5
    assert set(example.ops) <= model.trained_on
    assert example.edges == ((0, 1), (1, 2), (2, 3), (3, 4))


def test_another_ranker_takes_its_place(folder, other):
    published = Published(folder, threads=1)
    before = published.model
    assert published.refresh() is False
    publish(other, folder)
    assert published.refresh() is True
    assert (published.model.name, before.name) == ("other", "r")
    assert before.version != published.model.version
    assert published.refresh() is False


def test_the_same_file_has_the_same_version(folder, file):
    published = Published(folder, threads=1)
    version = published.model.version
    publish(file, folder)
    published.refresh()
    assert published.model.version == version


def test_a_ranker_of_pytorch_is_converted(ranker, tmp_path):
    ranker.save(tmp_path / "mine.egraph", {"space": "nasbench201"})
    folder = tmp_path / "folder"
    folder.mkdir()
    note = publish(tmp_path / "mine.egraph", folder)
    assert note["name"] == "mine"
    assert Published(folder, threads=1).model.space.name == "nasbench201"


def test_what_is_no_ranker_is_not_published(folder, tmp_path_factory):
    broken = tmp_path_factory.mktemp("broken")
    note = (folder / "current.json").read_text()
    (broken / "empty.onnx").write_bytes(b"")
    (broken / "noise.onnx").write_bytes(b"noise" * 1000)
    (broken / "noise.egraph").write_bytes(b"noise" * 1000)
    for name in ("empty.onnx", "noise.onnx", "noise.egraph", "absent.onnx", "absent.egraph"):
        with pytest.raises(ModelError):
            publish(broken / name, folder)
    assert (folder / "current.json").read_text() == note
    assert Published(folder, threads=1).refresh() is False


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    with pytest.raises(ModelError, match=r"cannot read .*absent.onnx: No such file or directory"):
        publish(tmp_path / "absent.onnx", tmp_path)


def test_a_folder_without_a_ranker_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no ranker is published in"):
        Published(tmp_path)


def test_a_worker_that_cannot_load_keeps_the_old_one(folder):
    published = Published(folder, threads=1)
    before = published.model
    note = json.loads((folder / "current.json").read_text())
    (folder / "current.json").write_text(json.dumps({**note, "file": "gone.onnx"}))
    with pytest.raises(ModelError, match=r"no ranker at .*gone\.onnx"):
        published.refresh()
    assert published.model is before
    assert published.refresh() is False


def test_only_the_current_file_and_the_one_before_are_kept(folder, file, other):
    publish(other, folder)
    assert len(list(folder.glob("*.onnx"))) == 2
    third = other.with_name("third.onnx")
    shutil.copyfile(other, third)
    third.write_bytes(third.read_bytes() + b"")
    publish(file, folder)
    assert len(list(folder.glob("*.onnx"))) == 2


def test_a_ranker_of_an_unknown_space_has_none(model):
    import dataclasses

    class Elsewhere:
        space = "nowhere"

    assert dataclasses.replace(model, ranker=Elsewhere()).space is None


def test_a_ranker_that_cannot_score_is_not_published(file, tmp_path, monkeypatch):
    class Broken:
        vocabulary = None

        def assess(self, architectures, level):
            raise RuntimeError("no")

    monkeypatch.setattr(Model, "load", classmethod(lambda cls, *rest, **more: cls(Broken(), "r", "v")))
    with pytest.raises(ModelError, match="the ranker cannot score: RuntimeError"):
        publish(file, tmp_path)
    assert not (tmp_path / "current.json").exists()
