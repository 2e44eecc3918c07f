"""Checks of chapter 12, the bridge."""

import numpy as np

from autograder.checking.subject import Subject
from autograder.checks.inputs import sevenths, signed, wide

# torch_state


def test_torch_state_of_a_hand_worked_linear_layer(torch_state: Subject, rng: np.random.Generator) -> None:
    """turns the weights [[1, 2, 3], [4, 5, 6]] into [[1, 4], [2, 5], [3, 6]], and leaves the biases as they are"""
    torch_state.agrees(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([7.0, 8.0, 9.0]))
    torch_state.agrees(wide(rng, (2, 3)), wide(rng, (3,)))


def test_torch_state_of_a_square_linear_layer(torch_state: Subject, rng: np.random.Generator) -> None:
    """transposes linear weights also where there are as many outputs as inputs"""
    torch_state.agrees(wide(rng, (3, 3)), wide(rng, (3,)))
    torch_state.agrees(signed(rng, (4, 4)), signed(rng, (4,)))


def test_torch_state_puts_filters_first(torch_state: Subject, rng: np.random.Generator) -> None:
    """puts the filters first and their channels second: (1, 1, C, K) becomes (K, C, 1, 1)"""
    torch_state.agrees(signed(rng, (1, 1, 3, 4)), wide(rng, (4,)))
    torch_state.agrees(signed(rng, (1, 1, 3, 3)), wide(rng, (3,)))


def test_torch_state_keeps_the_picture_of_a_filter(torch_state: Subject, rng: np.random.Generator) -> None:
    """keeps the picture that a filter is: its rows stay rows and are not flipped"""
    torch_state.agrees(signed(rng, (3, 3, 1, 1)), wide(rng, (1,)))
    torch_state.agrees(signed(rng, (2, 3, 1, 2)), wide(rng, (2,)))


def test_torch_state_of_a_whole_convolution(torch_state: Subject, rng: np.random.Generator) -> None:
    """arranges filters of any height, width, number of channels and number, in float32 too"""
    torch_state.agrees(signed(rng, (2, 3, 4, 5)).astype(np.float32), wide(rng, (5,)).astype(np.float32))
    torch_state.agrees(signed(rng, (2, 2, 2, 2)), wide(rng, (2,)))


def test_torch_state_keeps_all_digits(torch_state: Subject, rng: np.random.Generator) -> None:
    """keeps all the digits of float64"""
    torch_state.agrees(sevenths(rng, (2, 1, 2, 3)), sevenths(rng, (3,)))
    torch_state.agrees(sevenths(rng, (3, 2)), sevenths(rng, (2,)))


def test_torch_state_refuses_what_is_no_layer(torch_state: Subject, rng: np.random.Generator) -> None:
    """raises ValueError for weights of three axes, and for biases that are not one for each filter or output"""
    torch_state.agrees(signed(rng, (3, 2)), wide(rng, (2,)))
    torch_state.raises(ValueError, signed(rng, (2, 3, 4)), wide(rng, (4,)))
    torch_state.raises(ValueError, signed(rng, (2, 2, 3, 4)), wide(rng, (3,)))
    torch_state.raises(ValueError, signed(rng, (3, 2)), wide(rng, (3,)))


# mend_flatten


def test_mend_flatten_on_a_hand_worked_layer(mend_flatten: Subject, rng: np.random.Generator) -> None:
    """turns the rows 1 to 6 of a 1×3 map with two channels into 1, 3, 5, 2, 4, 6"""
    mend_flatten.agrees(np.arange(1.0, 7.0)[:, None], (1, 3, 2))
    mend_flatten.agrees(wide(rng, (6, 1)), (1, 3, 2))


def test_mend_flatten_keeps_each_map_in_rows(mend_flatten: Subject, rng: np.random.Generator) -> None:
    """runs along the rows of each channel's map, whose height is not its width"""
    mend_flatten.agrees(wide(rng, (12, 1)), (2, 3, 2))
    mend_flatten.agrees(wide(rng, (12, 1)), (3, 2, 2))


def test_mend_flatten_moves_whole_rows(mend_flatten: Subject, rng: np.random.Generator) -> None:
    """moves whole rows: the weights of one feature stay together, each in its column"""
    mend_flatten.agrees(signed(rng, (8, 3)), (2, 2, 2))
    mend_flatten.agrees(signed(rng, (6, 6)), (1, 2, 3))


def test_mend_flatten_of_a_single_channel(mend_flatten: Subject, rng: np.random.Generator) -> None:
    """changes nothing where there is a single channel or a single place"""
    mend_flatten.agrees(wide(rng, (6, 2)), (2, 3, 1))
    mend_flatten.agrees(wide(rng, (4, 2)), (1, 1, 4))


def test_mend_flatten_of_a_whole_layer(mend_flatten: Subject, rng: np.random.Generator) -> None:
    """keeps height, width, channels and outputs apart, and all the digits of float64"""
    mend_flatten.agrees(signed(rng, (60, 4)).astype(np.float32), (3, 4, 5))
    mend_flatten.agrees(sevenths(rng, (24, 2)), (4, 3, 2))


def test_mend_flatten_refuses_another_number_of_rows(mend_flatten: Subject, rng: np.random.Generator) -> None:
    """raises ValueError if the rows are not as many as the features"""
    mend_flatten.agrees(wide(rng, (8, 2)), (2, 2, 2))
    mend_flatten.raises(ValueError, wide(rng, (6, 2)), (2, 2, 2))
    mend_flatten.raises(ValueError, wide(rng, (24, 2)), (2, 2, 3))
