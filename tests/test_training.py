import itertools
import math
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from patchwork.images import digits
from patchwork.training import accuracy, minibatches, train


@pytest.fixture(autouse=True)
def silent(monkeypatch, capsys):
    """No bar unless a test asks for one; whatever reaches stderr unasked is an error."""
    monkeypatch.delenv("PATCHWORK_PROGRESS", raising=False)
    yield
    assert capsys.readouterr().err == ""


@pytest.fixture
def line(generator):
    """A linear model, and data of a known slope and offset."""
    x = torch.randn(200, 3, dtype=torch.float64, generator=generator)
    slope, offset = torch.randn(3, 1, dtype=torch.float64, generator=generator), 0.5
    return nn.Linear(3, 1, dtype=torch.float64), x, x @ slope + offset, slope, offset


def squared_error(model):
    return lambda x, y: F.mse_loss(model(x), y)


class Counter(nn.Module):
    """One weight and the loss −w: AdamW then moves it by just the learning rate, and each batch sees how far."""

    def __init__(self):
        super().__init__()
        self.weight, self.seen = nn.Parameter(torch.zeros((), dtype=torch.float64)), []

    def forward(self):
        self.seen.append(self.weight.item())
        return -self.weight


def test_an_epoch_has_every_row_once_in_a_new_order(rng, generator):
    rows = rng.randint(2, 40)
    size = rng.randint(1, rows + 3)
    x = torch.arange(rows)
    batches = minibatches(x, x * 10, size=size, generator=generator)
    orders = []
    for _ in range(3):
        epoch = list(itertools.islice(batches, math.ceil(rows / size)))
        assert [len(part) for part, _ in epoch[:-1]] == [size] * (len(epoch) - 1)
        assert all(torch.equal(tens, part * 10) for part, tens in epoch)
        orders.append(torch.cat([part for part, _ in epoch]).tolist())
        assert sorted(orders[-1]) == list(range(rows))
    assert rows < 10 or len({tuple(order) for order in orders}) == 3


def test_the_order_is_the_seeds_on_every_device():
    rows = torch.arange(12).view(6, 2)
    expected = torch.randperm(6, generator=torch.Generator().manual_seed(3)).split(4)
    batches = minibatches(rows, size=4, generator=torch.Generator().manual_seed(3))
    assert all(torch.equal(next(batches)[0], rows[chosen]) for chosen in expected)
    elsewhere = minibatches(rows.to("meta"), size=4, generator=torch.Generator().manual_seed(3))
    assert next(elsewhere)[0].device.type == "meta"


def test_train_learns_the_known_line(line, generator):
    model, x, y, slope, offset = line
    losses = train(model, squared_error(model), minibatches(x, y, size=32, generator=generator), steps=600)
    assert losses.shape == (600,)
    assert losses.dtype == torch.float64
    assert not losses.requires_grad
    assert losses[-20:].mean() < losses[:20].mean()
    losses = train(
        model,
        squared_error(model),
        minibatches(x, y, size=32, generator=generator),
        steps=600,
        learning_rate=0.05,
        weight_decay=0,
    )
    torch.testing.assert_close(model.weight.T, slope, atol=1e-3, rtol=0)
    torch.testing.assert_close(model.bias.item(), offset, atol=1e-3, rtol=0)
    assert losses[-1] < 1e-6


def test_one_batch_for_every_step_equals_the_loop_written_out(line):
    model, x, y, *_ = line
    twin = nn.Linear(3, 1, dtype=torch.float64)
    twin.load_state_dict(model.state_dict())
    losses = train(model, squared_error(model), itertools.repeat((x, y)), steps=1, learning_rate=0.1, clip=0.01)
    optimizer = torch.optim.AdamW(twin.parameters(), lr=0.1, weight_decay=1e-2)
    loss = F.mse_loss(twin(x), y)
    loss.backward()
    nn.utils.clip_grad_norm_(twin.parameters(), 0.01)
    optimizer.step()
    assert losses.tolist() == [loss.item()]
    assert torch.equal(model.weight, twin.weight)
    assert torch.equal(model.bias, twin.bias)


@pytest.mark.parametrize("steps", [1, 2, 7, 17, 40, 400])
def test_the_learning_rate_rises_linearly_then_falls_as_half_a_cosine(steps):
    model = Counter()
    train(model, model, itertools.repeat(()), steps=steps, learning_rate=0.5, weight_decay=0)
    rates = torch.tensor([*model.seen, model.weight.item()], dtype=torch.float64).diff()
    rising = max(1, round(steps / 10))
    falling = torch.arange(1, steps - rising + 1, dtype=torch.float64) / (steps - rising + 1)
    expected = torch.cat([torch.arange(1, rising + 1) / rising, (1 + (math.pi * falling).cos()) / 2])
    torch.testing.assert_close(rates, 0.5 * expected, atol=1e-6, rtol=1e-4)
    assert rates.min() > 0


def test_weight_decay_pulls_to_zero():
    model = nn.Linear(4, 4)
    before = model.weight.detach().clone()
    train(model, lambda: model.weight.sum() * 0, itertools.repeat(()), steps=1, learning_rate=0.5, weight_decay=0.1)
    torch.testing.assert_close(model.weight.detach(), before * (1 - 0.5 * 0.1))


def test_clip_bounds_the_norm_of_the_whole_gradient():
    model, norms = nn.Linear(2, 2), []

    def loss(scale):
        return scale * (model.weight.sum() + model.bias.sum())

    class Recorder(torch.optim.AdamW):
        def step(self):
            grads = [parameter.grad for group in self.param_groups for parameter in group["params"]]
            norms.append(torch.cat([grad.flatten() for grad in grads]).norm().item())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "AdamW", Recorder)
        train(model, loss, [(torch.tensor(1000.0),), (torch.tensor(0.001),)], steps=2, clip=0.5)
        train(model, loss, [(torch.tensor(1000.0),)], steps=1)
    assert norms == pytest.approx([0.5, 0.001 * math.sqrt(6), 1000 * math.sqrt(6)], rel=1e-4)


def test_one_seed_gives_the_same_bits(seed):
    def run():
        torch.manual_seed(seed)
        images, labels = digits()
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Dropout(0.3), nn.ReLU(), nn.Linear(16, 10))
        batches = minibatches(images, labels, size=64, generator=torch.Generator().manual_seed(seed))
        return train(model, lambda x, y: F.cross_entropy(model(x), y), batches, steps=30, clip=1.0)

    assert torch.equal(run(), run())


def test_digits_are_learned(seed):
    images, labels = digits()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    batches = minibatches(images[:1400], labels[:1400], size=64)
    train(model, lambda x, y: F.cross_entropy(model(x), y), batches, steps=400, learning_rate=1e-2)
    assert accuracy(model, images[:1400], labels[:1400]) > 0.97
    assert accuracy(model, images[1400:], labels[1400:]) > 0.87


def test_every_module_gets_its_mode_back():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5)))
    model[2].eval()
    before = [module.training for module in model.modules()]
    during = []

    def loss(x):
        during.append([module.training for module in model.modules()])
        return model(x).sum()

    x, labels = torch.randn(4, 2), torch.zeros(4, dtype=torch.int64)
    train(model, loss, itertools.repeat((x,)), steps=1)
    assert during == [[True] * len(before)]
    assert [module.training for module in model.modules()] == before
    graphs = []
    model.register_forward_hook(lambda module, *_: during.append([part.training for part in module.modules()]))
    model.register_forward_hook(lambda *_: graphs.append(torch.is_grad_enabled()))
    accuracy(model, x, labels)
    assert during[-1] == [False] * len(before)
    assert graphs == [False]
    assert [module.training for module in model.modules()] == before
    with pytest.raises(ZeroDivisionError):
        train(model, lambda x: 1 / 0, itertools.repeat((x,)), steps=1)
    assert [module.training for module in model.modules()] == before


def test_settings_may_be_numbers_of_any_kind():
    model, twin, x = nn.Linear(2, 1), nn.Linear(2, 1), torch.ones(3, 2)
    twin.load_state_dict(model.state_dict())
    train(
        model, lambda x: model(x).mean(), [(x,)], steps=np.int64(1), learning_rate=np.float32(0.5), clip=np.float64(1)
    )
    train(twin, lambda x: twin(x).mean(), [(x,)], steps=1, learning_rate=0.5, clip=1)
    assert torch.equal(model.weight, twin.weight)


def test_frozen_parameters_stay():
    model = nn.Linear(2, 1)
    model.bias.requires_grad_(False)
    bias = model.bias.clone()
    train(model, lambda x: model(x).square().mean(), itertools.repeat((torch.ones(3, 2),)), steps=3)
    assert torch.equal(model.bias, bias)
    model.weight.requires_grad_(False)
    with pytest.raises(ValueError, match=r"^model must be a module with parameters to train, got Linear$"):
        train(model, lambda x: model(x).square().mean(), itertools.repeat((torch.ones(3, 2),)), steps=3)


def test_gradients_of_earlier_do_not_count_and_none_is_left():
    model, twin, x = nn.Linear(2, 1), nn.Linear(2, 1), torch.ones(3, 2)
    twin.load_state_dict(model.state_dict())
    model.weight.grad = torch.full_like(model.weight, -1e9)
    for fitted in (model, twin):
        train(fitted, lambda x, fitted=fitted: fitted(x).exp().mean(), itertools.repeat((x,)), steps=3)
    assert torch.equal(model.weight, twin.weight)
    assert model.weight.grad is None


def test_train_takes_no_more_batches_than_steps():
    model, batches = nn.Linear(1, 1), iter([(torch.ones(1, 1),)] * 5)
    train(model, lambda x: model(x).sum(), batches, steps=3)
    assert len(list(batches)) == 2


def test_accuracy_is_the_share_of_largest_logits(rng, generator):
    rows, classes, size = rng.randint(1, 50), rng.randint(1, 5), rng.randint(1, 60)
    logits = torch.randn(rows, classes, dtype=torch.float64, generator=generator)
    labels = torch.randint(classes, (rows,), generator=generator)
    expected = sum(
        int(row.index(max(row)) == label) for row, label in zip(logits.tolist(), labels.tolist(), strict=True)
    )
    result = accuracy(nn.Identity(), logits, labels, batch_size=size)
    assert result.item() == pytest.approx(expected / rows)
    assert result.dtype == torch.float64


def test_accuracy_of_half_precision_counts_exactly():
    logits = F.one_hot(torch.arange(2) % 2).half().repeat(3000, 1)
    labels = torch.zeros(6000, dtype=torch.int64)
    assert accuracy(nn.Identity(), logits, labels) == 0.5


def test_a_bar_shows_step_and_loss_where_asked(monkeypatch, capsys):
    monkeypatch.setenv("PATCHWORK_PROGRESS", "1")
    model = nn.Linear(1, 1)
    losses = train(model, lambda x: model(x).square().mean(), itertools.repeat((torch.ones(1, 1),)), steps=7)
    out, err = capsys.readouterr()
    assert out == ""
    assert "7/7" in err
    assert f"loss {losses[-1].item():.4g}" in err


@pytest.mark.parametrize("value", ["", "0", "yes"])
def test_no_bar_where_not_asked(monkeypatch, value):
    monkeypatch.setenv("PATCHWORK_PROGRESS", value)
    model = nn.Linear(1, 1)
    train(model, lambda x: model(x).square().mean(), itertools.repeat((torch.ones(1, 1),)), steps=2)


def test_a_bar_reads_the_loss_seldom(monkeypatch, capsys):
    monkeypatch.setenv("PATCHWORK_PROGRESS", "1")
    model, reads, item = nn.Linear(1, 1), [], torch.Tensor.item

    def counted(tensor):
        if item(tensor) % 1:  # AdamW reads its whole numbers of steps
            reads.append(tensor)
        return item(tensor)

    monkeypatch.setattr(torch.Tensor, "item", counted)
    begin = time.perf_counter()
    train(model, lambda x: model(x).mean(), itertools.repeat((torch.ones(1, 1),)), steps=300)
    assert 1 <= len(reads) <= 2 + 4 * (time.perf_counter() - begin)
    capsys.readouterr()


X, MODEL = torch.ones(4, 2), nn.Linear(2, 2)
LABELS = torch.zeros(4, dtype=torch.int64)


def fit(*, model=MODEL, loss=lambda x: MODEL(x).sum(), batches=None, **options):
    return train(model, loss, itertools.repeat((X,)) if batches is None else batches, **{"steps": 2, **options})


def poisoned(x):
    """A finite loss whose gradient is not: √0 has none."""
    return (MODEL(x) * 0).abs().sum().sqrt()


def bad(call, message):
    """One wrong call, and what its error must say."""
    return pytest.param(call, message, id=message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        bad(lambda: minibatches(size=2), r"^expected tensors with rows, got \[\]$"),
        bad(lambda: minibatches([1, 2], size=2), r"^expected tensors with rows, got \['list'\]$"),
        bad(lambda: minibatches(torch.tensor(1.0), size=2), r"^expected tensors with rows, got \['Tensor'\]$"),
        bad(lambda: minibatches(X, X[:3], size=2), r"one number of rows, at least 1; got \[4, 3\]$"),
        bad(lambda: minibatches(X[:0], size=2), r"one number of rows, at least 1; got \[0\]$"),
        bad(lambda: minibatches(X, X.to("meta"), size=2), r"devices differ: tensor 0 on cpu, tensor 1 on meta"),
        bad(lambda: minibatches(X, size=0), r"size must be a whole number of at least 1, got 0"),
        bad(lambda: minibatches(X, size=2.0), r"size must be a whole number of at least 1, got 2.0"),
        bad(lambda: minibatches(X, size=2, generator=3), r"generator must be a torch.Generator or None, got int"),
        bad(lambda: fit(model=None), r"^model must be a module with parameters to train, got NoneType$"),
        bad(lambda: fit(model=nn.ReLU()), r"^model must be a module with parameters to train, got ReLU$"),
        bad(lambda: fit(model=nn.Linear(2, 2)), r"^the loss does not depend on the parameters of the model$"),
        bad(lambda: fit(loss=lambda x: x.sum()), r"^the loss does not depend on the parameters of the model$"),
        bad(lambda: fit(loss=lambda x: MODEL(x)), r"^loss must have shape \(\), got \(4, 2\)$"),
        bad(lambda: fit(loss=lambda x: 1.0), r"^loss must be a tensor \(\), got float$"),
        bad(lambda: fit(loss=lambda x: MODEL(x).sum() * math.nan), r"^the loss is nan in step 1 of 2$"),
        bad(lambda: fit(loss=lambda x: MODEL(x).exp().sum() * math.inf, steps=3), r"^the loss is inf in step 1 of 3$"),
        bad(lambda: fit(loss=poisoned, steps=1), r"^a gradient was not finite in the last of 1 steps$"),
        bad(lambda: fit(batches=[(X,)]), r"^batches ran out after 1 of 2 steps$"),
        bad(lambda: fit(batches=[]), r"^batches ran out after 0 of 2 steps$"),
        bad(lambda: fit(batches=[X, X]), r"^a batch must be a tuple, the arguments of loss; got Tensor$"),
        bad(lambda: fit(steps=0), r"steps must be a whole number of at least 1, got 0"),
        bad(lambda: fit(steps=2.0), r"steps must be a whole number of at least 1, got 2.0"),
        bad(lambda: fit(learning_rate=-1), r"learning_rate must be a finite number above 0, got -1"),
        bad(lambda: fit(learning_rate=math.nan), r"learning_rate must be a finite number above 0, got nan"),
        bad(lambda: fit(learning_rate="1e-3"), r"learning_rate must be a finite number above 0, got '1e-3'"),
        bad(lambda: fit(weight_decay=math.inf), r"weight_decay must be a finite number of at least 0, got inf"),
        bad(lambda: fit(clip=True), r"clip must be a finite number above 0, got True"),
        bad(lambda: fit(clip=0), r"clip must be a finite number above 0, got 0"),
        bad(lambda: fit(clip=10**400), r"clip must be a finite number above 0, got 1000"),
        bad(lambda: fit(loss=MODEL(X).sum()), r"^loss must be a function of a batch, got Tensor$"),
        bad(lambda: fit(batches=3), r"^batches must be an iterable of tuples, got int$"),
        bad(lambda: accuracy(MODEL, X, LABELS[:3]), r"one number of rows, at least 1; got \[4, 3\]"),
        bad(lambda: accuracy(MODEL, X, LABELS.float()), r"labels must be whole numbers, got torch.float32"),
        bad(lambda: accuracy(MODEL, X, LABELS.view(4, 1)), r"labels must have shape \(R\), got \(4, 1\)"),
        bad(
            lambda: accuracy(MODEL, X, LABELS, batch_size=0), r"batch_size must be a whole number of at least 1, got 0"
        ),
        bad(lambda: accuracy(MODEL.forward, X, LABELS), r"^model must be a module, got method$"),
        bad(lambda: accuracy(MODEL, X, LABELS + 2), r"^labels must lie in 0 … 1, got 2 … 2$"),
        bad(lambda: accuracy(MODEL, X, LABELS - 1), r"^labels must lie in 0 … 1, got -1 … -1$"),
        bad(lambda: accuracy(nn.GRU(2, 2), X, LABELS), r"^model\(inputs\) must be a tensor \(R, classes\), got tuple$"),
        bad(
            lambda: accuracy(nn.Identity(), X.long(), LABELS),
            r"model\(inputs\) must hold floating-point .* torch.int64",
        ),
        bad(lambda: accuracy(MODEL, X * math.nan, LABELS), r"model\(inputs\) must not hold NaN, found 8 of 8"),
        bad(lambda: accuracy(nn.Flatten(0), X, LABELS), r"model\(inputs\) must have shape \(R, classes\), got \(8,\)"),
        bad(lambda: accuracy(nn.Unflatten(1, (2, 1)), X, LABELS), r"must have shape \(R, classes\), got \(4, 2, 1\)"),
    ],
)
def test_bad_input(call, message):
    state = {name: value.clone() for name, value in MODEL.state_dict().items()}
    try:
        with pytest.raises(ValueError, match=message):
            call()
    finally:
        MODEL.load_state_dict(state)
        MODEL.zero_grad()
