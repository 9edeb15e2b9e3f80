"""The networks against PyTorch and ONNX Runtime, taking turns on the same cores.

    cargo build --release --example neural_steps
    python benches/neural/compare.py target/release/examples/neural_steps [train|window] [lstm|transformer|stid]

`train`: a step is forward, quantiles that do not cross, masked pinball loss, backward, clipping by the global norm and AdamW,
on two threads; the same networks with the same numbers of parameters. `window`: the forecast for one window, on one thread,
which is the fastest setting for all sides. The sides take turns, round by round. Printed are the median of all steps and, in
brackets, the least.

Environment: ROUNDS (30), THREADS (2, for `train`).
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(os.environ.get("ROUNDS", "30"))
THREADS = int(os.environ.get("THREADS", "2"))
WORK = sys.argv[2] if len(sys.argv) > 2 else "train"
# Threads of the library that is not at work would otherwise spin and take time from the other.
SETTLE = 0.03

import torch
from torch import nn
from torch.nn import functional

torch.set_num_threads(THREADS if WORK == "train" else 1)

STEPS, HORIZON, SLOTS = 12, 12, 288
LEVELS = (0.1, 0.5, 0.9)


class Forecaster(nn.Module):
    """Embeddings below, quantiles above; `trunk` is what differs."""

    def __init__(self, series, embeddings, width):
        super().__init__()
        self.series, self.slot, self.day = (
            nn.Embedding(count, size) for count, size in zip((series, SLOTS, 7), embeddings)
        )
        self.head = nn.Linear(width, len(LEVELS) * HORIZON)

    def identity(self, series, slot, day):
        """Each `windows x series x width`."""
        windows, count = len(slot), len(series)
        return (
            self.series(series).expand(windows, -1, -1),
            self.slot(slot)[:, None].expand(-1, count, -1),
            self.day(day)[:, None].expand(-1, count, -1),
        )

    def forward(self, context, known, base, series, slot, day):
        raw = self.head(self.trunk(context, known, *self.identity(series, slot, day)))
        low, middle, high = raw.unflatten(-1, (len(LEVELS), HORIZON)).unbind(2)
        middle = base + middle
        return torch.stack((middle - functional.softplus(low), middle, middle + functional.softplus(high)), 2)


class Lstm(Forecaster):
    def __init__(self, channels=8, hidden=64, embeddings=(8, 8, 4)):
        super().__init__(1, embeddings, hidden)
        self.encoder = nn.LSTM(channels + sum(embeddings), hidden, batch_first=True)
        self.merge = nn.Linear(hidden + sum(embeddings), hidden)

    def trunk(self, context, known, *identity):
        identity = torch.cat(identity, -1).flatten(0, 1)
        windows, series = context.shape[:2]
        context = context.flatten(0, 1)
        steps = torch.cat((context, identity[:, None].expand(-1, STEPS, -1)), -1)
        last = self.encoder(steps)[0][:, -1]
        return torch.relu(self.merge(torch.cat((last, identity), -1))).unflatten(0, (windows, series))


class Transformer(Forecaster):
    def __init__(self, channels=2, width=64):
        super().__init__(1, (STEPS * width, width, width), width)
        self.entrance = nn.Linear(channels, width)
        layer = lambda: nn.TransformerEncoderLayer(width, 4, 256, dropout=0.0, batch_first=True)
        self.layers = nn.Sequential(layer(), layer())
        self.pool = nn.Linear(STEPS * width, width)

    def trunk(self, context, known, adaptive, slot, day):
        windows, series = context.shape[:2]
        x = self.entrance(context) + adaptive.unflatten(-1, (STEPS, -1)) + (slot + day)[:, :, None]
        return self.pool(self.layers(x.flatten(0, 1)).flatten(1)).unflatten(0, (windows, series))


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.expand = nn.Linear(width, width)
        self.contract = nn.Linear(width, width)

    def forward(self, x):
        return x + self.contract(torch.relu(self.expand(x)))


class Stid(Forecaster):
    def __init__(self, series=207, channels=2, width=32):
        super().__init__(series, (width,) * 3, 4 * width)
        self.entrance = nn.Linear(STEPS * channels + HORIZON, width)
        self.layers = nn.Sequential(*[Residual(4 * width) for _ in range(3)])

    def trunk(self, context, known, *identity):
        entrance = self.entrance(torch.cat((context.flatten(2), known.flatten(2)), -1))
        return self.layers(torch.cat((entrance, *identity), -1))


# The network; windows, series, channels and known covariates; how many steps a round has.
TASKS = {
    "lstm": (Lstm, (64, 1, 8, 0), 40),
    "transformer": (Transformer, (64, 1, 2, 0), 20),
    "stid": (Stid, (32, 207, 2, 1), 6),
}


def inputs(windows, series, channels, known):
    return (
        torch.randn(windows, series, STEPS, channels),
        torch.randn(windows, series, HORIZON, known),
        torch.randn(windows, series, HORIZON),
        torch.arange(series),
        torch.arange(windows) * 7 % SLOTS,
        torch.arange(windows) % 7,
    )


class Trainer:
    """PyTorch, training."""

    name = "torch"

    def __init__(self, make, extents):
        torch.manual_seed(0)
        self.model = make()
        self.inputs = inputs(*extents)
        self.target = torch.randn(extents[0], extents[1], HORIZON)
        self.weight = torch.ones(extents[1])
        self.levels = torch.tensor(LEVELS)[:, None]
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)

    def loss(self):
        counts = ~self.target.isnan()
        weight = self.weight[:, None] * counts
        error = torch.nan_to_num(self.target)[:, :, None] - self.model(*self.inputs)
        pinball = torch.maximum(self.levels * error, (self.levels - 1) * error).sum(2)
        return (pinball * weight).sum() / weight.sum()

    def run(self):
        self.optimiser.zero_grad(set_to_none=True)
        self.loss().backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimiser.step()


class Eager:
    """PyTorch, one window."""

    name = "torch"

    def __init__(self, make, extents):
        self.model, self.inputs = make().eval(), inputs(1, *extents[1:])

    def run(self):
        with torch.inference_mode():
            self.model(*self.inputs)


class Onnx:
    """ONNX Runtime, one window."""

    name = "onnx"

    def __init__(self, make, extents):
        import onnxruntime

        names = ["context", "known", "base", "series", "slot", "day"]
        window = inputs(1, *extents[1:])
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            torch.onnx.export(make().eval(), window, path, dynamo=False, input_names=names)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self.session = onnxruntime.InferenceSession(path, options)
        asked = {argument.name for argument in self.session.get_inputs()}
        self.data = {name: value.numpy() for name, value in zip(names, window) if name in asked}

    def run(self):
        self.session.run(None, self.data)


def times(side, count):
    result = []
    for _ in range(count):
        start = time.perf_counter()
        side.run()
        result.append((time.perf_counter() - start) * 1e3)
    return result


class Ours:
    """The example program, asked over its standard input."""

    def __init__(self, program):
        environment = dict(os.environ, RAYON_NUM_THREADS=str(torch.get_num_threads()))
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def times(self, name, count):
        self.process.stdin.write(f"{name} {WORK} {count}\n")
        self.process.stdin.flush()
        return [float(time) for time in self.process.stdout.readline().split()]


def main():
    ours = Ours(sys.argv[1])
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {WORK}: milliseconds, median (least)")
    for name in sys.argv[3:] or list(TASKS):
        make, extents, steps = TASKS[name]
        peers = [Trainer(make, extents)] if WORK == "train" else [Eager(make, extents), Onnx(make, extents)]
        steps = steps if WORK == "train" else 10 * steps
        results = [[] for _ in range(len(peers) + 1)]
        for round_number in range(ROUNDS + 1):
            sides = [lambda: ours.times(name, steps), *(lambda peer=peer: times(peer, steps) for peer in peers)]
            for side, result in zip(sides, results):
                measured = side()
                if round_number > 0:
                    result.extend(measured)
                time.sleep(SETTLE)
        median, least = statistics.median(results[0]), min(results[0])
        line = f"{name:12} ours {median:.4f} ({least:.4f})"
        for peer, theirs in zip(peers, results[1:]):
            line += f"   {peer.name} {statistics.median(theirs):.4f} ({min(theirs):.4f}):"
            line += f" {statistics.median(theirs) / median:.2f} ({min(theirs) / least:.2f}) times"
        print(line, flush=True)


if __name__ == "__main__":
    main()
