"""Words for classes: registered, installed, or by path."""

from importlib.metadata import EntryPoint

import pytest

from lit_samseg.errors import InputError
from lit_samseg.runtime import registry as registry_module
from lit_samseg.runtime.registry import Registry


class Animal:
    """What is registered here."""


class Cat(Animal):
    """One."""


class Dog(Animal):
    """Another."""


@pytest.fixture
def animals(monkeypatch: pytest.MonkeyPatch) -> Registry[Animal]:
    points = [
        EntryPoint("dog", f"{__name__}:Dog", "zoo"),
        EntryPoint("stone", "pathlib:Path", "zoo"),
        EntryPoint("lost", "no_such_package:Bird", "zoo"),
    ]
    monkeypatch.setattr(registry_module, "entry_points", lambda group: points if group == "zoo" else [])
    found: Registry[Animal] = Registry("animal", "zoo", Animal)
    found.register("cat")(Cat)
    return found


def test_the_three_doors(animals: Registry[Animal]) -> None:
    assert animals.find("cat") is Cat
    assert animals.find("dog") is Dog
    assert animals.find(f"{__name__}:Dog") is Dog
    assert list(animals) == ["cat", "dog", "stone", "lost"]
    assert "dog" in animals
    assert "cow" not in animals


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("cta", "'cta' is no animal; there are cat, dog, stone, lost; did you mean 'cat'?"),
        ("xyz", "write package.module:Name for one of your own"),
        ("stone", "pathlib:Path is no animal; it must be a class derived from tests.runtime.test_registry.Animal"),
        ("lost", "animal 'lost' cannot be imported: ModuleNotFoundError: No module named 'no_such_package'"),
        ("pathlib:Bird", "animal 'pathlib:Bird' cannot be imported: AttributeError"),
        ("pathlib:", "animal 'pathlib:' cannot be imported"),
    ],
)
def test_words_that_mean_nothing(animals: Registry[Animal], word: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        animals.find(word)
    assert message in str(caught.value)


def test_a_word_has_one_meaning(animals: Registry[Animal]) -> None:
    animals.register("cat")(Cat)
    with pytest.raises(ValueError, match="'cat' is a animal already"):
        animals.register("cat")(Dog)
    with pytest.raises(ValueError, match="int is no animal"):
        animals.register("number")(int)
