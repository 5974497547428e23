"""Makes the JSON files beside it. numpy, scipy and scikit-image 0.26 compute every expected number; nothing here comes
from Lucency. Run: python3 make_fixtures.py"""
import json
import math
import numpy as np
import scipy.ndimage as nd
import skimage.filters as filters
import skimage.measure as measure
import skimage.morphology as morphology

rng = np.random.default_rng(20240607)


def tensor(array):
    array = np.asarray(array)
    return {"shape": list(array.shape), "data": [float(v) if array.dtype.kind == "f" else int(v) for v in array.ravel()]}


def blobs(shape, level=0.5, sigma=2.0):
    noise = nd.gaussian_filter(rng.standard_normal(shape), sigma)
    return (noise > np.quantile(noise, level)).astype(np.int32)


def save(name, value):
    with open(name, "w") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


# Thresholds
gray = nd.gaussian_filter(rng.standard_normal((40, 53)), 3)
gray = ((gray - gray.min()) / (gray.max() - gray.min()) * 255).round().astype(np.uint8)
deep = (rng.gamma(2.0, 900.0, (30, 31)).clip(0, 30000)).astype(np.uint16)
real = np.where(rng.random((33, 29)) < 0.4, rng.normal(0.2, 0.05, (33, 29)), rng.normal(0.7, 0.08, (33, 29)))
real = real.astype(np.float32)
volume = nd.gaussian_filter(rng.standard_normal((7, 12, 13)), 1.0).astype(np.float32)
otsu = [{"image": tensor(gray), "level": float(filters.threshold_otsu(gray))},
        {"image": tensor(deep), "level": float(filters.threshold_otsu(deep))},
        {"image": tensor(real), "level": float(filters.threshold_otsu(real, nbins=4096))}]
sauvola = []
for image, window, k, r in [(gray, 15, 0.2, None), (gray, 5, 0.34, 128.0), (real, 21, 0.2, 0.5), (real, 101, 0.1, 0.3),
                            (volume, 5, 0.2, 1.0)]:
    surface = filters.threshold_sauvola(image, window_size=window, k=k, r=r)
    sauvola.append({"image": tensor(image), "window": window, "k": k, "r": r, "levels": tensor(surface.astype(float))})
save("threshold.json", {"otsu": otsu, "sauvola": sauvola})

# Distances
distances = []
for mask, spacing in [(blobs((31, 37)), (1, 1)), (blobs((31, 37), 0.9), (2.5, 0.7)), (blobs((9, 17, 19), 0.2), (3, 1, 1.2)),
                      (blobs((9, 17, 19), 0.95), (0.31, 0.7, 0.9)), (blobs((1, 40)), (1, 0.1)), (blobs((40, 1)), (0.3, 1))]:
    distances.append({"mask": tensor(mask), "spacing": list(map(float, spacing)),
                      "distance": tensor(nd.distance_transform_edt(mask, sampling=spacing))})
save("distance.json", distances)

# Components
components = []
for array in [rng.integers(0, 2, (23, 29)), rng.integers(0, 4, (23, 29)), blobs((30, 30)), rng.integers(0, 2, (6, 9, 8)),
              (rng.random((7, 11, 10)) < 0.25).astype(int) * rng.integers(1, 3, (7, 11, 10))]:
    full = array.ndim
    entry = {"labels": tensor(array), "face": tensor(measure.label(array, connectivity=1)),
             "full": tensor(measure.label(array, connectivity=full)),
             "foregroundFace": tensor(nd.label(array > 0)[0]),
             "foregroundFull": tensor(nd.label(array > 0, nd.generate_binary_structure(full, full))[0])}
    components.append(entry)
save("components.json", components)


# Morphology of masks. mode="ignore": what lies outside takes no part.
def ellipsoid(radius, spacing):
    half = [int(math.floor(radius / s + 1e-9)) for s in spacing]
    grids = np.meshgrid(*[np.arange(-h, h + 1) * s for h, s in zip(half, spacing)], indexing="ij")
    return sum(g * g for g in grids) <= radius * radius * (1 + 1e-9)


def cross(radius, ndim):
    element = np.zeros((2 * radius + 1,) * ndim, bool)
    for axis in range(ndim):
        index = [radius] * ndim
        index[axis] = slice(None)
        element[tuple(index)] = True
    return element


def elements(ndim):
    for radius in (1.0, 2.0, 3.4):
        yield "ball", radius, None, ellipsoid(radius, [1.0] * ndim)
    spacing = [0.5, 0.2] if ndim == 2 else [1.0, 0.5, 0.4]
    yield "ball", 0.6 if ndim == 2 else 1.2, spacing, ellipsoid(0.6 if ndim == 2 else 1.2, spacing)
    for radius in (1, 3):
        yield "box", float(radius), None, np.ones((2 * radius + 1,) * ndim, bool)
        yield "cross", float(radius), None, cross(radius, ndim)


operations = []
for mask in [blobs((29, 34), 0.55, 1.5), blobs((8, 13, 14), 0.6, 1.0)]:
    case = {"mask": tensor(mask), "results": []}
    for shape, radius, spacing, element in elements(mask.ndim):
        m = mask > 0
        case["results"].append({
            "shape": shape, "radius": radius, "spacing": spacing,
            "erode": tensor(morphology.erosion(m, element, mode="ignore").astype(int)),
            "dilate": tensor(morphology.dilation(m, element, mode="ignore").astype(int)),
            "open": tensor(morphology.opening(m, element, mode="ignore").astype(int)),
            "close": tensor(morphology.closing(m, element, mode="ignore").astype(int))})
    operations.append(case)
objects = []
for mask in [blobs((41, 47), 0.55, 1.2), blobs((41, 47), 0.3, 1.2), blobs((9, 14, 15), 0.35, 0.8)]:
    m = mask > 0
    face = nd.generate_binary_structure(m.ndim, 1)
    full = nd.generate_binary_structure(m.ndim, m.ndim)
    filled = nd.binary_fill_holes(m, face)
    labelled, _ = nd.label(m, full)
    sizes = np.bincount(labelled.ravel())
    holes, _ = nd.label(filled & ~m, face)
    holeSizes = np.bincount(holes.ravel())
    sizes[0] = 0
    objects.append({
        "mask": tensor(mask), "fillHoles": tensor(filled.astype(int)),
        "fillHolesFace": tensor(nd.binary_fill_holes(m, full).astype(int)),
        "minimum": 12, "removeSmallObjects": tensor(np.isin(labelled, np.flatnonzero(sizes >= 12)).astype(int)),
        "removeSmallHoles": tensor((m | ((holes > 0) & (holeSizes[holes] < 4))).astype(int)), "minimumHole": 4,
        "largest": tensor((labelled == sizes.argmax()).astype(int))})
save("morphology.json", {"elements": operations, "objects": objects})

# Measures
measures = []
for labels, spacing in [(measure.label(blobs((40, 51), 0.55, 1.4)), (0.5, 0.2)),
                        (np.kron(rng.integers(0, 3, (6, 7)), np.ones((5, 4), int)) * 1000003 - 0, (1.5, 1.5)),
                        (measure.label(blobs((9, 15, 16), 0.7, 1.1)), (2.0, 0.5, 0.7))]:
    image = rng.normal(100, 20, labels.shape).astype(np.float32)
    rows = []
    for plain, metric in zip(measure.regionprops(labels, image), measure.regionprops(labels, image, spacing=spacing)):
        row = {"label": int(plain.label), "area": float(plain.area), "metricArea": float(metric.area),
               "bbox": [int(v) for v in plain.bbox], "centroid": [float(v) for v in plain.centroid],
               "metricCentroid": [float(v) for v in metric.centroid],
               "diameter": float(plain.equivalent_diameter_area),
               "mean": float(image[labels == plain.label].mean(dtype=float)),
               "sd": float(image[labels == plain.label].std(dtype=float)),
               "min": float(plain.intensity_min), "max": float(plain.intensity_max)}
        if labels.ndim == 2:
            row |= {"perimeter": float(plain.perimeter), "major": float(plain.axis_major_length),
                    "minor": float(plain.axis_minor_length), "eccentricity": float(plain.eccentricity),
                    "orientation": float(plain.orientation), "metricMajor": float(metric.axis_major_length),
                    "metricMinor": float(metric.axis_minor_length)}
        rows.append(row)
    measures.append({"labels": tensor(labels), "image": tensor(image), "spacing": list(spacing), "objects": rows})
save("measure.json", measures)
