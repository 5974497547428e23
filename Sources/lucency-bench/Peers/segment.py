"""The peer of `lucency-bench segment`: a folder of images to a folder of masks with ONNX Runtime and Pillow.

  segment.py convert MODEL OUT.onnx              a two-dimensional U-Net with batch norms, which are folded
  segment.py run MODEL.onnx INPUT OUTPUT THREADS  what is timed, the interpreter's start included

`run` does what lucency does for the same model: each image to mean 0 and deviation 1, the network, the most probable class
of each pixel, an 8-bit PNG.
"""
import sys


def weights_of(path):
    """The tensors of a safetensors file, and its metadata."""
    import json

    import numpy

    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        body = file.read()
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        tensors[name] = numpy.frombuffer(body[start:end], numpy.float32).reshape(entry["shape"]).copy()
    return tensors, metadata


def convert(source, target):
    import json

    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    tensors, metadata = weights_of(source)
    network = json.loads(metadata["network"])
    settings = network["with"]
    if network["uses"] != "unet" or settings["norm"] != "batch" or settings["axes"] != 2:
        sys.exit("only two-dimensional U-Nets with batch norms are converted")
    nodes, constants = [], []

    def constant(array):
        name = f"w{len(constants)}"
        constants.append(numpy_helper.from_array(numpy.ascontiguousarray(array, numpy.float32), name))
        return name

    def add(operator, inputs, **attributes):
        name = f"v{len(nodes)}"
        nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def block(x, name):
        for index in range(settings["convolutions"]):
            weight, bias = (tensors[f"{name}.{3 * index}.{part}"] for part in ("weight", "bias"))
            gamma, beta, mean, variance = (
                tensors[f"{name}.{3 * index + 1}.{part}"]
                for part in ("weight", "bias", "running_mean", "running_var"))
            scale = gamma / numpy.sqrt(variance + 1e-5)
            pad = weight.shape[-1] // 2
            x = add(
                "Conv", [x, constant(weight * scale[:, None, None, None]), constant((bias - mean) * scale + beta)],
                kernel_shape=list(weight.shape[2:]), pads=[pad] * 4)
            x = add("Relu", [x])
        return x

    def plain(operator, x, name, **attributes):
        weight = tensors[f"{name}.weight"]
        return add(
            operator, [x, constant(weight), constant(tensors[f"{name}.bias"])],
            kernel_shape=list(weight.shape[2:]), **attributes)

    levels, kept, y = len(settings["channels"]), [], "x"
    for level in range(1, levels + 1):
        if level > 1:
            y = add("MaxPool", [y], kernel_shape=[2, 2], strides=[2, 2])
        y = block(y, f"enc{level}")
        kept.append(y)
    for level in range(levels - 1, 0, -1):
        up = plain("ConvTranspose", y, f"up{level}", strides=[2, 2])
        y = block(add("Concat", [kept[level - 1], up], axis=1), f"dec{level}")
    y = plain("Conv", y, "head")
    graph = helper.make_graph(
        nodes, "unet",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, settings["inputChannels"], "height", "width"])],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, None)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, target)


def run(model, source, target, threads):
    import os

    import numpy
    import onnxruntime
    from PIL import Image

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    os.makedirs(target, exist_ok=True)
    for name in sorted(os.listdir(source)):
        pixels = numpy.asarray(Image.open(os.path.join(source, name)), numpy.float32)
        pixels = (pixels - pixels.mean()) / pixels.std()
        logits = session.run(None, {"x": pixels[None, None]})[0][0]
        Image.fromarray(logits.argmax(0).astype(numpy.uint8)).save(os.path.join(target, name))


if __name__ == "__main__":
    {"convert": convert, "run": run}[sys.argv[1]](*sys.argv[2:])
