"""Mistakes and alternatives of chapter 12, the bridge."""

import numpy as np

from solutions.bridge import mend_flatten, torch_state

from . import SIDE_EFFECTS, alternative, mistake

State = dict[str, np.ndarray]

# torch_state


def _checked(w: np.ndarray, b: np.ndarray) -> None:
    """Raise what the reference raises."""
    torch_state(w, b)


@mistake(
    "torch_state",
    "You reshape the filters. A reshape has the right shape too, but deals the same numbers out anew, so that weights of "
    "different filters get mixed. Exchange the axes with transpose.",
    caught_by="test_torch_state_puts_filters_first",
)
def reshapes_the_filters(w: np.ndarray, b: np.ndarray) -> State:
    _checked(w, b)
    if w.ndim == 2:
        return {"weight": w.T, "bias": b}
    F_h, F_w, C, K = w.shape
    return {"weight": w.reshape(K, C, F_h, F_w), "bias": b}


@mistake(
    "torch_state",
    "You reshape the linear weights. A reshape to (M, D) deals the same numbers out anew: transpose them.",
    caught_by="test_torch_state_of_a_hand_worked_linear_layer",
)
def reshapes_the_linear_weights(w: np.ndarray, b: np.ndarray) -> State:
    state = torch_state(w, b)
    return state | {"weight": w.reshape(w.shape[::-1])} if w.ndim == 2 else state


@mistake(
    "torch_state",
    "You leave linear weights as they are, (D, M). PyTorch stores a row for each output, (M, D).",
    caught_by="test_torch_state_of_a_hand_worked_linear_layer",
)
def leaves_linear_weights_alone(w: np.ndarray, b: np.ndarray) -> State:
    state = torch_state(w, b)
    return state | {"weight": w} if w.ndim == 2 else state


@mistake(
    "torch_state",
    "You transpose linear weights only if they are not square. Where D and M are equal the shape gives nothing away, and "
    "yet rows and columns must change places.",
    caught_by="test_torch_state_of_a_square_linear_layer",
)
def leaves_square_weights_alone(w: np.ndarray, b: np.ndarray) -> State:
    state = torch_state(w, b)
    return state | {"weight": w} if w.ndim == 2 and len(w) == len(b) else state


@mistake(
    "torch_state",
    "You reverse all the axes of the filters, as `.T` does: that gives (K, C, F_w, F_h), and every filter lies on its "
    "side. Height stays before width: (K, C, F_h, F_w).",
    caught_by="test_torch_state_keeps_the_picture_of_a_filter",
)
def reverses_all_axes(w: np.ndarray, b: np.ndarray) -> State:
    _checked(w, b)
    return {"weight": w.T, "bias": b}


@mistake(
    "torch_state",
    "You put the channels before the filters, (C, K, F_h, F_w). PyTorch wants the filters first: (K, C, F_h, F_w).",
    caught_by="test_torch_state_puts_filters_first",
)
def puts_channels_before_filters(w: np.ndarray, b: np.ndarray) -> State:
    state = torch_state(w, b)
    return state | {"weight": w.transpose(2, 3, 0, 1)} if w.ndim == 4 else state


@mistake(
    "torch_state",
    "You move only the filters to the front, (K, F_h, F_w, C). The channels belong in second place: (K, C, F_h, F_w).",
    caught_by="test_torch_state_puts_filters_first",
)
def leaves_the_channels_last(w: np.ndarray, b: np.ndarray) -> State:
    state = torch_state(w, b)
    return state | {"weight": w.transpose(3, 0, 1, 2)} if w.ndim == 4 else state


@mistake(
    "torch_state",
    "You leave filters as they are, (F_h, F_w, C, K). PyTorch wants (K, C, F_h, F_w).",
    caught_by="test_torch_state_puts_filters_first",
)
def leaves_filters_alone(w: np.ndarray, b: np.ndarray) -> State:
    state = torch_state(w, b)
    return state | {"weight": w} if w.ndim == 4 else state


@mistake(
    "torch_state",
    "You flip the filters. PyTorch's convolution does not flip them either: it is the same cross-correlation as here.",
    caught_by="test_torch_state_keeps_the_picture_of_a_filter",
)
def flips_the_filters(w: np.ndarray, b: np.ndarray) -> State:
    state = torch_state(w, b)
    return state | {"weight": state["weight"][..., ::-1, ::-1]} if w.ndim == 4 else state


@mistake(
    "torch_state",
    "Your dict has the names of the course, w and b. PyTorch calls them weight and bias.",
    caught_by="test_torch_state_of_a_hand_worked_linear_layer",
)
def keeps_the_names_of_the_course(w: np.ndarray, b: np.ndarray) -> State:
    state = torch_state(w, b)
    return {"w": state["weight"], "b": state["bias"]}


@mistake(
    "torch_state",
    "Your dict has no bias. PyTorch's layers have one for each filter or output, as those of the course do.",
    caught_by="test_torch_state_of_a_hand_worked_linear_layer",
)
def forgets_the_bias(w: np.ndarray, b: np.ndarray) -> State:
    return {"weight": torch_state(w, b)["weight"]}


@mistake(
    "torch_state",
    "You make the biases a column. They stay as they are, a list of one number for each filter or output.",
    caught_by="test_torch_state_of_a_hand_worked_linear_layer",
)
def makes_the_bias_a_column(w: np.ndarray, b: np.ndarray) -> State:
    return torch_state(w, b) | {"bias": b[:, None]}


@mistake(
    "torch_state",
    "You round to float32, which is what PyTorch computes in unless told otherwise. Whether to round is not for this "
    "function to decide: keep the dtype that was handed in.",
    caught_by="test_torch_state_keeps_all_digits",
)
def rounds_to_float32(w: np.ndarray, b: np.ndarray) -> State:
    return {name: array.astype(np.float32) for name, array in torch_state(w, b).items()}


@mistake(
    "torch_state",
    "Your function takes biases of any length. Raise ValueError unless there is one for each filter or output.",
    caught_by="test_torch_state_refuses_what_is_no_layer",
)
def takes_any_bias(w: np.ndarray, b: np.ndarray) -> State:
    if w.ndim not in (2, 4):
        raise ValueError("no layer has such weights")
    return {"weight": w.transpose((3, 2, 0, 1) if w.ndim == 4 else (1, 0)), "bias": b}


@mistake(
    "torch_state",
    "Your function takes weights of any number of axes. Raise ValueError unless they have four or two.",
    caught_by="test_torch_state_refuses_what_is_no_layer",
)
def takes_any_number_of_axes(w: np.ndarray, b: np.ndarray) -> State:
    if b.shape != w.shape[-1:]:
        raise ValueError("as many biases as outputs are needed")
    return {"weight": w.transpose(3, 2, 0, 1) if w.ndim == 4 else w.T, "bias": b}


@alternative("torch_state")
def moves_the_axes(w: np.ndarray, b: np.ndarray) -> State:
    _checked(w, b)
    return {"weight": np.moveaxis(w, (-1, -2), (0, 1)) if w.ndim == 4 else w.swapaxes(0, 1), "bias": b.copy()}


@alternative("torch_state")
def names_the_axes_to_einsum(w: np.ndarray, b: np.ndarray) -> State:
    _checked(w, b)
    return {"weight": np.einsum("hwck->kchw" if w.ndim == 4 else "dm->md", w), "bias": b}


@alternative("torch_state")
def copies_number_by_number(w: np.ndarray, b: np.ndarray) -> State:
    _checked(w, b)
    if w.ndim == 2:
        return {"weight": np.array([[row[m] for row in w] for m in range(len(b))]), "bias": b}
    F_h, F_w, C, K = w.shape
    weight = np.empty((K, C, F_h, F_w), w.dtype)
    for k in range(K):
        for c in range(C):
            weight[k, c] = w[:, :, c, k]
    return {"weight": weight, "bias": b}


@alternative("torch_state")
def lays_the_result_out_anew(w: np.ndarray, b: np.ndarray) -> State:
    return {name: np.ascontiguousarray(array) for name, array in torch_state(w, b).items()}


# mend_flatten

Shape = tuple[int, int, int]


def _order(shape: Shape) -> np.ndarray:
    """For each feature of a channels-first flattening, its place in the course's own."""
    H, W, C = shape
    return np.array([(h * W + w) * C + c for c in range(C) for h in range(H) for w in range(W)])


def _fits(w: np.ndarray, shape: Shape) -> None:
    """Raise what the reference raises."""
    mend_flatten(w, shape)


@mistake(
    "mend_flatten",
    "You leave the rows as they are. Reshaping to another shape and back moves nothing: between the two, axes must be "
    "exchanged.",
    caught_by="test_mend_flatten_on_a_hand_worked_layer",
)
def only_reshapes(w: np.ndarray, shape: Shape) -> np.ndarray:
    _fits(w, shape)
    H, W, C = shape
    return w.reshape(C, H, W, -1).reshape(w.shape)


@mistake(
    "mend_flatten",
    "You go the other way: your rows are right for weights that come from a channels-first program. These are from the "
    "course, so read them as (H, W, C) first, and then put C in front.",
    caught_by="test_mend_flatten_on_a_hand_worked_layer",
)
def goes_the_other_way(w: np.ndarray, shape: Shape) -> np.ndarray:
    _fits(w, shape)
    H, W, C = shape
    return w.reshape(C, H, W, -1).transpose(1, 2, 0, 3).reshape(w.shape)


@mistake(
    "mend_flatten",
    "You run down the columns of each map. Channels first means (C, H, W): along its rows, the width fastest.",
    caught_by="test_mend_flatten_keeps_each_map_in_rows",
)
def runs_down_the_columns(w: np.ndarray, shape: Shape) -> np.ndarray:
    _fits(w, shape)
    return w.reshape(*shape, -1).transpose(2, 1, 0, 3).reshape(w.shape)


@mistake(
    "mend_flatten",
    "You take `shape` for (C, H, W), PyTorch's order. It is the course's: (H, W, C).",
    caught_by="test_mend_flatten_on_a_hand_worked_layer",
)
def takes_the_shape_for_channels_first(w: np.ndarray, shape: Shape) -> np.ndarray:
    _fits(w, shape)
    C, H, W = shape
    return w.reshape(H, W, C, -1).transpose(2, 0, 1, 3).reshape(w.shape)


@mistake(
    "mend_flatten",
    "You assume that maps are square. Take height and width from `shape`.",
    caught_by="test_mend_flatten_keeps_each_map_in_rows",
)
def assumes_square_maps(w: np.ndarray, shape: Shape) -> np.ndarray:
    _fits(w, shape)
    C = shape[2]
    side = round((len(w) / C) ** 0.5)
    return w.reshape(side, side, C, -1).transpose(2, 0, 1, 3).reshape(w.shape)


@mistake(
    "mend_flatten",
    "You change the order of the columns, one for each output. It is the rows, one for each feature, that must move.",
    caught_by="test_mend_flatten_moves_whole_rows",
)
def moves_the_columns_too(w: np.ndarray, shape: Shape) -> np.ndarray:
    mended = mend_flatten(w, shape)
    return mended[:, _order(shape)] if w.shape[0] == w.shape[1] else mended


@mistake(
    "mend_flatten",
    "You reorder the single numbers of the matrix. The weights of one feature, a row, stay together and in their order.",
    caught_by="test_mend_flatten_moves_whole_rows",
)
def moves_single_numbers(w: np.ndarray, shape: Shape) -> np.ndarray:
    _fits(w, shape)
    H, W, C = shape
    return w.reshape(H, W, -1, C).transpose(3, 0, 1, 2).reshape(w.shape)


@mistake(
    "mend_flatten",
    "You transpose the result as well. That is a second step, which `torch_state` takes; here the rows stay rows.",
    caught_by="test_mend_flatten_moves_whole_rows",
)
def transposes_as_well(w: np.ndarray, shape: Shape) -> np.ndarray:
    return mend_flatten(w, shape).T


@mistake(
    "mend_flatten",
    "You number the channels backwards. They keep their order.",
    caught_by="test_mend_flatten_on_a_hand_worked_layer",
)
def lists_channels_backwards(w: np.ndarray, shape: Shape) -> np.ndarray:
    _fits(w, shape)
    return w.reshape(*shape, -1)[:, :, ::-1].transpose(2, 0, 1, 3).reshape(w.shape)


@mistake(
    "mend_flatten",
    "Your function takes weights with more rows than there are features and drops the rest. Raise ValueError unless "
    "there are H·W·C.",
    caught_by="test_mend_flatten_refuses_another_number_of_rows",
)
def drops_rows_that_are_left(w: np.ndarray, shape: Shape) -> np.ndarray:
    if len(w) < np.prod(shape):
        raise ValueError("too few rows")
    return w[_order(shape)]


@mistake(
    "mend_flatten",
    "You round to float32 on the way. Moving rows changes no number: keep the dtype that was handed in.",
    caught_by="test_mend_flatten_of_a_whole_layer",
)
def mends_in_float32(w: np.ndarray, shape: Shape) -> np.ndarray:
    return mend_flatten(w, shape).astype(np.float32)


@mistake(
    "mend_flatten",
    "You change `w` itself. Whoever called still needs the weights in the course's order: return a new array.",
    caught_by=SIDE_EFFECTS,
)
def mends_in_place(w: np.ndarray, shape: Shape) -> np.ndarray:
    w[:] = mend_flatten(w, shape)
    return w


@alternative("mend_flatten")
def picks_rows_by_their_number(w: np.ndarray, shape: Shape) -> np.ndarray:
    _fits(w, shape)
    return w[np.arange(len(w)).reshape(shape).transpose(2, 0, 1).ravel()]


@alternative("mend_flatten")
def loops_over_channels(w: np.ndarray, shape: Shape) -> np.ndarray:
    _fits(w, shape)
    C = shape[2]
    return np.concatenate([w[c::C] for c in range(C)])


@alternative("mend_flatten")
def copies_row_by_row(w: np.ndarray, shape: Shape) -> np.ndarray:
    _fits(w, shape)
    mended = np.empty_like(w)
    for at, row in enumerate(_order(shape)):
        mended[at] = w[row]
    return mended


@alternative("mend_flatten")
def multiplies_by_a_permutation(w: np.ndarray, shape: Shape) -> np.ndarray:
    _fits(w, shape)
    return np.eye(len(w), dtype=w.dtype)[_order(shape)] @ w


@alternative("mend_flatten")
def swaps_axes_of_places_and_channels(w: np.ndarray, shape: Shape) -> np.ndarray:
    _fits(w, shape)
    H, W, C = shape
    return w.reshape(H * W, C, -1).swapaxes(0, 1).reshape(w.shape)
