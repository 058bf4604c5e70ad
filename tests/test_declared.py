"""A class of one's own that forgets something is refused when it is built, in one line that says what."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lit_samseg.baselines import Baseline, MobileNetV2DeepLab, load_baseline
from lit_samseg.checkpoints.weights import DEMO_WEIGHTS
from lit_samseg.data import Sample, Scenes, SegmentationDataModule
from lit_samseg.data.facts import fact_of_data
from lit_samseg.errors import InputError
from lit_samseg.module import SamSegEvaluation
from lit_samseg.refiner import Refiner
from lit_samseg.sam import SegmentAnything, load_promptable_segmenter
from tests.conftest import RunCli
from tests.refine.fake_sam import BoxFillingSam
from tests.test_module import Constant

CLASSES = ("void", "a", "b")


class Nameless(Baseline):
    checkpoint, sha256 = "none", None

    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        return torch.zeros(image.shape[1:], dtype=torch.int64)


class WithPath(Nameless):
    """Its checkpoint could not be written as JSON after the last image."""

    name = "path"
    checkpoint = Path("weights")  # type: ignore[assignment]


class Unbuilt(Nameless):
    name = "unbuilt"

    def __init__(self) -> None:
        """Forget the base class."""


class Abstract(Baseline):
    name, checkpoint, sha256 = "abstract", "none", None


class Imprecise(SegmentAnything):
    def __init__(self) -> None:
        super().__init__("demo")
        del self.precision


class OtherPrecision(BoxFillingSam):
    precision = "fp8"  # type: ignore[assignment]


class NoClasses(SegmentationDataModule):
    name = "none"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)

    def find_ids(self) -> list[str]:
        return ["a"]

    def files(self, image_id: str, with_target: bool) -> list[Path]:
        return []

    def read(self, image_id: str, with_target: bool) -> Sample:
        raise NotImplementedError


class NoName(NoClasses):
    name = None  # type: ignore[assignment] # as Lightning leaves it
    class_names = CLASSES


class BackgroundByName(NoName):
    name = "named"
    background = "void"  # type: ignore[assignment]


BAD_NETWORKS: list[tuple[Any, Any, str]] = [
    (Nameless(), BoxFillingSam(), r"^baseline tests\.test_declared\.Nameless has no 'name'; set it in the class or in"),
    (WithPath(), BoxFillingSam(), r"WithPath has checkpoint = .*Path\('weights'\); its type must be str"),
    (Unbuilt(), BoxFillingSam(), r"Unbuilt does not call super\(\)\.__init__\(\) in its own __init__; add it"),
    (
        nn.Linear(1, 1),
        BoxFillingSam(),
        r"^baseline is a torch\.nn\.\S*Linear; give .* made from lit_samseg\.baselines\.",
    ),
    (Constant, BoxFillingSam(), r"^baseline is the class tests\.test_module\.Constant, not an object of it"),
    ("demo", BoxFillingSam(), "^baseline is 'demo'; give an object"),
    (Constant(1), Imprecise(), r"^sam tests\.test_declared\.Imprecise has no 'precision'"),
    (Constant(1), OtherPrecision(), r"has precision = 'fp8'; its type must be Literal\['fp32', 'bf16', 'fp16'\]"),
    (Constant(1), None, "^sam is None; give an object"),
]


@pytest.mark.parametrize(("baseline", "sam", "complaint"), BAD_NETWORKS)
def test_networks_are_looked_at_when_they_are_taken(baseline: Any, sam: Any, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        SamSegEvaluation(baseline, sam, ["box"], class_names=CLASSES)
    with pytest.raises(InputError, match=complaint):
        Refiner(sam, baseline, device="cpu")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (NoClasses(), r"^data tests\.test_declared\.NoClasses has no 'class_names'; set it"),
        (NoName(), r"NoName has no 'name'"),
        (BackgroundByName(), r"has background = 'void'; its type must be int \| None"),
    ],
)
def test_data_sets_too(data: SegmentationDataModule, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        fact_of_data(data, "class_names")
    with pytest.raises(InputError, match=complaint):
        data.setup("test")
    assert fact_of_data(Scenes(), "background") == 0
    with pytest.raises(InputError, match="data is 3; give an object"):
        fact_of_data(3, "class_names")


MODEL = (
    "--model=lit_samseg.module.SamSegEvaluation",
    "--model.baseline=lit_samseg.baselines.MobileNetV2DeepLab",
    "--model.baseline.checkpoint=demo",
    "--model.sam=lit_samseg.sam.SegmentAnything",
    "--model.sam.checkpoint=demo",
)
OWN_DATA = (*MODEL, "--data=tests.test_declared.NoName")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            (*MODEL, "--data=lit_samseg.data.Scenes", "--model.baseline=tests.test_declared.Nameless"),
            "baseline tests.test_declared.Nameless has no 'name'; set it",
        ),
        (
            (*MODEL, "--data=lit_samseg.data.Scenes", "--model.baseline=tests.test_declared.Abstract"),
            "tests.test_declared.Abstract is abstract: it has no label_map",
        ),
        (OWN_DATA, "data tests.test_declared.NoName has no 'name'; set it"),
        # Options of a base class, behind **options.
        ((*OWN_DATA, "--data.subset_seed=null"), "data.subset_seed is null; give a value of type int"),
        ((*OWN_DATA, "--data.on_error=null"), "data.on_error is null; give raise or skip"),
    ],
)
def test_on_the_command_line(words: Sequence[str], complaint: str, run_cli: RunCli, tmp_path: Path) -> None:
    """Before any image: the folder is not even made."""
    outcome = run_cli("test", *words, "--trainer.accelerator=cpu", "--output_dir", tmp_path / "run")
    assert outcome.code == 2, outcome.err
    assert outcome.err.strip().splitlines()[-1].startswith("lit-samseg: error: ")
    assert complaint in outcome.err
    assert not (tmp_path / "run").exists()


class Giving(Constant):
    """Gives what it is told to."""

    def __init__(self, labels: Any) -> None:
        super().__init__(0)
        self.labels = labels

    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        labels: Tensor = self.labels
        return labels


@pytest.mark.parametrize(
    ("labels", "given"),
    [
        (torch.zeros(4, 5), r"torch\.float32 \[4, 5\]"),
        (torch.zeros(5, 4, dtype=torch.int64), r"torch\.int64 \[5, 4\]"),
        (torch.zeros(1, 4, 5, dtype=torch.int64), r"torch\.int64 \[1, 4, 5\]"),
        (torch.zeros(4, 5, dtype=torch.int64).numpy(), "ndarray"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_label_map_of_the_image(labels: object, given: str) -> None:
    image = torch.zeros(3, 4, 5, dtype=torch.uint8)
    complaint = rf"a label map must be a tensor int64 \[4, 5\] as its image, not {given}"
    with pytest.raises(InputError, match=f"baseline constant, image x: {complaint}"):
        SamSegEvaluation(Giving(labels), BoxFillingSam(), [], class_names=CLASSES).label_maps(
            [Sample("x", image, None)]
        )
    with pytest.raises(InputError, match=complaint):
        Refiner(BoxFillingSam(), Giving(labels), "box", device="cpu")(image)


@pytest.mark.parametrize(("variant", "named"), [(int, "int is a type"), (3, "3 is a int"), (None, "None is")])
def test_a_variant_is_a_text(variant: Any, named: str) -> None:
    with pytest.raises(InputError, match=f"^variants: {named}.*a variant is a text such as 'points"):
        Refiner(BoxFillingSam(), variant=variant, device="cpu")


def test_a_name_that_is_a_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # A run's output folder: no checkpoint, so nothing else can be meant.
    for name in ("demo", "deeplabv3_resnet50", "mobile_sam"):
        (tmp_path / name).mkdir()
    assert isinstance(load_baseline("demo"), MobileNetV2DeepLab)
    assert isinstance(load_promptable_segmenter("demo"), SegmentAnything)
    for name in ("demo", "deeplabv3_resnet50", "mobile_sam"):
        for path in (DEMO_WEIGHTS / "deeplab").iterdir():
            (tmp_path / name / path.name).symlink_to(path)
    for load, name in (
        (load_baseline, "demo"),
        (load_baseline, "deeplabv3_resnet50"),
        (MobileNetV2DeepLab, "demo"),
        (load_promptable_segmenter, "demo"),
        (load_promptable_segmenter, "mobile_sam"),
    ):
        with pytest.raises(InputError, match=rf"'{name}' is the name of a built-in .* {tmp_path / name} too; give \./"):
            load(name)
    assert load_baseline("./demo").checkpoint == "./demo"
