"""Every configuration runs as it stands, offline: its names are found in the caches, which hold tiny networks."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from lit_samseg.checkpoints.weights import DEMO_WEIGHTS, sha256_of_file
from lit_samseg.data.ade20k import ADE20K_CLASSES
from lit_samseg.data.scene_generator import SPLIT_SEEDS, generate_scene
from lit_samseg.data.voc import VOC_CLASSES
from lit_samseg.sam import known_weights as registry
from tests.baselines import tiny_segmenters
from tests.baselines.tiny_oneformer import save_oneformer
from tests.concepts import tiny_text_prompted
from tests.conftest import PROJECT, RunCli
from tests.recomputation import read_predictions, results_of
from tests.sam import tiny_hub

ALL = {path.stem: path for path in sorted((PROJECT / "configs").glob("*.yaml"))}
ALL = {name: path for name, path in ALL.items() if not name.startswith("study_")}
TRAININGS = {name: path for name, path in ALL.items() if "finetune" in name}
CONFIGS = {name: path for name, path in ALL.items() if name not in TRAININGS}


def name_classes(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
    """Let the tiny segmenters have a data set's classes."""
    monkeypatch.setitem(tiny_segmenters.NAMES, "id2label", dict(enumerate(names)))
    monkeypatch.setitem(tiny_segmenters.NAMES, "label2id", {name: i for i, name in enumerate(names)})


def save_deeplab(folder: Path) -> None:
    """Save a MobileNetV2 DeepLab of VOC's classes."""
    from transformers import MobileNetV2Config, MobileNetV2ForSemanticSegmentation

    torch.manual_seed(0)
    config = MobileNetV2Config(
        depth_multiplier=0.1, image_size=65, output_stride=16, tf_padding=True, finegrained_output=True,
        **tiny_segmenters.NAMES,
    )  # fmt: skip
    model = MobileNetV2ForSemanticSegmentation(config)
    tiny_segmenters.enliven(model)
    model.save_pretrained(folder)


def save_torchvision(folder: Path) -> None:
    """Save a DeepLabV3-ResNet101 where torchvision looks for its own."""
    from torchvision.models import get_model, get_model_weights

    url = get_model_weights("deeplabv3_resnet101")["COCO_WITH_VOC_LABELS_V1"].url
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    model = get_model("deeplabv3_resnet101", weights=None, weights_backbone=None, num_classes=21, aux_loss=True)
    torch.save(model.state_dict(), folder / url.rsplit("/", 1)[-1])


class World:
    """A working folder with data of every layout, and caches with what the configurations name."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.monkeypatch = root, monkeypatch
        monkeypatch.chdir(root)
        monkeypatch.setenv("LIT_SAMSEG_CACHE", str(root / "cache"))
        monkeypatch.setenv("TORCH_HOME", str(root / "torch"))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(root / "hub"))

    def snapshot(self, hub_id: str) -> Path:
        """Make the folder that the hub's cache has a hub id in."""
        base = self.root / "hub" / f"models--{hub_id.replace('/', '--')}"
        (base / "refs").mkdir(parents=True)
        (base / "refs/main").write_text("abc")
        (base / "snapshots/abc").mkdir(parents=True)
        return base / "snapshots/abc"

    def add_baseline(self, class_name: str, checkpoint: str | None) -> None:
        if class_name in ("Precomputed", "ScoreFolder") or checkpoint == "demo":
            return
        if class_name == "TorchvisionDeepLab":
            save_torchvision(self.root / "torch/hub/checkpoints")
            return
        assert checkpoint is not None
        folder = self.snapshot(checkpoint)
        name_classes(self.monkeypatch, VOC_CLASSES if class_name == "MobileNetV2DeepLab" else ADE20K_CLASSES)
        if class_name == "MobileNetV2DeepLab":
            save_deeplab(folder)
        elif class_name == "OneFormer":
            save_oneformer(folder)
        else:
            kind = next(kind for kind in tiny_segmenters.BUILDERS if kind in checkpoint)
            tiny_segmenters.save(kind, folder)

    def add_sam(self, class_name: str, checkpoint: str) -> None:
        if class_name == "HubSam":
            tiny_hub.save("sam2_video", self.snapshot(checkpoint))
        elif checkpoint != "demo":
            known = registry.KNOWN_WEIGHTS[checkpoint]
            (self.root / "cache").mkdir()
            path = Path(shutil.copy(DEMO_WEIGHTS / "sam.safetensors", self.root / "cache" / known.file_name))
            tiny = registry.KnownWeights(known.url, sha256_of_file(path))
            self.monkeypatch.setitem(registry.KNOWN_WEIGHTS, checkpoint, tiny)

    def add_concepts(self, checkpoint: str) -> None:
        if checkpoint != "demo":
            kinds = {"facebook/sam3": "sam3_video", "IDEA-Research/grounding-dino-tiny": "grounding-dino"}
            tiny_text_prompted.save(kinds[checkpoint], self.snapshot(checkpoint))

    def add_data(self, class_name: str) -> None:
        """Write two scenes of different size, and label maps and scores coarsened from their ground truth."""
        layouts = {
            "VOC2012": ("data/VOCdevkit/VOC2012/JPEGImages", "data/VOCdevkit/VOC2012/SegmentationClass"),
            "ADE20K": (
                "data/ADEChallengeData2016/images/validation",
                "data/ADEChallengeData2016/annotations/validation",
            ),
            "Folder": ("data/images", "data/masks"),
            "CamVid": ("data/CamVid/val", "data/CamVid/valannot"),
        }
        if class_name not in layouts:
            return
        images, masks = (self.root / folder for folder in layouts[class_name])
        for folder in (images, masks, self.root / "label_maps", self.root / "scores"):
            folder.mkdir(parents=True)
        count = 11 if class_name == "CamVid" else 2
        for index in range(2):
            image, scene = (array[: 96 - 20 * index] for array in generate_scene(SPLIT_SEEDS["test"], 1000 + index))
            labels = np.where(scene == 255, 0, scene)
            if class_name == "ADE20K":
                labels = labels + 1
            elif class_name == "Folder":
                labels = labels > 0
            suffix = "png" if class_name == "CamVid" else "jpg"
            Image.fromarray(image).save(images / f"scene_{index}.{suffix}", quality=95)
            Image.fromarray(labels.astype(np.uint8)).save(masks / f"scene_{index}.png")
            blocks = labels[::8, ::8].repeat(8, 0).repeat(8, 1)[: labels.shape[0], : labels.shape[1]]
            Image.fromarray(blocks.astype(np.uint8)).save(self.root / "label_maps" / f"scene_{index}.png")
            cells = labels[::8, ::8] == np.arange(count)[:, None, None]
            np.save(self.root / "scores" / f"scene_{index}.npy", np.where(cells, 0.9, 0.1 / (count - 1)))
        if class_name == "CamVid":
            # Training has the same under names of its own, and other bytes.
            for folder in (images, masks, self.root / "label_maps"):
                training = self.root / {images: "data/CamVid/train", masks: "data/CamVid/trainannot"}.get(
                    folder, folder
                )
                training.mkdir(parents=True, exist_ok=True)
                for path in sorted(folder.glob("scene_?.*")):
                    with Image.open(path) as picture:
                        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(training / f"training_{path.name}")
            for path in sorted((self.root / "scores").glob("scene_?.npy")):
                np.save(path.with_name(f"training_{path.name}"), np.load(path)[..., ::-1])
        if class_name == "VOC2012":
            lists = images.parent / "ImageSets/Segmentation"
            lists.mkdir(parents=True)
            (lists / "val.txt").write_text("scene_0\nscene_1\n")
            # Training has the first one mirrored: the same pixels under another name are refused.
            for folder, suffix in ((images, "jpg"), (masks, "png")):
                with Image.open(folder / f"scene_0.{suffix}") as picture:
                    picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / f"scene_2.{suffix}")
            (lists / "train.txt").write_text("scene_2\n")


# The quicker ones: test_cli reads every configuration, test_run runs that of the demo and compares batches of two with
# images one by one, test_data_summary runs that of a folder; the networks are those of tests/baselines and tests/sam.
@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_runs_as_it_stands(
    name: str, run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = yaml.safe_load(CONFIGS[name].read_text(encoding="utf-8"))
    model = config["model"]["init_args"]
    assert "auto" in model["variants"]
    # lit-samseg figure draws what was saved.
    assert name != "demo" or model["save_predictions"]
    parts = [part["class_path"].rsplit(".", 1)[1] for part in (config["data"], model["baseline"], model["sam"])]
    world = World(tmp_path, monkeypatch)
    world.add_data(parts[0])
    world.add_baseline(parts[1], model["baseline"]["init_args"].get("checkpoint"))
    world.add_sam(parts[2], model["sam"]["init_args"]["checkpoint"])
    rows = ["points+box", "mask"]
    if "concepts" in model:
        world.add_concepts(model["concepts"]["init_args"]["checkpoint"])
        rows += ["none@text"]
    variants = f"--model.variants=[{', '.join(rows)}]"
    words = ["test", "--config", CONFIGS[name], "--trainer.accelerator=cpu", variants]
    if parts[0] == "Scenes":
        words.append("--data.size=2")
    if parts[0] == "Folder":
        # What nobody else can know.
        assert config["data"]["init_args"].get("num_classes") is None
        words.append("--data.num_classes=2")
    if parts[1] == "TorchvisionDeepLab":
        words.append(
            "--model.baseline.resize=65"
        )  # of its full size, since it comes in one only: seconds, not a minute
    maps = {}
    # The second time only the label maps are looked at.
    for size, less in ((1, []), (2, ["--model.analysis=false", "--gallery=false", "--report=false"])):
        out = tmp_path / f"out{size}"
        options = ["--model.save_predictions=true", f"--data.batch_size={size}", "--output_dir", out, *less]
        outcome = run_cli(*words, *options)
        assert outcome.code == 0, outcome.err
        results = results_of(out)
        assert [row["name"] for row in results["rows"]] == ["baseline", *rows]
        assert len(results["dataset"]["ids"]) == 2
        for kind in ("baseline", "sam"):
            named = model[kind]["init_args"].get("checkpoint")
            assert named is None or results[kind]["checkpoint"] == named
        if "concepts" in model:
            assert results["text"]["checkpoint"] == model["concepts"]["init_args"]["checkpoint"]
            assert results["text"]["phrases"] > 0
        maps[size] = {row["name"]: read_predictions(out / "predictions" / row["name"]) for row in results["rows"]}
    # A batch of images of two sizes gives what they give one by one.
    for row, predictions in maps[1].items():
        assert len({prediction.shape for prediction in predictions.values()}) == 2
        for image_id, prediction in predictions.items():
            assert np.array_equal(prediction, maps[2][row][image_id])
    assert any(len(np.unique(prediction)) > 1 for prediction in maps[1]["baseline"].values())


# The quicker ones: test_cli reads every configuration, tests/finetune trains on the demo's networks.
@pytest.mark.slow
@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_runs_as_it_stands(
    name: str, run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = yaml.safe_load(TRAININGS[name].read_text(encoding="utf-8"))
    model = config["model"]["init_args"]
    world = World(tmp_path, monkeypatch)
    kind = config["data"]["class_path"].rsplit(".", 1)[1]
    world.add_data(kind)
    baseline = model["baseline"]["class_path"].rsplit(".", 1)[1]
    world.add_baseline(baseline, model["baseline"]["init_args"].get("checkpoint"))
    if "sam" in model:
        world.add_sam("SegmentAnything", model["sam"]["init_args"]["checkpoint"])
    if "concepts" in model:
        world.add_concepts(model["concepts"]["init_args"]["checkpoint"])
    words = ["fit", "--config", TRAININGS[name], "--trainer.accelerator=cpu", "--output_dir", tmp_path / "out"]
    if kind == "Scenes":
        words += ["--data.subset=2", "--data.training.subset=2"]
    outcome = run_cli(*words)
    assert outcome.code == 0, outcome.err
    with (tmp_path / "out/curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(config["trainer"]["max_epochs"] + 1))
    assert {path.name for path in (tmp_path / "out").iterdir()} & {
        "adapter.safetensors",
        "baseline",
        "gate.json",
        "memory.safetensors",
        "text.safetensors",
    }


def test_the_issues_pairs_are_there() -> None:
    assert {
        "ade20k_oneformer_sam_vit_h",
        "ade20k_segformer_b0_mobilesam",
        "ade20k_mask2former_sam2",
        "voc_deeplab_r101_sam_vit_h",
        "folder_precomputed_mobilesam",
        "folder_scores_mobilesam",
        "voc_deeplab_sam3",
        "ade20k_oneformer_sam3",
    } <= set(CONFIGS)


def test_what_is_gated_says_so() -> None:
    gated = [path.read_text(encoding="utf-8") for path in ALL.values() if "facebook/sam3" in path.read_text()]
    assert len(gated) >= 3
    for text in gated:
        comment = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))
        assert "licence has to be accepted on https://huggingface.co/facebook/sam3" in comment
