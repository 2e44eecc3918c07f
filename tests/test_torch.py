"""The reference kernels against PyTorch: forward against its layers, backward against its automatic gradients.

PyTorch keeps channels first, `(N, C, H, W)` and filters `(K, C, F_h, F_w)`; the course keeps them last. It is an optional
extra: these tests are skipped where it is not installed, and `make test-all` installs it.
"""

import itertools
from typing import Any

import numpy as np
import pytest

from solutions.backprop import (
    avg_pool2d_backward,
    conv2d_backward,
    linear_backward,
    max_pool2d_backward,
    relu_backward,
    softmax_cross_entropy_backward,
)
from solutions.fast import conv2d_fast, conv2d_fast_backward
from solutions.filters import apply_filters, correlate2d, relu
from solutions.fully_connected import cross_entropy, linear, log_loss, sigmoid, softmax
from solutions.left_out import batch_norm, batch_norm_backward
from solutions.padding import conv2d, same_padding
from solutions.pooling import avg_pool2d, max_pool2d
from solutions.stride import correlate2d_strided
from solutions.training import adam_step, lenet_gradients, lenet_logits, sgd_step, train

from .test_oracles import (
    LARGE,
    SHAPES,
    TOLERANCE,
    ConvCase,
    adam_settings,
    assert_close,
    both_floats,
    conv_arrays,
    conv_case,
    distinct,
    grey_case,
    lenet_case,
    linear_arrays,
    logits_case,
    norm_case,
    normal,
    pool_case,
    run_conv2d,
    run_conv2d_backward,
    step_case,
)

torch = pytest.importorskip("torch", reason="PyTorch is not installed; `make test-all` installs it")
F = torch.nn.functional

torch.set_num_threads(1)  # the arrays are tiny

Tensor = Any


def first(images: np.ndarray) -> Tensor:
    """Images (N, H, W, C) as a tensor (N, C, H, W) that gathers gradients."""
    return torch.tensor(images.transpose(0, 3, 1, 2).copy(), requires_grad=True)


def last(tensor: Tensor) -> np.ndarray:
    """A tensor (N, C, H, W) as images (N, H, W, C)."""
    return tensor.detach().numpy().transpose(0, 2, 3, 1)


def leaf(array: np.ndarray) -> Tensor:
    return torch.tensor(array, requires_grad=True)


def filters_first(w: np.ndarray) -> Tensor:
    """Filters (F_h, F_w, C, K) as a tensor (K, C, F_h, F_w)."""
    return torch.tensor(w.transpose(3, 2, 0, 1).copy(), requires_grad=True)


def assert_convolutions_agree(case: ConvCase, number: int, dtype: str) -> None:
    x, w, b, dout = conv_arrays(case, number, dtype)
    images, filters, biases = first(x), filters_first(w), leaf(b)
    top, bottom, left, right = case.padding
    if case.even:
        y = F.conv2d(images, filters, biases, stride=case.stride, padding=top)
    else:
        y = F.conv2d(F.pad(images, (left, right, top, bottom)), filters, biases, stride=case.stride)
    y.backward(torch.tensor(dout.transpose(0, 3, 1, 2).copy()))
    for forward, backward in ((conv2d, conv2d_backward), (conv2d_fast, conv2d_fast_backward)):
        what = (forward.__name__, case)
        assert_close(run_conv2d(case, x, w, b, forward), last(y), dtype, what)
        dx, dw, db = run_conv2d_backward(case, dout, x, w, backward)
        assert_close(dx, last(images.grad), dtype, ("dx", what))
        assert_close(dw, filters.grad.numpy().transpose(2, 3, 1, 0), dtype, ("dw", what))
        assert_close(db, biases.grad.numpy(), dtype, ("db", what))


@both_floats
def test_convolutions_and_their_backward_agree_with_pytorch(dtype: str) -> None:
    for number in range(SHAPES):
        assert_convolutions_agree(conv_case(number), number, dtype)


@both_floats
@pytest.mark.parametrize("case", LARGE, ids=str)
def test_convolutions_of_large_maps_agree_with_pytorch(case: ConvCase, dtype: str) -> None:
    assert_convolutions_agree(case, 1, dtype)


@both_floats
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_same_padding_agrees_with_pytorch_at_stride_1(dtype: str) -> None:
    for number in range(SHAPES):
        case = conv_case(number)
        x, w, b, _ = conv_arrays(case, number, dtype)
        zeros = (
            (0, 0),
            same_padding(case.H, case.F_h, 1),
            same_padding(case.W, case.F_w, 1),
            (0, 0),
        )
        want = F.conv2d(first(x), filters_first(w), leaf(b), padding="same")
        assert_close(conv2d(np.pad(x, zeros), w, b), last(want), dtype, case)


@both_floats
def test_grey_kernels_agree_with_pytorch(dtype: str) -> None:
    for number in range(SHAPES):
        case = grey_case(number)
        image, kernel = normal(number, dtype, (case.H, case.W), (case.F_h, case.F_w))
        strides = (number % 4 + 1, number // 4 % 4 + 1)
        sheet, window = torch.tensor(image)[None, None], torch.tensor(kernel)[None, None]
        assert_close(correlate2d(image, kernel), F.conv2d(sheet, window)[0, 0].numpy(), dtype, case)
        want = F.conv2d(sheet, window, stride=strides)[0, 0].numpy()
        assert_close(correlate2d_strided(image, kernel, strides), want, dtype, (case, strides))


@both_floats
def test_apply_filters_agrees_with_pytorch(dtype: str) -> None:
    for number in range(SHAPES):
        case = conv_case(number)
        shape = (min(case.F_h, case.H), min(case.F_w, case.W), case.C, case.K)
        x, w, b = normal(number, dtype, (1, case.H, case.W, case.C), shape, (case.K,))
        want = last(F.conv2d(first(x), filters_first(w), leaf(b)))[0]
        assert_close(apply_filters(x[0], w, b), want, dtype, case)


@both_floats
@pytest.mark.parametrize("ceil_mode", [False, True], ids=["floor", "ceil"])
def test_pooling_agrees_with_pytorch(ceil_mode: bool, dtype: str) -> None:
    for number in range(SHAPES):
        case = pool_case(number)
        (x,) = normal(number, dtype, (case.N, case.H, case.W, case.C))
        images, window = first(x), (case.size, case.stride)
        want = last(F.max_pool2d(images, *window, ceil_mode=ceil_mode))
        assert_close(max_pool2d(x, *window, ceil_mode), want, dtype, ("max", case))
        want = last(F.avg_pool2d(images, *window, ceil_mode=ceil_mode))
        assert_close(avg_pool2d(x, *window, ceil_mode), want, dtype, ("avg", case))


def test_pooling_refuses_and_keeps_the_windows_that_pytorch_does() -> None:
    refused = kept = 0
    for H, W, size, stride in itertools.product((1, 2, 3), (2, 5), (3, 4, 5), (1, 2, 3, 4)):
        (x,) = normal(H, "float64", (1, H, W, 1))
        for ceil_mode in (False, True):
            try:
                want = last(F.max_pool2d(first(x), size, stride, ceil_mode=ceil_mode))
            except RuntimeError:
                refused += 1
                with pytest.raises(ValueError):
                    max_pool2d(x, size, stride, ceil_mode)
            else:
                kept += 1
                assert_close(max_pool2d(x, size, stride, ceil_mode), want, "float64", (H, W, size, stride))
    assert refused > 40 and kept > 20


@both_floats
def test_pooling_backward_agrees_with_pytorch(dtype: str) -> None:
    for number in range(SHAPES):
        case = pool_case(number)
        x = distinct(number, dtype, (case.N, case.H, case.W, case.C))
        images, window = first(x), (case.size, case.stride)
        y = F.max_pool2d(images, *window)
        (dout,) = normal(number, dtype, last(y).shape)
        y.backward(torch.tensor(dout.transpose(0, 3, 1, 2).copy()))
        assert_close(max_pool2d_backward(dout, x, *window), last(images.grad), dtype, ("max", case))

        images = first(x)
        y = F.avg_pool2d(images, *window, ceil_mode=True)
        (dout,) = normal(number, dtype, last(y).shape)
        y.backward(torch.tensor(dout.transpose(0, 3, 1, 2).copy()))
        assert_close(avg_pool2d_backward(dout, x.shape, *window), last(images.grad), dtype, ("avg", case))


@both_floats
def test_linear_and_its_backward_agree_with_pytorch(dtype: str) -> None:
    for number in range(SHAPES):
        x, w, b, dout = linear_arrays(number, dtype)
        rows, weights, biases = leaf(x), leaf(w), leaf(b)
        y = F.linear(rows, weights.T, biases)
        assert_close(linear(x, w, b), y.detach().numpy(), dtype, (x.shape, w.shape))
        y.backward(torch.tensor(dout))
        want = (rows.grad, weights.grad, biases.grad)
        for name, got, gradient in zip(("dx", "dw", "db"), linear_backward(dout, x, w), want, strict=True):
            assert_close(got, gradient.numpy(), dtype, (name, x.shape, w.shape))


@both_floats
def test_activations_agree_with_pytorch(dtype: str) -> None:
    for number in range(SHAPES):
        case = pool_case(number)
        x, dout = normal(number, dtype, *[(case.N, case.H, case.W, case.C)] * 2)
        if number % 2:
            x = np.round(x)  # exact zeros, where both say that the gradient is 0
        z = leaf(x)
        y = F.relu(z)
        y.backward(torch.tensor(dout))
        assert_close(relu(x), y.detach().numpy(), dtype, case)
        assert_close(relu_backward(dout, x), z.grad.numpy(), dtype, case)
        logits, _ = logits_case(number, dtype)
        assert_close(sigmoid(logits), torch.sigmoid(torch.tensor(logits)).numpy(), dtype, logits.shape)
        assert_close(softmax(logits), F.softmax(torch.tensor(logits), dim=1).numpy(), dtype, logits.shape)


@both_floats
def test_losses_agree_with_pytorch(dtype: str) -> None:
    tolerance = TOLERANCE[dtype]
    for number in range(SHAPES):
        logits, labels = logits_case(number, dtype)
        z = leaf(logits)
        loss = F.cross_entropy(z, torch.tensor(labels))
        loss.backward()
        assert cross_entropy(logits, labels) == pytest.approx(loss.item(), rel=tolerance, abs=tolerance)
        assert_close(softmax_cross_entropy_backward(logits, labels), z.grad.numpy(), dtype, logits.shape)
        rng = np.random.default_rng([2016, number])
        p, y = rng.uniform(0.001, 0.999, size=len(labels)).astype(dtype), rng.integers(0, 2, size=len(labels))
        want = F.binary_cross_entropy(torch.tensor(p), torch.tensor(y.astype(dtype))).item()
        assert log_loss(p, y) == pytest.approx(want, rel=tolerance, abs=tolerance)


def channels_second(x: np.ndarray) -> Tensor:
    """Rows (N, D) as they are, images (N, H, W, C) as a tensor (N, C, H, W)."""
    return first(x) if x.ndim == 4 else leaf(x)


def channels_last(tensor: Tensor) -> np.ndarray:
    return last(tensor) if tensor.ndim == 4 else tensor.detach().numpy()


@both_floats
def test_batch_norm_and_its_backward_agree_with_pytorch(dtype: str) -> None:
    trained = 0
    for number in range(SHAPES):
        case = norm_case(number, dtype)
        x, gamma, beta = channels_second(case.x), leaf(case.gamma), leaf(case.beta)
        mean, var = (torch.tensor(case.running[name]) for name in ("mean", "var"))
        y = F.batch_norm(x, mean, var, gamma, beta, False, 1 - case.momentum, case.epsilon)
        settings = (case.gamma, case.beta, case.running)
        out, running = batch_norm(case.x, *settings, False, case.momentum, case.epsilon)
        assert_close(out, channels_last(y), dtype, ("evaluation", number))
        assert all(np.array_equal(running[name], case.running[name]) for name in ("mean", "var"))

        values = case.x.size // len(case.gamma)
        if values == 1:  # PyTorch refuses to train on one value a channel
            continue
        trained += 1
        y = F.batch_norm(x, mean, var, gamma, beta, True, 1 - case.momentum, case.epsilon)
        out, running = batch_norm(case.x, *settings, True, case.momentum, case.epsilon)
        assert_close(out, channels_last(y), dtype, ("training", number))
        assert_close(running["mean"], mean.numpy(), dtype, ("mean", number))
        # PyTorch's running variance divides by one value less; the kernel's divides by their number
        old = case.momentum * case.running["var"]
        assert_close(
            running["var"], old + (var.numpy() - old) * (values - 1) / values, dtype, ("var", number)
        )

        y.backward(channels_second(case.dout).detach())
        dx, dgamma, dbeta = batch_norm_backward(case.dout, case.x, case.gamma, case.epsilon)
        assert_close(dx, channels_last(x.grad), dtype, ("dx", number))
        assert_close(dgamma, gamma.grad.numpy(), dtype, ("dgamma", number))
        assert_close(dbeta, beta.grad.numpy(), dtype, ("dbeta", number))
    assert trained > SHAPES * 0.8


@both_floats
def test_steps_agree_with_pytorch(dtype: str) -> None:
    for number in range(SHAPES):
        start, grads = step_case(number, dtype)
        rate, beta1, beta2, epsilon = adam_settings(number) or (0.001, 0.9, 0.999, 1e-8)
        thetas = [torch.tensor(start, requires_grad=True) for _ in range(2)]
        optimisers = [
            torch.optim.Adam(thetas[:1], lr=rate, betas=(beta1, beta2), eps=epsilon),
            torch.optim.SGD(thetas[1:], lr=rate),
        ]
        by_adam = by_sgd = start
        state = {"m": np.zeros_like(start), "v": np.zeros_like(start), "t": 0}
        for grad in grads:
            for theta, optimiser in zip(thetas, optimisers, strict=True):
                theta.grad = torch.tensor(grad)
                optimiser.step()
            by_adam, state = adam_step(by_adam, grad, state, rate, beta1, beta2, epsilon)
            by_sgd = sgd_step(by_sgd, grad, rate)
            assert_close(by_adam, thetas[0].detach().numpy(), dtype, ("Adam", number))
            assert_close(by_sgd, thetas[1].detach().numpy(), dtype, ("SGD", number))


def lenet_tensors(params: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: filters_first(p) if p.ndim == 4 else leaf(p) for name, p in params.items()}


def torch_lenet(p: dict[str, Tensor], images: Tensor) -> Tensor:
    maps = F.max_pool2d(F.relu(F.conv2d(images, p["filters1"], p["bias1"], padding=1)), 2)
    maps = F.max_pool2d(F.relu(F.conv2d(maps, p["filters2"], p["bias2"], padding=1)), 2)
    flat = maps.permute(0, 2, 3, 1).flatten(1)  # the course's order: a pixel's channels side by side
    return F.relu(flat @ p["hidden_w"] + p["hidden_b"]) @ p["output_w"] + p["output_b"]


def as_params(tensor: Tensor) -> np.ndarray:
    """Filters (K, C, F_h, F_w) as an array (F_h, F_w, C, K), all else as it is."""
    array = tensor.detach().numpy()
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


@both_floats
def test_lenet_agrees_with_pytorch(dtype: str) -> None:
    for number in range(150):
        params, images, labels = lenet_case(number, dtype)
        tensors = lenet_tensors(params)
        logits = torch_lenet(tensors, first(images))
        assert_close(lenet_logits(params, images), logits.detach().numpy(), dtype, images.shape)
        want = F.cross_entropy(logits, torch.tensor(labels))
        want.backward()
        loss, grads = lenet_gradients(params, images, labels)
        assert loss == pytest.approx(want.item(), rel=TOLERANCE[dtype], abs=TOLERANCE[dtype])
        assert grads.keys() == params.keys()
        for name, tensor in tensors.items():
            assert_close(grads[name], as_params(tensor.grad), dtype, (name, images.shape))


def test_train_on_whole_batches_agrees_with_pytorch() -> None:
    for number in range(40):
        params, images, labels = lenet_case(number, "float64")
        data = {
            "train_images": images,
            "train_labels": labels,
            "validation_images": images[:, ::-1, ::-1],
            "validation_labels": labels,
        }
        epochs, rate = 5, (0.001, 0.02)[number % 2]
        got, history = train(
            lenet_logits,
            lambda params, images, labels, rng: lenet_gradients(params, images, labels),
            params,
            data,
            np.random.default_rng(number),
            epochs=epochs,
            batch_size=len(labels),
            learning_rate=rate,
        )
        tensors = lenet_tensors(params)
        optimiser = torch.optim.Adam(tensors.values(), lr=rate)
        losses, accuracies = [], []
        for _ in range(epochs):
            optimiser.zero_grad()
            loss = F.cross_entropy(torch_lenet(tensors, first(images)), torch.tensor(labels))
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
            guesses = torch_lenet(tensors, first(data["validation_images"])).argmax(dim=1)
            accuracies.append((guesses == torch.tensor(labels)).double().mean().item())
        assert history["loss"] == pytest.approx(losses, rel=1e-7, abs=1e-7), number
        assert history["accuracy"] == pytest.approx(accuracies), number
        for name, tensor in tensors.items():
            # Adam divides by a gradient's size, so rounding of a gradient near 0 counts for more
            assert np.allclose(got[name], as_params(tensor), rtol=1e-7, atol=1e-7), (name, number)
