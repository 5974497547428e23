"""Makes preprocessing.json beside it. NumPy, SciPy and scikit-image 0.26 compute every expected number. The suite does not
run it. Run: python3 make_preprocessing.py"""
import json
import numpy as np
import scipy.ndimage as nd
from skimage import color, exposure

rng = np.random.default_rng(20261127)


def tensor(array):
    array = np.asarray(array)
    if array.dtype.kind == "f":
        return {"shape": list(array.shape), "data": [float(f"{v:.7g}") for v in array.ravel()]}
    return {"shape": list(array.shape), "data": [int(v) for v in array.ravel()]}


def smooth(shape, sigma, low, high):
    noise = nd.gaussian_filter(rng.standard_normal(shape), sigma)
    return ((noise - noise.min()) / (noise.max() - noise.min()) * (high - low) + low).round().astype(np.uint8)


out = {}
pads = []
x = rng.integers(0, 100, (3, 5))
for mode, name in [("constant", "constant"), ("edge", "edge"), ("symmetric", "reflect"), ("reflect", "mirror"),
                   ("wrap", "periodic")]:
    options = {"constant_values": 7} if mode == "constant" else {}
    pads.append({"mode": name, "padded": tensor(np.pad(x, ((4, 1), (2, 9)), mode=mode, **options))})
out["pad"] = {"x": tensor(x), "before": [2, 4], "after": [9, 1], "value": 7, "cases": pads}

gray = smooth((45, 62), 4, 20, 210)
volume = smooth((7, 20, 18), 2, 0, 255)
clahe = []
for image, kernel, clip, bins in [(gray, None, 0.01, 256), (gray, 11, 0.03, 64), (gray, 16, 0.0, 256), (volume, 6, 0.02, 128)]:
    result = exposure.equalize_adapthist(image, kernel_size=kernel, clip_limit=clip, nbins=bins)
    clahe.append({"image": tensor(image), "kernel": kernel, "clip": clip, "bins": bins, "result": tensor(result)})
rgb = np.stack([smooth((24, 30), 3, 5, 250) for _ in range(3)], -1)
out["clahe"] = clahe
out["claheColor"] = {"image": tensor(np.moveaxis(rgb, -1, 0)), "kernel": 8, "clip": 0.02, "bins": 256,
                     "result": tensor(np.moveaxis(exposure.equalize_adapthist(rgb, kernel_size=8, clip_limit=0.02), -1, 0))}
out["gamma"] = {"image": tensor(gray), "gamma": 0.6,
                "result": tensor(255 * exposure.adjust_gamma(gray / 255.0, 0.6))}

# Stains: a slide of known colours, mixed by hand.
he = np.array([[0.60, 0.74, 0.30], [0.12, 0.95, 0.28]])
he /= np.linalg.norm(he, axis=1, keepdims=True)
amounts = np.stack([rng.gamma(2.0, 0.35, (40, 40)), rng.gamma(2.0, 0.25, (40, 40))], -1)
slide = (255 * np.exp(-(amounts @ he))).round().clip(0, 255).astype(np.uint8)
hed = color.separate_stains(slide, color.hed_from_rgb)
hdx = color.separate_stains(slide, color.hdx_from_rgb)
out["stains"] = {"image": tensor(np.moveaxis(slide, -1, 0)), "hed": tensor(np.moveaxis(hed, -1, 0)),
                 "hedNorms": [float(v) for v in np.linalg.norm(color.rgb_from_hed, axis=1)], "truth": tensor(he)}


# Macenko et al. 2009, with NumPy's eigenvectors and least squares.
def macenko(image, white=255.0, beta=0.15, alpha=1.0, darkest=1 / 1024):
    od = -np.log(np.maximum(image.reshape(-1, 3) / white, darkest)).astype(np.float32).astype(float)
    tissue = od[(od >= np.float32(beta)).all(1)]
    values, vectors = np.linalg.eigh(np.cov(tissue.T))
    axes = vectors[:, [2, 1]]
    axes = axes * np.where(axes[0] < 0, -1, 1)
    angles = np.arctan2(tissue @ axes[:, 1], tissue @ axes[:, 0])
    low, high = np.percentile(angles, [alpha, 100 - alpha])
    a, b = (axes @ np.array([np.cos(p), np.sin(p)]) for p in (low, high))
    stains = np.array([a, b] if a[0] > b[0] else [b, a])
    found = np.linalg.lstsq(stains.T, od.T, rcond=None)[0].clip(0)
    return stains, found, np.percentile(found, 99, axis=1)


stains, found, most = macenko(slide)
target = np.array([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]])
target = target / np.linalg.norm(target, axis=1, keepdims=True)
scaled = found * (np.array([1.9705, 1.0308]) / most)[:, None]
normal = (255 * np.exp(-(target.T @ scaled))).clip(0, 255).T.reshape(slide.shape)
out["macenko"] = {"stains": tensor(stains), "amounts": tensor(found.reshape(2, 40, 40)),
                  "normalized": tensor(np.moveaxis(normal, -1, 0))}

with open("preprocessing.json", "w") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
