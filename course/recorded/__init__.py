"""What `make train` measured: figures in train.json, pictures in train.npz."""

import json
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent


def trained(name: str, folder: Path = FOLDER) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What is on record of one network of `course.recipes`.

    Parameters
    ----------
    name : name of the recipe, such as "lenet"

    Returns
    -------
    (figures, pictures). Of the figures, "seeds" holds a dict for each seed: "accuracy" on the test images, "one_look"
    (the same without the mean over moved images), "validated" (on the validation images), "epoch" (the one whose
    parameters were kept, or the last of those averaged; the first is 1), "seconds" (by the clock, for loading, training,
    measuring on the way and testing), "processor_seconds" (the same as all processors together spent on it; older records
    lack it), "seconds_an_epoch", "loss" ("step" and the mean "value" since the one before), "first_steps" ("step" and
    "value", the accuracy on 500 validation images before that step), "validation" (accuracy after each epoch) and
    "confusion" (a row for each true class). "worst" describes the worst mistakes with the first seed: "index" in the test
    set, "label" and "probabilities". Where pictures may differ from machine to machine, "source" says which they were:
    "pictures" in words, and the SHA-256 of each file.

    Pictures, all with the first seed: "worst" (M, H, W, C) of uint8, the images of those mistakes; "filters"
    (E, F_h, F_w, C, K) of float16, the first convolution's before training and after each epoch; if the network was
    watched, "image" (H, W, C) of uint8, and its feature maps after each convolution, "conv1" (E, H′, W′, K) and so on.

    Raises
    ------
    KeyError
        If that network is not on record.
    """
    figures = json.loads((folder / "train.json").read_text())[name]
    with np.load(folder / "train.npz") as arrays:
        start = f"{name}."
        return figures, {key.removeprefix(start): arrays[key] for key in arrays if key.startswith(start)}
