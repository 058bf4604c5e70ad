"""What the built-in world's things may be called, and words that mean nothing in it."""

from __future__ import annotations

import numpy as np

PHRASES: dict[str, tuple[str, ...]] = {
    "ball": ("ball", "sphere", "round ball", "globe"),
    "ring": ("ring", "hoop", "round ring"),
    "crate": ("crate", "wooden box", "box", "wooden crate"),
    "lamp": ("lamp", "desk lamp", "table lamp", "light"),
    "cart": ("cart", "trolley", "wagon", "handcart"),
    "tripod": ("tripod", "camera stand", "camera tripod"),
    "plant": ("plant", "potted plant", "bush", "flower pot"),
    "fish": ("fish", "swimming fish"),
}
"""Phrases of every class but the ground, for which nobody asks; the first is the class's own name."""

_FRAMES = ("{}", "{}", "{}", "a {}", "the {}", "one {}", "a photo of a {}", "a small {}", "a large {}", "some {}")

_NOTHING = (
    "accordion", "airplane", "anchor", "apple", "apron", "armchair", "arrow", "axe", "backpack", "badge", "bakery",
    "balcony", "balloon", "banana", "barn", "basin", "basket", "bat", "bathtub", "beach", "bear", "bed", "bee",
    "bell", "bench", "bicycle", "bird", "blanket", "boat", "bone", "book", "boot", "bottle", "bowl", "branch",
    "bread", "brick", "bridge", "broom", "brush", "bucket", "building", "bus", "butter", "button", "cable",
    "cabinet", "cage", "cake", "camel", "camera", "candle", "canoe", "cap", "car", "card", "carpet", "carrot",
    "castle", "cat", "ceiling", "chain", "chair", "cheese", "chimney", "church", "cigar", "clock", "cloth", "cloud",
    "coat", "coin", "comb", "computer", "corn", "couch", "cow", "crab", "crane", "crown", "cup", "cupboard",
    "curtain", "desk", "dish", "dog", "dollar", "donkey", "door", "dragon", "dress", "drum", "duck", "eagle", "ear",
    "egg", "elephant", "engine", "envelope", "eye", "face", "farm", "feather", "fence", "finger", "fire", "flag",
    "floor", "flute", "foot", "forest", "fork", "fountain", "fox", "frog", "fruit", "garden", "gate", "ghost",
    "giraffe", "glass", "glove", "goat", "grass", "guitar", "gun", "hammer", "hand", "hat", "heart", "helmet",
    "hen", "hill", "hook", "horse", "hospital", "hotel", "house", "ice", "iron", "island", "jacket", "jar", "jeep",
    "kettle", "key", "king", "kitchen", "kite", "knife", "knot", "ladder", "lake", "leaf", "leg", "lemon", "letter",
    "lion", "lips", "lizard", "lock", "log", "machine", "magnet", "map", "mask", "mat", "melon", "microwave",
    "milk", "mirror", "money", "monkey", "moon", "mosquito", "motorcycle", "mouse", "mouth", "mug", "mushroom",
    "nail", "napkin", "neck", "necklace", "needle", "nest", "net", "newspaper", "nose", "nurse", "nut", "oar",
    "ocean", "octopus", "onion", "orange", "oven", "owl", "paint", "pan", "paper", "parrot", "pasta", "path",
    "peach", "peacock", "pear", "pen", "pencil", "person", "phone", "piano", "picture", "pie", "pig", "pillow",
    "pin", "pipe", "pizza", "plate", "pond", "pool", "potato", "purse", "rabbit", "radio", "rail", "rain", "rat",
    "refrigerator", "ribbon", "rice", "river", "road", "robe", "rock", "roof", "room", "rope", "rose", "rug",
    "ruler", "sail", "salad", "salt", "sand", "sandwich", "saw", "scarf", "school", "scissors", "sea", "seat",
    "seed", "shark", "sheep", "shelf", "shell", "ship", "shirt", "shoe", "shop", "shovel", "sidewalk", "sign",
    "sink", "skate", "skirt", "sky", "sled", "snail", "snake", "snow", "soap", "sock", "sofa", "soup", "spade",
    "spider", "spoon", "stairs", "star", "steam", "stone", "stool", "store", "stove", "straw", "street", "suitcase",
    "sun", "swan", "sweater", "sword", "table", "tail", "tank", "tap", "taxi", "teapot", "teeth", "television",
    "tent", "thread", "throne", "thumb", "ticket", "tie", "tiger", "tire", "toast", "toe", "toilet", "tomato",
    "tongue", "tooth", "torch", "towel", "tower", "town", "toy", "traffic", "train", "tray", "tree", "truck",
    "trumpet", "turtle", "umbrella", "van", "vase", "vest", "wall", "wallet", "watch", "water", "wave", "whale",
    "wheel", "whistle", "wind", "window", "wine", "wing", "wire", "wolf", "woman", "wool", "worm", "yacht", "zebra",
)  # fmt: skip
_ADJECTIVES = (
    "big", "blue", "broken", "dining", "empty", "flying", "glass", "green", "metal", "old", "open", "plastic",
    "red", "traffic", "wild", "wooden",
)  # fmt: skip
HELD_OUT: tuple[str, ...] = (
    "violin", "helicopter", "mountain", "rhinoceros", "submarine", "keyboard", "pyramid", "penguin", "lighthouse",
    "kangaroo", "blqzrx", "uwu vvv", "purple dinosaur", "abacus", "escalator", "galaxy",
)  # fmt: skip
"""Words that mean nothing in the world and were never trained with; for figures only."""


def draw_phrase(name: str, rng: np.random.Generator) -> str:
    """Return something that a class may be called, now and then framed, in the plural or in capitals."""
    phrase = str(rng.choice(PHRASES[name]))
    chance = rng.random()
    if chance < 0.15:
        phrase += "es" if phrase.endswith(("x", "sh")) else "s"
    elif chance < 0.4:
        phrase = str(rng.choice(_FRAMES)).format(phrase)
    return phrase.upper() if rng.random() < 0.05 else phrase


def draw_nothing(rng: np.random.Generator) -> str:
    """Return a word that means nothing in the world: a known one, letters, or a thing's name gone wrong."""
    chance = rng.random()
    if chance < 0.5:
        word = str(rng.choice(_NOTHING))
        chance = rng.random()
        if chance < 0.15:
            return f"{rng.choice(_ADJECTIVES)} {word}"
        return str(rng.choice(_FRAMES)).format(word) if chance < 0.4 else word
    if chance < 0.8:
        return "".join(chr(97 + letter) for letter in rng.integers(0, 26, int(rng.integers(1, 11))))
    known = [word for phrases in PHRASES.values() for phrase in phrases for word in phrase.split()]
    word = str(rng.choice(known))
    half = word[: max(1, len(word) // 2)]
    rest = "".join(chr(97 + letter) for letter in rng.integers(0, 26, int(rng.integers(3, 7))))
    return half + rest if rng.random() < 0.5 else rest + word[len(half) :]
