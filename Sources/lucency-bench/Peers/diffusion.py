"""The peer of `lucency-bench diffusion`: BS-LDM's two networks in PyTorch, timed on request.

One JSON request a line on standard input, one JSON answer a line on standard output:
  {"do": "info", "threads": N}                              -> versions; sets the number of threads
  {"do": "prepare", "network": {...}, "weights": FILE or null}  -> {"ok": true}; random weights without a file
  {"do": "run", "part": P, "inputs": [FILE, ...], "shapes": [[...], ...], "times": [...], "output": FILE} -> {"ok": true}
  {"do": "time", "part": P, "side": S, "runs": K}           -> {"seconds": [...], "peak_mb": resident peak while at it}
Parts: encode (image -> latent image of codes), step (noisy latent image and condition -> estimate), decode (latent image ->
image). Files hold float32 in the machine's order.
"""
import math
import time

try:
    import numpy
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError:
    torch = None

from torch_serving import read_tensors, serve


def networks(settings):
    class Unit(nn.Module):
        def __init__(self, channels, hidden):
            super().__init__()
            self.a = nn.Conv2d(channels, hidden, 3, padding=1)
            self.b = nn.Conv2d(hidden, channels, 3, padding=1)

        def forward(self, x):
            return functional.relu(x + self.b(functional.relu(self.a(x))))

    class Autoencoder(nn.Module):
        def __init__(self, channels, hidden, units, latent, codes):
            super().__init__()
            encoder, decoder, last = [], [nn.Conv2d(latent, channels[-1], 3, padding=1)], 1
            for width in channels:
                encoder += [nn.Conv2d(last, width, 4, stride=2, padding=1)]
                encoder += [Unit(width, hidden) for _ in range(units)]
                last = width
            encoder.append(nn.Conv2d(last, latent, 3, padding=1))
            for width, after in zip(channels[::-1], channels[-2::-1] + [1]):
                decoder += [Unit(width, hidden) for _ in range(units)]
                decoder.append(nn.ConvTranspose2d(width, after, 4, stride=2, padding=1))
            self.encoder, self.decoder = nn.ModuleList(encoder), nn.ModuleList(decoder)
            self.register_buffer("codebook", torch.randn(codes, latent))

        def encode(self, x):
            for layer in self.encoder[:-1]:
                x = layer(x)
                if isinstance(layer, nn.Conv2d):
                    x = functional.relu(x)
            z = self.encoder[-1](x)
            flat = z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])
            book = self.codebook
            distance = flat.square().sum(1, keepdim=True) + book.square().sum(1) - 2 * flat @ book.T
            return book[distance.argmin(1)].reshape(z.shape[0], z.shape[2], z.shape[3], -1).permute(0, 3, 1, 2)

        def decode(self, z):
            x = self.decoder[0](z)
            for number, layer in enumerate(self.decoder[1:]):
                x = layer(x)
                if isinstance(layer, nn.ConvTranspose2d) and number < len(self.decoder) - 2:
                    x = functional.relu(x)
            return x

    class Residual(nn.Module):
        def __init__(self, inputs, outputs, width, groups, move=None):
            super().__init__()
            self.move = move
            self.n1, self.n2 = nn.GroupNorm(groups, inputs), nn.GroupNorm(groups, outputs)
            self.c1 = nn.Conv2d(inputs, outputs, 3, padding=1)
            self.c2 = nn.Conv2d(outputs, outputs, 3, padding=1)
            self.e = nn.Linear(width, 2 * outputs)
            if inputs != outputs:
                self.skip = nn.Conv2d(inputs, outputs, 1)

        def resampled(self, x):
            if self.move == "down":
                return functional.avg_pool2d(x, 2)
            return functional.interpolate(x, scale_factor=2.0) if self.move == "up" else x

        def forward(self, x, code):
            h = self.c1(self.resampled(functional.silu(self.n1(x))))
            scale, shift = self.e(functional.silu(code))[:, :, None, None].chunk(2, 1)
            h = self.c2(functional.silu(self.n2(h) * (1 + scale) + shift))
            x = self.resampled(x)
            return (self.skip(x) if hasattr(self, "skip") else x) + h

    class Attention(nn.Module):
        def __init__(self, channels, heads, groups):
            super().__init__()
            self.heads, self.n = heads, nn.GroupNorm(groups, channels)
            self.qkv, self.o = nn.Conv1d(channels, 3 * channels, 1), nn.Conv1d(channels, channels, 1)

        def forward(self, x, code):
            n, c, height, width = x.shape
            y = self.qkv(self.n(x).reshape(n, c, -1))
            q, k, v = y.reshape(n, self.heads, 3 * c // self.heads, -1).transpose(2, 3).chunk(3, 3)
            y = functional.scaled_dot_product_attention(q, k, v)
            return x + self.o(y.transpose(2, 3).reshape(n, c, -1)).reshape(x.shape)

    class Estimator(nn.Module):
        def __init__(self, inputs, outputs, base, multipliers, blocks, attention, heads, groups):
            super().__init__()
            self.base, width = base, 4 * base

            def group(channels, level, after, move=None):
                layers = [Residual(channels, after, width, groups, move)]
                if move is None and 1 << level in attention:
                    layers.append(Attention(after, heads, groups))
                return layers

            self.t1, self.t2 = nn.Linear(base, width), nn.Linear(width, width)
            down, skips, c = [nn.ModuleList([nn.Conv2d(inputs, base, 3, padding=1)])], [base], base
            for level, multiplier in enumerate(multipliers):
                for _ in range(blocks):
                    down.append(nn.ModuleList(group(c, level, multiplier * base)))
                    c = multiplier * base
                    skips.append(c)
                if level + 1 < len(multipliers):
                    down.append(nn.ModuleList(group(c, level, c, "down")))
                    skips.append(c)
            middle = [Residual(c, c, width, groups), Attention(c, heads, groups), Residual(c, c, width, groups)]
            up = []
            for level, multiplier in reversed(list(enumerate(multipliers))):
                for index in range(blocks + 1):
                    layers = group(c + skips.pop(), level, multiplier * base)
                    c = multiplier * base
                    if index == blocks and level > 0:
                        layers += group(c, level, c, "up")
                    up.append(nn.ModuleList(layers))
            self.down, self.mid, self.up = nn.ModuleList(down), nn.ModuleList(middle), nn.ModuleList(up)
            self.on, self.oc = nn.GroupNorm(groups, base), nn.Conv2d(base, outputs, 3, padding=1)

        def forward(self, x, times):
            half = self.base // 2
            f = torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float64) / half)
            angles = times.double()[:, None] * f
            code = torch.cat([angles.cos(), angles.sin()], 1).float()
            code = self.t2(functional.silu(self.t1(code)))
            h, skips = self.down[0][0](x), []
            skips.append(h)
            for layers in self.down[1:]:
                for layer in layers:
                    h = layer(h, code)
                skips.append(h)
            for layer in self.mid:
                h = layer(h, code)
            for layers in self.up:
                h = torch.cat([h, skips.pop()], 1)
                for layer in layers:
                    h = layer(h, code)
            return self.oc(functional.silu(self.on(h)))

    a, e = settings["autoencoder"], settings["estimator"]
    both = nn.Module()
    both.autoencoder = Autoencoder(a["channels"], a["hidden"], a["units"], a["latent"], a["codes"])
    both.estimator = Estimator(
        2 * a["latent"], e["outputs"], e["base"], e["multipliers"], e["blocks"], e["attention"], e["heads"],
        e["groups"])
    both.latent, both.factor = a["latent"], 2 ** len(a["channels"])
    return both


class Model:
    def __init__(self, settings, weights):
        torch.manual_seed(1)
        self.network = networks(settings)
        if weights:
            tensors = read_tensors(weights)
            tensors.pop("autoencoder.sizes", None)
            tensors.pop("autoencoder.sums", None)
            self.network.load_state_dict(tensors)
        # The fastest memory format of this library for images on a processor.
        self.network = self.network.eval().to(memory_format=torch.channels_last)

    def run(self, part, inputs, times):
        network = self.network
        inputs = [x.contiguous(memory_format=torch.channels_last) for x in inputs]
        with torch.inference_mode():
            if part == "encode":
                return network.autoencoder.encode(inputs[0])
            if part == "decode":
                return network.autoencoder.decode(inputs[0])
            x = torch.cat(inputs, 1).contiguous(memory_format=torch.channels_last)
            return network.estimator(x, torch.tensor(times))[:, : network.latent]

    def sizes(self, part, side):
        latent = [1, self.network.latent, side // self.network.factor, side // self.network.factor]
        return {"encode": [[1, 1, side, side]], "decode": [latent], "step": [latent, latent]}[part]


def reset_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def peak_megabytes():
    """The peak resident set of this process since it was set back."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) / 1024


def answer(request, state):
    if request["do"] == "prepare":
        state.pop("model", None)
        state["model"] = Model(request["network"], request["weights"])
        return {"ok": True}
    model = state["model"]
    if request["do"] == "run":
        inputs = [
            torch.from_numpy(numpy.fromfile(path, numpy.float32).reshape(shape))
            for path, shape in zip(request["inputs"], request["shapes"])]
        model.run(request["part"], inputs, request["times"]).contiguous().numpy().tofile(request["output"])
        return {"ok": True}
    inputs = [torch.randn(size) for size in model.sizes(request["part"], request["side"])]
    seconds = []
    reset_peak()
    for _ in range(request["runs"]):
        start = time.perf_counter()
        model.run(request["part"], inputs, [999])
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds, "peak_mb": peak_megabytes()}


serve(answer)
