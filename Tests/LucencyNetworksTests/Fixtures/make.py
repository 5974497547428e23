"""Makes the PyTorch fixtures beside this file; only for who wants to make them anew: `python3 make.py`.

Run with torch 2.15 (CPU), Python 3.11. Values are small integers and halves, which every type holds exactly.
"""
import collections
import json
import os

import torch

here = os.path.dirname(os.path.abspath(__file__))


def save(value, name, **options):
    torch.save(value, os.path.join(here, name), **options)


def ramp(*shape, dtype=torch.float32):
    count = 1
    for size in shape:
        count *= size
    return (torch.arange(count, dtype=torch.float64) / 2 - 3).to(dtype).reshape(shape)


types = collections.OrderedDict()
for name in ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]:
    dtype = getattr(torch, name)
    types[name] = (torch.arange(6).reshape(2, 3) % 2 == 0) if name == "bool" else torch.arange(6).reshape(2, 3).to(dtype)
save(types, "types.pt")

base = ramp(4, 6)
views = collections.OrderedDict(
    plain=base, transposed=base.t(), row=base[2], column=base[:, 1], inner=base[1:3, 2:5], every_second=base[:, ::2],
    channels_last=ramp(2, 3, 2, 2).contiguous(memory_format=torch.channels_last), expanded=ramp(3, 1).expand(3, 4),
    scalar=torch.tensor(7.5), empty=torch.zeros(0, 5))
save(views, "views.pt")
save(views, "views-legacy.pt", _use_new_zipfile_serialization=False)

torch.manual_seed(1)
network = torch.nn.Sequential(
    torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Conv2d(4, 2, 1))
optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
network(torch.ones(1, 1, 8, 8)).sum().backward()
optimizer.step()
checkpoint = {"epoch": 3, "arch": "tiny", "best": 0.5, "done": False, "state_dict": network.state_dict(),
              "optimizer": optimizer.state_dict()}
for protocol in [2, 3, 4]:
    save(checkpoint, f"checkpoint-{protocol}.pt", pickle_protocol=protocol)
save({"model": {"encoder": {"w": ramp(2)}, "decoder": {"w": ramp(3)}}}, "nested.pt")
save({"weight": torch.nn.Parameter(ramp(2, 2)), "sizes": torch.Size([1, 2])}, "parameter.pt")
save({"module": torch.nn.Linear(2, 2)}, "whole-module.pt")
save(torch.randn(0).to_sparse(), "sparse.pt")
torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), os.path.join(here, "script.pt"))


def described(tensors):
    return {name: {"shape": list(tensor.shape), "data": tensor.to(torch.float64).flatten().tolist()}
            for name, tensor in tensors.items()}


with open(os.path.join(here, "expected.json"), "w") as file:
    json.dump({"types": described(types), "views": described(views), "checkpoint": described(network.state_dict())}, file)
