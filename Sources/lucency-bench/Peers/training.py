"""The peer of `lucency-bench training`: the same U-Net in PyTorch, from the same weights, on the same batches.

One JSON request a line on standard input, one JSON answer a line on standard output:
  {"do": "info", "threads": N}                          -> versions; sets the number of threads
  {"do": "prepare", "settings": FILE, "weights": FILE}  -> {"ok": true}
  {"do": "step", "batch": FILE}                         -> {"loss": before the step, "seconds": of the step}
  {"do": "test", "files": [FILE, ...]}                  -> {"dice": mean over the images}
An answer {"error": text} says what went wrong.
"""
import json
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError:
    torch = None

from torch_serving import read_tensors, serve


def double_convolution(inputs, outputs):
    layers = []
    for source in (inputs, outputs):
        layers += [nn.Conv2d(source, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def unet(inputs, classes, channels):
    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            for level, (a, b) in enumerate(zip([inputs] + channels, channels), 1):
                setattr(self, f"enc{level}", double_convolution(a, b))
            for level, (a, b) in enumerate(zip(channels, channels[1:]), 1):
                setattr(self, f"up{level}", nn.ConvTranspose2d(b, a, 2, stride=2))
                setattr(self, f"dec{level}", double_convolution(2 * a, a))
            self.head = nn.Conv2d(channels[0], classes, 1)

        def forward(self, x):
            kept = []
            for level in range(1, len(channels) + 1):
                x = getattr(self, f"enc{level}")(functional.max_pool2d(x, 2) if level > 1 else x)
                kept.append(x)
            for level in range(len(channels) - 1, 0, -1):
                up = getattr(self, f"up{level}")(x)
                x = getattr(self, f"dec{level}")(torch.cat([kept[level - 1], up], 1))
            return self.head(x)

    return UNet()


def soft_dice(logits, labels, smoothing):
    """1 - the soft Dice coefficient of every image and class, averaged; pixels with the label -1 are in no sum."""
    counts = (labels >= 0).unsqueeze(1)
    truth = functional.one_hot(labels.clamp(min=0), logits.shape[1]).permute(0, 3, 1, 2) * counts
    p = torch.softmax(logits, 1) * counts
    both, sums = (p * truth).sum((2, 3)), p.sum((2, 3)) + truth.sum((2, 3))
    return 1 - ((2 * both + smoothing) / (sums + smoothing)).mean()


def objective_of(settings):
    """The objective as a function of logits and labels; refuses what this script does not know."""
    smoothings = []
    names = sorted(part["uses"] for part in settings["objective"]["parts"])
    if names != ["cross-entropy", "dice"]:
        raise ValueError(f"the objective {names} is not known here")
    for part in settings["objective"]["parts"]:
        if part["uses"] == "dice":
            form = part["with"]["form"]
            plain = form["includesBackground"] and not (
                form["isSquared"] or form["sumsOverBatch"] or form["skipsAbsent"])
            if not plain or part["with"]["weight"] != 1:
                raise ValueError("this form of dice is not known here")
            smoothings.append(form["smoothing"])
        elif part.get("with", {}).get("weights"):
            raise ValueError("class weights are not known here")

    def objective(logits, labels):
        loss = functional.cross_entropy(logits, labels, ignore_index=-1)
        return loss + soft_dice(logits, labels, smoothings[0])

    return objective


def schedule_of(optimizer, warm_up, steps):
    """A rate that grows evenly up to the highest one, then falls along a cosine."""
    schedulers = torch.optim.lr_scheduler
    cosine = schedulers.CosineAnnealingLR(optimizer, max(1, steps - warm_up))
    if warm_up < 2:
        return cosine
    linear = schedulers.LinearLR(optimizer, 1 / warm_up, 1, warm_up - 1)
    return schedulers.SequentialLR(optimizer, [linear, cosine], [warm_up])


class Training:
    def __init__(self, settings, weights):
        self.model = unet(settings["inputs"], settings["classes"], settings["channels"])
        missing, unexpected = self.model.load_state_dict(weights, strict=False)
        missing = [name for name in missing if not name.endswith("num_batches_tracked")]
        if missing or unexpected:
            raise ValueError(f"weights do not fit: missing {missing}, unexpected {unexpected}")
        self.model = self.model.to(memory_format=torch.channels_last).train()
        self.objective = objective_of(settings)
        if settings["method"] != "adamw" or settings["course"] != "cosine":
            raise ValueError("only AdamW with a cosine schedule is known here")
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=settings["rate"], betas=(settings["beta1"], settings["beta2"]),
            eps=settings["epsilon"], weight_decay=settings["decay"])
        self.schedule = schedule_of(self.optimizer, settings["warmUp"], settings["steps"])
        self.maximum_norm = settings["maximumNorm"]

    def step(self, batch):
        images = batch["images"].contiguous(memory_format=torch.channels_last)
        labels = batch["labels"].long()
        start = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.objective(self.model(images), labels)
        loss.backward()
        if self.maximum_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.maximum_norm)
        self.optimizer.step()
        self.schedule.step()
        return {"loss": loss.item(), "seconds": time.perf_counter() - start}

    def dice(self, files):
        self.model.eval()
        scores = []
        with torch.inference_mode():
            for path in files:
                case = read_tensors(path)
                labels = case["labels"].long()
                found = (self.model(case["images"]).argmax(1) == 1) & (labels >= 0)
                true = labels == 1
                total = (found.sum() + true.sum()).item()
                if total:
                    scores.append(2 * (found & true).sum().item() / total)
        self.model.train()
        return sum(scores) / len(scores) if scores else float("nan")


def answer(request, state):
    if request["do"] == "prepare":
        with open(request["settings"]) as file:
            state["training"] = Training(json.load(file), read_tensors(request["weights"]))
        return {"ok": True}
    if request["do"] == "step":
        return state["training"].step(read_tensors(request["batch"]))
    return {"dice": state["training"].dice(request["files"])}


serve(answer)
