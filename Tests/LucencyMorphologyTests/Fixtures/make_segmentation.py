"""Makes segmentation.json beside it. SciPy and scikit-image 0.26 compute every expected number. The suite does not run it.
Run: python3 make_segmentation.py"""
import json
import numpy as np
import scipy.ndimage as nd
from skimage import filters, measure, morphology, segmentation

rng = np.random.default_rng(20261129)


def tensor(array):
    array = np.asarray(array)
    if array.dtype.kind == "f":
        digits = 9 if array.dtype == np.float32 else 7
        return {"shape": list(array.shape), "data": [float(f"{v:.{digits}g}") for v in array.ravel()]}
    return {"shape": list(array.shape), "data": [int(v) for v in array.ravel()]}


def smooth(shape, sigma):
    noise = nd.gaussian_filter(rng.standard_normal(shape), sigma)
    return (noise - noise.min()) / (noise.max() - noise.min())


out = {}
gray = (smooth((37, 41), 2) * 180 + 30 + 15 * rng.standard_normal((37, 41))).round().clip(0, 255).astype(np.uint8)
real = np.concatenate([rng.normal(c, 0.05, 300) for c in (0.2, 0.5, 0.9)]).astype(np.float32).reshape(30, 30)
volume = (smooth((6, 11, 12), 1.2) * 255).round().astype(np.uint8)
levels = []
for x in (gray, real, volume):
    bins = {} if x.dtype == np.uint8 else {"nbins": 1024}
    levels.append({"image": tensor(x), "li": float(filters.threshold_li(x.copy())),
                   "triangle": float(filters.threshold_triangle(x)),
                   "multi3": [float(t) for t in filters.threshold_multiotsu(x, 3, **bins)],
                   "multi2": [float(t) for t in filters.threshold_multiotsu(x, 2, **bins)],
                   "multi4": [float(t) for t in filters.threshold_multiotsu(x, 4, **({} if x.dtype == np.uint8 else {"nbins": 256}))]
                   if x.dtype == np.uint8 else None})
out["levels"] = levels
niblack = [{"image": tensor(x), "window": w, "k": k, "levels": tensor(filters.threshold_niblack(x, w, k).astype(float))}
           for x, w, k in [(gray, 15, 0.2), (gray, 5, -0.4), (volume, 5, 0.3)]]
out["niblack"] = niblack
hysteresis = []
for x, low, high in [(gray, 120, 170), (volume, 120, 190)]:
    weak, strong = x > low, x > high
    entry = {"image": tensor(x), "low": low, "high": high,
             "face": tensor(filters.apply_hysteresis_threshold(x, low, high).astype(int))}
    labels = nd.label(weak, np.ones((3,) * x.ndim))[0]
    entry["full"] = tensor(np.isin(labels, np.unique(labels[strong])).astype(int) * weak)
    hysteresis.append(entry)
out["hysteresis"] = hysteresis

thinned, hulls = [], []
for shape, sigma, level in [((40, 44), 1.5, 0.5), ((33, 29), 3, 0.45), ((30, 30), 0.8, 0.6)]:
    mask = smooth(shape, sigma) > level
    thinned.append({"mask": tensor(mask.astype(int)), "thin": tensor(morphology.thin(mask).astype(int))})
    largest = measure.label(mask) == 1 + np.argmax(np.bincount(measure.label(mask).ravel())[1:])
    hulls.append({"mask": tensor(largest.astype(int)), "hull": tensor(morphology.convex_hull_image(largest).astype(int))})
line = np.zeros((12, 15), bool)
line[np.arange(10), np.arange(10) + 3] = True
hulls.append({"mask": tensor(line.astype(int)), "hull": tensor(morphology.convex_hull_image(line).astype(int))})
out["thin"], out["hulls"] = thinned, hulls

flood = []
for shape, sigma in [((40, 47), 2.0), ((9, 16, 15), 1.2)]:
    landscape = smooth(shape, sigma).astype(np.float32)
    mask = smooth(shape, sigma * 1.5) > 0.35
    minima = morphology.local_minima(landscape) & mask
    markers = measure.label(minima)
    flood.append({"landscape": tensor(landscape), "mask": tensor(mask.astype(int)), "markers": tensor(markers),
                  "labels": tensor(segmentation.watershed(landscape, markers, mask=mask))})
out["flood"] = flood
peaks = []
for shape, sigma, height in [((60, 66), 3.0, 0.08), ((60, 66), 2.0, 0.0), ((12, 20, 21), 1.8, 0.1)]:
    values = smooth(shape, sigma).astype(np.float32)
    if height > 0:
        rebuilt = morphology.reconstruction(values.astype(float) - height, values.astype(float))
    else:
        rebuilt = values
    regions = measure.label(morphology.local_maxima(rebuilt), connectivity=len(shape))
    best = nd.maximum_position(values, regions, range(1, regions.max() + 1))
    peaks.append({"values": tensor(values), "height": height,
                  "peaks": sorted(int(np.ravel_multi_index(p, shape)) for p in best)})
out["peaks"] = peaks

yy, xx = np.mgrid[:48, :52]
circles = np.zeros((48, 52), bool)
for cy, cx, r in [(15, 15, 10), (18, 33, 11), (34, 24, 10), (40, 44, 6)]:
    circles |= (yy - cy) ** 2 + (xx - cx) ** 2 < r * r
out["circles"] = tensor(circles.astype(int))

ridges = []
tubes = smooth((50, 55), 1.5) * 60 + 120
for k, (a, b) in enumerate([(0.7, 5), (-0.4, 30), (0.1, 20)]):
    tubes -= 50 * np.exp(-((yy[:50, :52].mean() * 0 + np.mgrid[:50, :55][0] - a * np.mgrid[:50, :55][1] - b) ** 2) / (2 * (1 + k) ** 2))
tubes = tubes.astype(np.float32)
for sigmas, beta in [([1.5], 0.5), ([2.5], 0.8), ([1.2, 2.0, 3.0], 0.5)]:
    single = [filters.frangi(tubes.astype(float), sigmas=[s], beta=beta, black_ridges=True) for s in sigmas]
    ridges.append({"image": tensor(tubes), "scales": sigmas, "beta": beta, "vessels": "dark",
                   "result": tensor(np.max(single, axis=0))})
cube = (120 - smooth((10, 14, 15), 1.5) * 30).astype(np.float32)
z, y, x = np.mgrid[:10, :14, :15]
cube += (60 * np.exp(-((y - 7) ** 2 + (z - 5) ** 2) / 5)).astype(np.float32)
single = [filters.frangi(cube.astype(float), sigmas=[s], black_ridges=False) for s in (1.1, 1.8)]
ridges.append({"image": tensor(cube), "scales": [1.1, 1.8], "beta": 0.5, "vessels": "bright",
               "result": tensor(np.max(single, axis=0))})
out["ridges"] = ridges

steps = np.round(smooth((30, 34), 4) * 3) / 3 + 0.05 * rng.standard_normal((30, 34))
steps = ((steps - steps.min()) / (steps.max() - steps.min())).astype(np.float32)
seeds = np.zeros(steps.shape, int)
seeds[3, 4], seeds[20, 25], seeds[27, 5] = 1, 2, 3
deep = smooth((6, 9, 10), 1.5).astype(np.float32)
deepSeeds = np.zeros(deep.shape, int)
deepSeeds[1, 2, 2], deepSeeds[4, 7, 8] = 1, 4
walled = seeds.copy()
walled[:, 15] = -1
walled[12:15, 15] = 0
walks = []
for image, s, beta in [(steps, seeds, 130), (steps, walled, 40), (deep, deepSeeds, 90)]:
    compact = np.where(s > 0, np.searchsorted(np.unique(s[s > 0]), s) + 1, s)
    p = segmentation.random_walker(image.astype(float), compact.copy(), beta=beta, mode="bf", return_full_prob=True)
    p = np.where(s < 0, 1 / len(p), p)
    walks.append({"image": tensor(image), "seeds": tensor(s), "beta": beta, "probabilities": tensor(p)})
out["walks"] = walks

slics = []
plain = smooth((45, 52), 3).astype(np.float32)
rgb = np.stack([smooth((40, 44), 3) for _ in range(3)], -1)
rgb = (rgb * 255).round().astype(np.uint8)
for image, n, compactness in [(plain, 30, 0.1), (smooth((8, 18, 17), 2).astype(np.float32), 20, 0.2)]:
    slics.append({"image": tensor(image), "regions": n, "compactness": compactness,
                  "labels": tensor(segmentation.slic(image.astype(float), n, compactness, channel_axis=None))})
slics.append({"image": tensor(np.moveaxis(rgb, -1, 0)), "regions": 40, "compactness": 10.0,
              "labels": tensor(segmentation.slic(rgb, 40, 10.0, channel_axis=-1))})
out["slic"] = slics

# Numbers of their own, so that those above stay.
few = np.random.default_rng(20261127)
sparse = [few.exponential(1, (12, 13)), 5 - few.exponential(0.3, (3, 6, 7)), few.gamma(3, 40, (20, 20)) + 0.5]
out["triangles"] = [{"image": tensor(x), "level": float(filters.threshold_triangle(x))}
                    for x in (y.astype(np.float32) for y in sparse)]

with open("segmentation.json", "w") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
