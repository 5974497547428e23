"""The peers of `lucency-bench engine`: PyTorch and ONNX Runtime, timed on request.

One JSON request a line on standard input, one JSON answer a line on standard output:
  {"do": "info", "threads": N}                      -> versions; sets the number of threads
  {"do": "prepare", "case": {...}, "peer": "torch"}  -> {"ok": true}, or {"missing": why}
  {"do": "time", "runs": K}                          -> {"ms": [...]} of the case prepared last
  {"do": "memory"}                                   -> {"peak_mb": resident peak of this process}

A case: kind is convolution, transposed, unet or upscale (the super-resolver of SHISRCNet, plain gates); mode is inference or training; the sizes are those of the tensors.
"""
import json
import sys
import time

try:
    import torch
    from torch import nn
except ImportError:
    torch = None
try:
    import numpy
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
except ImportError:
    onnxruntime = None

THREADS = 1


# PyTorch, in its fastest memory format for images on a CPU.


def double_convolution(inputs, outputs):
    layers = []
    for source in (inputs, outputs):
        layers += [nn.Conv2d(source, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def torch_unet(channels, inputs, classes):
    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            sizes = [inputs] + channels
            self.encoders = nn.ModuleList(double_convolution(a, b) for a, b in zip(sizes, channels))
            pairs = list(zip(channels[1:], channels))[::-1]
            self.ups = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in pairs)
            self.decoders = nn.ModuleList(double_convolution(2 * b, b) for _, b in pairs)
            self.pool = nn.MaxPool2d(2)
            self.head = nn.Conv2d(channels[0], classes, 1)

        def forward(self, x):
            kept = []
            for index, encoder in enumerate(self.encoders):
                x = encoder(self.pool(x) if index else x)
                kept.append(x)
            for up, decoder, skip in zip(self.ups, self.decoders, kept[-2::-1]):
                x = decoder(torch.cat([skip, up(x)], 1))
            return self.head(x)

    return UNet()


def torch_upscaler(factor, channels, features=64, blocks=3):
    def convolution(inputs, outputs, dilation=1, bias=True):
        return nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=bias)

    def unit(layer):
        return nn.Sequential(layer, nn.BatchNorm2d(features), nn.ReLU())

    class MultiFeature(nn.Module):
        def __init__(self):
            super().__init__()
            self.branches = nn.ModuleList(unit(convolution(features, features, d, False)) for d in (1, 2, 4, 8))
            self.gates = nn.ModuleList(nn.Conv2d(features, features, 1, bias=False) for _ in range(4))
            self.project = unit(nn.Conv2d(features, features, 1, bias=False))

        def forward(self, x):
            results, y = [], None
            for branch in self.branches:
                y = branch(x if y is None else y + x)
                results.append(y)
            scores = [gate(y.mean((2, 3), keepdim=True)).sigmoid() for gate, y in zip(self.gates, results)]
            weights = torch.stack(scores).softmax(0)
            return self.project(sum(w * y for w, y in zip(weights, results)) + x)

    class Upscaler(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = convolution(channels, features)
            self.body = nn.Sequential(*[MultiFeature() for _ in range(blocks)], convolution(features, features))
            doublings = factor.bit_length() - 1
            self.up = nn.ModuleList(convolution(features, 4 * features) for _ in range(doublings))
            self.h0 = convolution(features, features)
            self.h1 = convolution(features, channels, bias=False)

        def forward(self, x):
            x = self.head(x)
            x = x + self.body(x)
            for up in self.up:
                x = nn.functional.leaky_relu(nn.functional.pixel_shuffle(up(x), 2), 0.1)
            return self.h1(nn.functional.leaky_relu(self.h0(x), 0.1))

    return Upscaler()


def torch_model(case):
    if case["kind"] == "upscale":
        return torch_upscaler(case["factor"], case["inputs"])
    if case["kind"] == "unet":
        return torch_unet(case["channels"], case["inputs"], case["classes"])
    kind = nn.ConvTranspose2d if case["kind"] == "transposed" else nn.Conv2d
    padding = 0 if case["kind"] == "transposed" else case["kernel"] // 2
    return kind(case["inputs"], case["outputs"], case["kernel"], stride=case["stride"], padding=padding)


def prepare_torch(case):
    torch.manual_seed(1)
    model = torch_model(case).to(memory_format=torch.channels_last)
    x = torch.randn(case["batch"], case["inputs"], case["height"], case["width"])
    x = x.contiguous(memory_format=torch.channels_last)
    if case["mode"] == "inference":
        model.eval()

        def run():
            with torch.inference_mode():
                model(x)

        return run
    if case["kind"] != "unet":
        x.requires_grad_()
        upstream = torch.randn_like(model(x).detach()).contiguous(memory_format=torch.channels_last)

        def run():
            x.grad = None
            model.zero_grad(set_to_none=True)
            model(x).backward(upstream)

        return run
    labels = torch.randint(0, case["classes"], (case["batch"], case["height"], case["width"]))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss = nn.CrossEntropyLoss()

    def run():
        optimiser.zero_grad(set_to_none=True)
        loss(model(x), labels).backward()
        optimiser.step()

    return run


# ONNX Runtime: batch norms folded into the convolutions, as its exporters do.


def prepare_onnx(case):
    random = numpy.random.default_rng(1)
    nodes, weights = [], []

    def weight(*shape):
        name = f"w{len(weights)}"
        scale = (2 / max(1, numpy.prod(shape[1:]))) ** 0.5
        weights.append(numpy_helper.from_array((random.standard_normal(shape) * scale).astype(numpy.float32), name))
        return name

    def add(operator, inputs, **attributes):
        name = f"v{len(nodes)}"
        nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def convolution(x, inputs, outputs, kernel, stride=1):
        p = kernel // 2
        return add(
            "Conv", [x, weight(outputs, inputs, kernel, kernel), weight(outputs)], kernel_shape=[kernel, kernel],
            strides=[stride, stride], pads=[p, p, p, p])

    def transposed(x, inputs, outputs, kernel, stride):
        return add(
            "ConvTranspose", [x, weight(inputs, outputs, kernel, kernel), weight(outputs)],
            kernel_shape=[kernel, kernel], strides=[stride, stride])

    def dilated(x, dilation):
        d = dilation
        return add(
            "Conv", [x, weight(64, 64, 3, 3), weight(64)], kernel_shape=[3, 3], dilations=[d, d], pads=[d, d, d, d])

    def multi_feature(x):
        results, y = [], None
        for dilation in (1, 2, 4, 8):
            y = add("Relu", [dilated(x if y is None else add("Add", [y, x]), dilation)])
            results.append(y)
        scores = []
        for y in results:
            mean = add("GlobalAveragePool", [y])
            scores.append(add("Sigmoid", [add("Conv", [mean, weight(64, 64, 1, 1)], kernel_shape=[1, 1])]))
        weights = add("Softmax", [add("Concat", scores, axis=2)], axis=2)
        total = x
        for index, y in enumerate(results):
            ends = []
            for place in (index, index + 1):
                ends.append(f"c{len(constants)}")
                constants.append(numpy_helper.from_array(numpy.array([place], numpy.int64), ends[-1]))
            part = add("Slice", [weights, *ends, "axis"])
            total = add("Add", [total, add("Mul", [y, part])])
        return add("Relu", [convolution(total, 64, 64, 1)])

    constants = []
    if case["kind"] == "upscale":
        constants.append(numpy_helper.from_array(numpy.array([2], numpy.int64), "axis"))
        first = convolution("x", case["inputs"], 64, 3)
        y = first
        for _ in range(3):
            y = multi_feature(y)
        y = add("Add", [convolution(y, 64, 64, 3), first])
        for _ in range(case["factor"].bit_length() - 1):
            y = add("DepthToSpace", [convolution(y, 64, 256, 3)], blocksize=2, mode="CRD")
            y = add("LeakyRelu", [y], alpha=0.1)
        y = add("LeakyRelu", [convolution(y, 64, 64, 3)], alpha=0.1)
        y = add("Conv", [y, weight(case["inputs"], 64, 3, 3)], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    elif case["kind"] == "convolution":
        y = convolution("x", case["inputs"], case["outputs"], case["kernel"], case["stride"])
    elif case["kind"] == "transposed":
        y = transposed("x", case["inputs"], case["outputs"], case["kernel"], case["stride"])
    else:
        channels, kept, y = case["channels"], [], "x"
        for index, (a, b) in enumerate(zip([case["inputs"]] + channels, channels)):
            if index:
                y = add("MaxPool", [y], kernel_shape=[2, 2], strides=[2, 2])
            y = add("Relu", [convolution(y, a, b, 3)])
            y = add("Relu", [convolution(y, b, b, 3)])
            kept.append(y)
        for a, b, skip in zip(channels[:0:-1], channels[-2::-1], kept[-2::-1]):
            y = add("Concat", [skip, transposed(y, a, b, 2, 2)], axis=1)
            y = add("Relu", [convolution(y, 2 * b, b, 3)])
            y = add("Relu", [convolution(y, b, b, 3)])
        y = convolution(y, channels[0], case["classes"], 1)
    shape = [case["batch"], case["inputs"], case["height"], case["width"]]
    graph = helper.make_graph(
        nodes, "case", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, None)],
        weights + constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = random.standard_normal(shape).astype(numpy.float32)
    return lambda: session.run(None, {"x": x})


def peak_megabytes():
    """The peak resident set of this process, without what its parent had when it started this one."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) / 1024


def main():
    global THREADS
    run = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "info":
            THREADS = request["threads"]
            if torch:
                torch.set_num_threads(THREADS)
            answer = {
                "torch": torch.__version__ if torch else None,
                "onnxruntime": onnxruntime.__version__ if onnxruntime else None,
            }
        elif request["do"] == "prepare":
            run = None
            if request["peer"] == "torch" and not torch:
                answer = {"missing": "PyTorch is not installed"}
            elif request["peer"] == "onnxruntime" and not onnxruntime:
                answer = {"missing": "onnxruntime or onnx is not installed"}
            else:
                run = (prepare_torch if request["peer"] == "torch" else prepare_onnx)(request["case"])
                run()
                answer = {"ok": True}
        elif request["do"] == "time":
            times = []
            for _ in range(request["runs"]):
                start = time.perf_counter()
                run()
                times.append((time.perf_counter() - start) * 1000)
            answer = {"ms": times}
        else:
            answer = {"peak_mb": peak_megabytes()}
        print(json.dumps(answer), flush=True)


main()
