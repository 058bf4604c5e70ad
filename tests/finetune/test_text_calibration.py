"""What words are worth: curves against the densities that made them, and the way from ``fit`` to ``test``."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.optimize import minimize
from torch import Tensor

from lit_samseg.baselines import MobileNetV2DeepLab, Precomputed
from lit_samseg.concepts import SimulatedConcepts
from lit_samseg.data import Sample, Scenes
from lit_samseg.errors import InputError
from lit_samseg.finetune import TextCalibration
from lit_samseg.finetune.word_curves import count_evidence, ratio_curves, share_curves
from lit_samseg.finetune.word_examples import WordExample, folds_of, open_example, take_example
from lit_samseg.finetune.word_fit import FLOORS, PENALTY, WEIGHTS, _kept, choose_belief, fit_judgement, fit_words
from lit_samseg.module import SamSegEvaluation
from lit_samseg.refine import CalibratedWords, Grid, Told, read_calibration
from lit_samseg.refine.calibrated_words import BINS, LARGEST, logit_of, probability
from lit_samseg.results.timing_table import timing_table
from lit_samseg.sam import SegmentAnything
from lit_samseg.sam.frame import Frame
from tests.conftest import PROJECT, RunCli, made_once, run_quietly
from tests.recomputation import results_of

SIDE = 32
FRAME = Frame(SIDE, SIDE, SIDE, SIDE)


def example_of(
    truth: Tensor, evidence: Tensor, believed: Tensor, asked: tuple[int, ...] = (1, 2), void: int = 255
) -> WordExample:
    """An image whose pixels are cells."""
    classes = torch.arange(len(believed))
    grid = Grid(FRAME, classes, believed, believed.argmax(0), torch.zeros(3, SIDE, SIDE), scored=True)
    return take_example(grid, Told(torch.tensor(asked), evidence, 1), truth, void)


def world(count: int, hit: float, seed: int = 0, shift: float = 2.0) -> list[WordExample]:
    """Images with a square of class 1 in half of them, which the baseline knows to 60 %.

    Evidence is normal in logits: ``shift`` higher where the class is, in images in which words find it; class 2 is
    asked about, and nowhere.
    """
    rng = torch.Generator().manual_seed(seed)
    found = []
    for n in range(count):
        truth = torch.zeros(SIDE, SIDE, dtype=torch.int64)
        if n % 2:
            y, x = torch.randint(0, SIDE - 16, (2,), generator=rng).tolist()
            truth[y : y + 16, x : x + 16] = 1
        truth[0, :3] = 255
        logits = torch.randn(2, SIDE, SIDE, generator=rng) - 3
        if float(torch.rand(1, generator=rng)) < hit:
            logits[0][truth == 1] += shift
        chance = torch.where(truth == 1, 0.6, 0.2).clamp(0.01, 0.99)
        believed = torch.stack([1 - chance, chance]).log()
        found.append(example_of(truth, logits.sigmoid(), believed))
    return found


def test_an_example_is_kept_to_a_part_of_a_bin() -> None:
    rng = torch.Generator().manual_seed(1)
    evidence = (4 * torch.randn(2, SIDE, SIDE, generator=rng)).sigmoid()
    believed = torch.randn(3, SIDE, SIDE, generator=rng).log_softmax(0)
    truth = torch.randint(0, 3, (SIDE, SIDE), generator=rng)
    truth[5, 5] = 255
    grid, told, target = open_example(example_of(truth, evidence, believed))
    step = 2 * LARGEST / (BINS - 1)
    assert float((logit_of(told.evidence) - logit_of(evidence)).abs().max()) <= step / 18 + 0.02
    assert float((grid.log_probabilities - believed).abs().max()) <= 0.026
    assert torch.equal(grid.labels, believed.argmax(0))
    assert torch.equal(target, torch.where(truth == 255, -1, truth))
    assert grid.scored
    assert told.classes.tolist() == [1, 2]


def test_counts_are_those_of_a_loop() -> None:
    examples = world(6, 1.0)
    counted = count_evidence(examples, 3)
    inside, outside, own = (np.zeros((3, BINS)) for _ in range(3))
    images = np.zeros(3)
    for example in examples:
        _, told, target = open_example(example)
        for place, class_id in enumerate((1, 2)):
            a, b, cells = np.zeros(BINS), np.zeros(BINS), 0
            for e, t in zip(told.evidence[place].flatten().tolist(), target.flatten().tolist(), strict=True):
                if t < 0:
                    continue
                logit = min(LARGEST, max(-LARGEST, float(np.log(e / (1 - e)))))
                place_of = round((logit + LARGEST) / (2 * LARGEST) * (BINS - 1))
                (a if t == class_id else b)[place_of] += 1
                cells += 1
            if a.sum():
                inside[class_id] += a / a.sum()
                own[class_id] += a / cells
                images[class_id] += 1
            outside[class_id] += b / b.sum()
    assert images.tolist() == [0, 3, 0]
    assert np.array_equal(counted.inside_images, images)
    assert np.abs(counted.inside - inside).sum() < 0.02
    assert np.abs(counted.outside - outside).sum() < 0.02
    assert np.abs(counted.own - own).sum() < 0.02
    halves = count_evidence(examples[:3], 3), count_evidence(examples[3:], 3)
    assert np.allclose((counted - halves[0]).inside, halves[1].inside)


def test_ratios_are_those_of_the_densities() -> None:
    counted = count_evidence(world(400, 1.0), 3)
    curves = ratio_curves(counted)
    assert (np.diff(curves, axis=1) >= -1e-9).all()
    logits = np.linspace(-LARGEST, LARGEST, BINS)
    # Two normal distributions of deviation 1, 2 apart: the logarithm of their ratio is 2 x - const.
    middle = (logits > -3.6) & (logits < -0.4)
    expected = 2 * (logits + 3) - 2
    assert np.abs(curves[1] - expected)[middle].max() < 0.35
    shares = share_curves(counted)
    prior = 256 / (SIDE * SIDE)
    expected = 1 / (1 + (1 - prior) / prior * np.exp(-expected))
    assert np.abs(shares[1] - expected)[middle].max() < 0.05


def test_a_few_images_prove_little_and_none_prove_nothing() -> None:
    few, many = (ratio_curves(count_evidence(world(count, 1.0), 3)) for count in (4, 400))
    assert few[1].max() < many[1].max()
    assert few[1].min() > many[1].min()
    assert np.abs(ratio_curves(count_evidence([], 3))).max() < 1e-9


def test_evidence_that_is_wrong_way_round_counts_for_nothing() -> None:
    curves = ratio_curves(count_evidence(world(100, 1.0, shift=-2.0), 3))
    assert np.abs(curves[1]).max() < 0.05


def test_what_helps_is_believed_and_what_does_not_is_not() -> None:
    good, useless = (CalibratedWords(("ground", "one", "two")) for _ in range(2))
    with torch.no_grad():
        loss = fit_words(good, world(120, 1.0), 4, 0)
        other = fit_words(useless, world(120, 0.0), 4, 0)
    assert 0.6 <= float(good.weight) <= 1.2
    assert float(useless.weight) * float(useless.ratios.abs().max()) < 0.3
    assert loss < other - 0.05
    # A class that nobody has ever seen is not added.
    assert float(good.ratios[2].max()) <= float(good.ratios[1].max())
    assert float(good.kept.isfinite().all()) == 1.0


def test_void_does_not_say_that_a_class_is_absent() -> None:
    believed = torch.full((3, SIDE, SIDE), 0.1)
    believed[1, :8], believed[2, 8:16], believed[0, 16:] = 0.8, 0.8, 0.8
    evidence = torch.full((2, SIDE, SIDE), 0.3)
    nothing = torch.full((SIDE, SIDE), 255)
    partly = nothing.clone()
    # Class 1 has its own places in void, and is elsewhere; class 2 has a place that is none.
    partly[16:] = 1
    partly[8, 8] = 0
    # The label map has both, and is judged about both here, about neither without a ground truth.
    kept = []
    for truth in (nothing, partly):
        words = CalibratedWords(("ground", "one", "two"))
        with torch.no_grad():
            fit_words(words, [example_of(truth, evidence, believed.log()) for _ in range(4)], 2, 0)
        kept.append(words.kept)
    assert torch.equal(kept[0], CalibratedWords(("ground", "one", "two")).kept)
    features, there = _kept(example_of(partly, evidence, believed.log()))
    assert there.tolist() == [True, False]
    assert len(features) == 2
    partly[8, 8] = 255
    assert _kept(example_of(partly, evidence, believed.log()))[1].tolist() == [True]


def test_a_judgement_is_the_regression_on_features_as_they_are() -> None:
    rng = torch.Generator().manual_seed(4)
    # Of other scales and places than the solver's, and the second one speaks against.
    features = torch.randn(300, 3, generator=rng) * torch.tensor([5.0, 0.2, 1.0]) + torch.tensor([-7.0, 3.0, 0.5])
    logits = 0.4 * (features[:, 0] + 7) - 6 * (features[:, 1] - 3) + 0.8
    right = torch.rand(300, generator=rng) < logits.sigmoid()
    judgement = fit_judgement([(features[:100], right[:100]), (features[100:], right[100:])], torch.zeros(4))
    assert judgement[0] > 0.2
    assert judgement[1] < -3
    x, y = features.double().numpy(), right.numpy()
    scale = (x - x.mean(0)) / x.std(0)

    def objective(w: np.ndarray) -> float:
        z = scale @ w[:3] + w[3]
        return float(np.logaddexp(0, np.where(y, -z, z)).mean() + PENALTY / 2 * (w**2).sum())

    best = minimize(objective, np.zeros(4), tol=1e-12).x
    expected = 1 / (1 + np.exp(-(scale @ best[:3] + best[3])))
    assert np.abs(probability(judgement, features).numpy() - expected).max() < 1e-3
    # From too few nothing is learnt.
    unknown = torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert torch.equal(fit_judgement([(features[:9], right[:9])], unknown), unknown)


def test_the_least_weight_that_is_not_worse_is_chosen() -> None:
    images = 40
    losses = torch.ones(images, len(WEIGHTS), len(FLOORS), dtype=torch.float64)
    losses[:, 8, 2], losses[:, 5, 2], losses[:, 3, 2] = 0.5, 0.501, 0.7
    # By 0.001 on average, and by ten times that on single images: not told from chance.
    losses[::2, 5, 2] += 0.02
    losses[1::2, 5, 2] -= 0.02
    weight, floor, loss = choose_belief(losses)
    assert (weight, floor) == (WEIGHTS[5], FLOORS[2])
    assert loss == pytest.approx(0.501)
    losses[:, 5, 2] = 0.51
    assert choose_belief(losses)[0] == WEIGHTS[8]


def test_folds_are_neighbours() -> None:
    assert folds_of(7, 3) == [0, 0, 0, 1, 1, 2, 2]
    assert folds_of(2, 4) == [0, 1]
    with torch.no_grad():
        assert fit_words(CalibratedWords(("ground", "one", "two")), world(1, 1.0), 4, 0) > 0


DEMO = (
    *("--config", PROJECT / "configs" / "demo_finetune.yaml", "--model", "lit_samseg.finetune.TextCalibration"),
    *("--model.baseline", "demo", "--model.sam", "demo", "--model.variants", "[none@text, none@add]"),
    *("--model.concepts", "lit_samseg.concepts.SimulatedConcepts", "--model.concepts.classes", "scenes"),
    *("--data.subset", 2, "--data.training.subset", 8, "--data.training.batch_size", 4, "--data.training.views", 1),
    *("--trainer.max_epochs", 1,),
)  # fmt: skip
SIMULATED = ("--model.concepts", "lit_samseg.concepts.SimulatedConcepts", "--model.concepts.classes", "scenes")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A calibration on eight scenes."""
    return made_once(tmp_path_factory, "fitted_text", lambda folder: run_quietly("fit", *DEMO, "--output_dir", folder))


def test_what_fit_wrote_takes_part_in_test(fitted: Path, run_cli: RunCli, demo_config: Path, tmp_path: Path) -> None:
    path = fitted / "text.safetensors"
    words = read_calibration(path)
    assert words.class_names == Scenes.class_names
    assert len(words.trained_on) == 8
    assert float(words.ratios.max()) > 1
    rows = ["none@text", "none@remove/add/text", "none@textonly", "box+textmask@component", "box@component/text/fuse"]
    common = (
        *("test", "--config", demo_config, "--data.size", 3, "--model.variants", f"[{', '.join(rows)}]"),
        *("--model.analysis=false", "--gallery=false", "--report=false", *SIMULATED),
    )
    outcome = run_cli(*common, "--model.text", path, "--output_dir", tmp_path / "calibrated")
    assert outcome.code == 0, outcome.err
    results = results_of(tmp_path / "calibrated")
    told = results["text"]
    assert told["calibration"] == {"file": str(path), "sha256": words.sha256, "images": 8}
    assert told["phrases"] == 15
    assert told["needs_truth"] is True
    assert told["seconds_per_phrase"] == pytest.approx(results["timing"]["words"] / 15)
    assert any("was asked 15.0 phrases an image" in note for note in timing_table(results).notes)
    found = {row["name"]: row for row in results["rows"]}
    assert [part["word"] for part in found[rows[1]]["parts"]["beliefs"]] == ["remove", "add", "text"]
    outcome = run_cli(*common, "--output_dir", tmp_path / "raw")
    assert outcome.code == 0, outcome.err
    raw = {row["name"]: row for row in results_of(tmp_path / "raw")["rows"]}
    assert "calibration" not in results_of(tmp_path / "raw")["text"]
    assert raw["none@text"]["miou"] != found["none@text"]["miou"]
    outcome = run_cli(
        *common, "--model.text", path, "--data.split", "train", "--data.size", 30, "--output_dir", tmp_path / "train"
    )
    assert outcome.code == 2
    assert f"of the images were used to train {path}" in outcome.err


def test_rows_without_words_and_words_without_rows(
    fitted: Path, run_cli: RunCli, demo_config: Path, tmp_path: Path
) -> None:
    words = ("test", "--config", demo_config, "--data.size", 1, "--output_dir", tmp_path / "out")
    cases = {
        ("--model.variants", "[none@text]"): "variant 'none@text' asks by words; give --model.concepts NAME",
        ("--model.candidates", "3"): "--model.candidates is for words, and nobody is asked",
        (*SIMULATED, "--model.ontology", "scens"): "did you mean scenes?",
        (*SIMULATED, "--model.variants", "[none@text]", "--model.text", fitted / "config.yaml"): "config.yaml",
        (
            *(*SIMULATED, "--model.concepts.misses", "0.9", "--model.candidates", "2"),
            *("--model.variants", "[none@text]", "--model.text", fitted / "text.safetensors"),
        ): "is of other phrases or candidates",
    }
    for options, complaint in cases.items():
        outcome = run_cli(*words, *options)
        assert outcome.code == 2, options
        assert complaint in outcome.err
        assert len(outcome.err.strip().splitlines()) == 1, outcome.err
    outcome = run_cli("predict", *words[1:], *SIMULATED, "--model.variants", "[none@text]")
    assert outcome.code == 2
    assert "variant 'none@text' needs the ground truth, which predict has not" in outcome.err


def test_a_calibration_that_is_cut_off_has_to_be_fitted_again(fitted: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.safetensors"
    for content in ((fitted / "text.safetensors").read_bytes()[:-7], b"hello", b""):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"text\.safetensors is no calibration of words, or cut off; fit it again"):
            read_calibration(path)
    with pytest.raises(InputError, match="no such weight file"):
        read_calibration(tmp_path / "missing.safetensors")


def test_a_calibration_is_for_its_own_classes(fitted: Path, tmp_path: Path) -> None:
    networks = MobileNetV2DeepLab("demo"), SegmentAnything("demo"), SimulatedConcepts("scenes")
    classes = {"class_names": Scenes.class_names, "background": 0}
    with pytest.raises(InputError, match=r"model\.folds is 1"):
        TextCalibration(*networks, folds=1, **classes)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"no row of model\.variants asks by words"):
        TextCalibration(*networks, variants=["box"], **classes)  # type: ignore[arg-type]
    module = TextCalibration(*networks, **classes)  # type: ignore[arg-type]
    checkpoint = torch.load(fitted / "checkpoints/last.ckpt", map_location="cpu", weights_only=True)
    module.load_state_dict(checkpoint["state_dict"])
    assert torch.equal(module.words.ratios, read_calibration(fitted / "text.safetensors").ratios)
    with pytest.raises(InputError, match="of another model, or of other classes"):
        module.load_state_dict({"ratios": torch.zeros(1)})


def test_without_scores_all_classes_are_candidates(tmp_path: Path) -> None:
    Image.new("L", (40, 40)).save(tmp_path / "one.png")
    networks = Precomputed(str(tmp_path)), SegmentAnything("demo")
    options: dict[str, Any] = {"class_names": Scenes.class_names, "background": 0, "analysis": False}
    options |= {"variants": ["none@text"], "concepts": SimulatedConcepts("scenes"), "candidates": 2}
    with pytest.warns(UserWarning, match="has no class scores: candidates are all classes"):
        module = SamSegEvaluation(*networks, **options)
    sample = Sample("one", torch.zeros(3, 40, 40, dtype=torch.uint8), torch.zeros(40, 40, dtype=torch.int64))
    module.label_maps([sample])
    assert module.predictor.phrases_asked == 15
