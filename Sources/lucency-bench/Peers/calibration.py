"""The peer of `lucency-bench calibration`: torchmetrics and PyTorch on the same cases, read one after the other.

One JSON request a line on standard input, one JSON answer a line on standard output:
  {"do": "info", "threads": N}   -> versions; sets the number of threads
  {"do": "run", "folder": DIR, "cases": [i, ...], "files": K, "size": S, "classes": C, "bins": M, "regions": 1 or 3}
                                 -> {"seconds": of all cases, "sums": {metric: over cases, all pixels}}
  {"do": "memory"}               -> {"peak_mb": resident peak of this process}

Case i is in the files i % K: probabilities as float32 planes, labels as bytes. For each region (all pixels; the reference's
foreground; that and the prediction's) it computes what torchmetrics has of calibration errors (l1, l2, max of the answers,
and l1 of each class), Brier score, log loss, accuracy and, over all pixels, the confusion matrix. Metrics are computed and
dropped case by case, so that memory does not grow.
"""
import json
import os
import sys
import time

try:
    import numpy
    import torch
    import torchmetrics
    from torchmetrics.functional.classification import (
        binary_calibration_error,
        multiclass_calibration_error,
        multiclass_confusion_matrix,
    )
except ImportError:
    torch = None


def measured(probabilities, labels, bins):
    """Numbers of one region: probabilities [C, N], labels [N]."""
    classes = probabilities.shape[0]
    rows, numbers = probabilities[None], {}
    for name, norm in (("ece", "l1"), ("rmsce", "l2"), ("mce", "max")):
        numbers[name] = multiclass_calibration_error(
            rows, labels[None], classes, n_bins=bins, norm=norm, validate_args=False)
    by_class = [
        binary_calibration_error(probabilities[k], (labels == k).int(), n_bins=bins, norm="l1", validate_args=False)
        for k in range(classes)
    ]
    numbers["cece"] = torch.stack(by_class).mean()
    own = probabilities.gather(0, labels[None])[0]
    numbers["brier"] = (probabilities.square().sum(0) - 2 * own + 1).mean(dtype=torch.float64)
    numbers["nll"] = -own.log().mean(dtype=torch.float64)
    numbers["accuracy"] = (probabilities.argmax(0) == labels).double().mean()
    return numbers


def run(request):
    size, classes, bins = request["size"], request["classes"], request["bins"]
    sums = {}
    start = time.perf_counter()
    for index in request["cases"]:
        path = os.path.join(request["folder"], str(index % request["files"]))
        values = torch.from_numpy(numpy.fromfile(path + ".probabilities", numpy.float32)).view(classes, size * size)
        labels = torch.from_numpy(numpy.fromfile(path + ".labels", numpy.uint8)).long()
        for name, value in measured(values, labels, bins).items():
            sums[name] = sums.get(name, 0.0) + float(value)
        multiclass_confusion_matrix(values[None], labels[None], classes, validate_args=False)
        if request["regions"] > 1:
            foreground = labels != 0
            for mask in (foreground, foreground | (values.argmax(0) != 0)):
                if mask.any():
                    measured(values[:, mask], labels[mask], bins)
    return {"seconds": time.perf_counter() - start, "sums": sums}


def peak_megabytes():
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) / 1024


def main():
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "info":
                if torch:
                    torch.set_num_threads(request["threads"])
                answer = {
                    "torch": torch.__version__ if torch else None,
                    "torchmetrics": torchmetrics.__version__ if torch else None,
                }
            elif request["do"] == "run":
                answer = run(request)
            else:
                answer = {"peak_mb": peak_megabytes()}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
