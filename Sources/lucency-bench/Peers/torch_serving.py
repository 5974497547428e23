"""What the peers in PyTorch have in common: tensors of files, and requests and answers, one JSON a line."""
import json
import sys

try:
    import numpy
    import torch
except ImportError:
    torch = None


def read_tensors(path):
    """The float32 tensors of a safetensors file by name."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            numbers = numpy.frombuffer(data, "<f4", (last - first) // 4, first)
            tensors[name] = torch.from_numpy(numbers.reshape(entry["shape"]).copy())
    return tensors


def serve(answer):
    """answer(request, state) for all requests but `info`, which sets the number of threads."""
    state = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "info":
                if torch:
                    torch.set_num_threads(request["threads"])
                result = {"torch": torch.__version__ if torch else None}
            else:
                result = answer(request, state)
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)
