"""Makes the NPY and NPZ fixtures and what they hold, by NumPy itself. Run in this folder."""
import json, io, struct, zipfile
import numpy as np

rng = np.random.default_rng(4)
expected = {}

def note(name, array):
    expected[name] = {"dtype": str(array.dtype.newbyteorder("=")), "shape": list(array.shape),
                      "values": [float(v) if np.isfinite(v) else str(v) for v in array.ravel(order="C")]}

def save(name, array, version=(1, 0)):
    with open(name, "wb") as file:
        np.lib.format.write_array(file, array, version=version, allow_pickle=False)
    note(name, array)

small = rng.integers(0, 100, (2, 3, 4))
for dtype in ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]:
    array = (small % 2 == 0) if dtype == "?" else small.astype(dtype)
    if dtype[0] == "f":
        array = (small / 64 - 0.5).astype(dtype)
    save(f"{dtype.replace('?', 'bool')}.npy", array)
for dtype in [">i2", ">u4", ">f4", ">f8", ">f2"]:
    save(f"big-{dtype[1:]}.npy", (small / 2 if "f" in dtype else small).astype(dtype))
save("fortran.npy", np.asfortranarray((small / 3).astype("f4")))
save("fortran-big.npy", np.asfortranarray(small.astype(">i4")))
save("version2.npy", small.astype("f4"), (2, 0))
save("version3.npy", small.astype("f4"), (3, 0))
save("scalar.npy", np.array(0.25, "f4"))
save("empty.npy", np.zeros((0, 3), "f4"))
save("half-special.npy", np.array([0, -0.0, 6e-8, 65504, np.inf, -np.inf], "f2"))
arrays = {"probabilities": (small / 100).astype("f4"), "labels": small.astype("u1")}
np.savez("stored.npz", **arrays)
np.savez_compressed("deflated.npz", **arrays)
for name in ["stored.npz", "deflated.npz"]:
    for key, array in arrays.items():
        note(f"{name}:{key}", array)
np.save("object.npy", np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
np.save("structured.npy", np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f4")]))
np.save("complex.npy", np.array([1 + 2j]))
np.save("text.npy", np.array(["a", "b"]))
np.savez("object.npz", bad=np.array([None], dtype=object), good=small.astype("f4"))

# A zip whose entry unpacks to much more than a limit: 64 MB of zeros in 64 kB.
body = io.BytesIO()
np.lib.format.write_array(body, np.zeros((16 << 20,), "f4"))
with zipfile.ZipFile("bomb.npz", "w", zipfile.ZIP_DEFLATED) as file:
    file.writestr("zeros.npy", body.getvalue())
json.dump(expected, open("expected.json", "w"), indent=1)
