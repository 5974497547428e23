"""Makes filters.json beside it. SciPy and scikit-image 0.26 compute every expected number. The suite does not run it.
Run: python3 make_filters.py"""
import json
import numpy as np
import scipy.ndimage as nd
from skimage import restoration

rng = np.random.default_rng(20261128)


def tensor(array):
    array = np.asarray(array)
    if array.dtype.kind == "f":
        digits = 9 if array.dtype == np.float32 else 7
        return {"shape": list(array.shape), "data": [float(f"{v:.{digits}g}") for v in array.ravel()]}
    return {"shape": list(array.shape), "data": [int(v) for v in array.ravel()]}


def noisy(shape, sigma=2.5):
    noise = nd.gaussian_filter(rng.standard_normal(shape), sigma)
    steps = (noise > 0) * 0.5 + 0.25 + 0.05 * rng.standard_normal(shape)
    return steps.clip(0, 1).astype(np.float32)


plane, volume = noisy((22, 27)), noisy((6, 9, 10), 1.5)
color = np.stack([noisy((12, 13)) for _ in range(3)], -1)
median = [{"image": tensor(x), "radius": r, "result": tensor(nd.median_filter(x, size=2 * r + 1, mode="reflect"))}
          for x, r in [(plane, 1), (plane, 4), (volume, 1)]]


# Both by their definitions: scikit-image's bilateral filter reads its table of spatial weights with the wrong stride
# (0.26: _compute_spatial_lut makes win_size + 1 columns), and its fast non-local means sums patches of (s - 1)^2 pixels
# off their middle and counts a pixel itself twice.
def bilateral_of(x, spatial, spread):
    x = x[..., None] if x.ndim == 2 else x
    reach = max(2, int(np.ceil(3 * spatial)))
    padded = np.pad(x.astype(float), ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    total, weights = np.zeros(x.shape), np.zeros(x.shape[:2])
    for i in range(2 * reach + 1):
        for j in range(2 * reach + 1):
            other = padded[i:i + x.shape[0], j:j + x.shape[1]]
            weight = np.exp(-((i - reach) ** 2 + (j - reach) ** 2) / (2 * spatial ** 2)
                            - ((other - x) ** 2).sum(-1) / (2 * spread ** 2))
            total += weight[..., None] * other
            weights += weight
    return np.squeeze(total / weights[..., None])


def nonlocal_of(x, patch, distance, h, sigma, colors=False):
    x = x.astype(float) if colors else x.astype(float)[..., None]
    reach, dims = patch // 2, x.ndim - 1
    margin = reach + distance
    padded = np.pad(x, [(margin, margin)] * dims + [(0, 0)], mode="reflect")
    total, weights = np.zeros(x.shape), np.zeros(x.shape[:-1])
    size = [n + 2 * reach for n in x.shape[:-1]]
    here = padded[tuple(slice(distance, distance + n) for n in size)]
    for shift in np.ndindex(*[2 * distance + 1] * dims):
        there = padded[tuple(slice(t, t + n) for t, n in zip(shift, size))]
        squares = ((here - there) ** 2).sum(-1) - 2 * sigma ** 2 * x.shape[-1]
        windows = np.lib.stride_tricks.sliding_window_view(squares, (patch,) * dims)
        gap = np.maximum(windows.mean(tuple(range(dims, 2 * dims))) / x.shape[-1], 0) / h ** 2
        weight = np.where(gap <= 5, np.exp(-gap), 0)
        total += weight[..., None] * padded[tuple(slice(reach + t, reach + t + n) for t, n in zip(shift, x.shape))]
        weights += weight
    return np.squeeze(total / weights[..., None])


bilateral = [{"image": tensor(plane), "spatial": s, "range": c, "result": tensor(bilateral_of(plane, s, c))}
             for s, c in [(1.0, 0.1), (1.7, 0.3)]]
bilateral.append({"image": tensor(np.moveaxis(color, -1, 0)), "spatial": 1.0, "range": 0.2,
                  "result": tensor(np.moveaxis(bilateral_of(color, 1.0, 0.2), -1, 0))})
nlm = []
for x, patch, distance, h, sigma in [(plane, 5, 4, 0.06, 0.0), (plane, 3, 6, 0.04, 0.05), (volume, 3, 2, 0.08, 0.03)]:
    nlm.append({"image": tensor(x), "patch": patch, "distance": distance, "h": h, "sigma": sigma,
                "result": tensor(nonlocal_of(x, patch, distance, h, sigma))})
nlm.append({"image": tensor(np.moveaxis(color, -1, 0)), "patch": 3, "distance": 3, "h": 0.1, "sigma": 0.0,
            "result": tensor(np.moveaxis(nonlocal_of(color, 3, 3, 0.1, 0.0, colors=True), -1, 0))})
tv = [{"image": tensor(x), "weight": w, "eps": e, "iterations": n,
       "result": tensor(restoration.denoise_tv_chambolle(x.astype(float), weight=w, eps=e, max_num_iter=n))}
      for x, w, e, n in [(plane, 0.1, 2e-4, 200), (plane, 0.5, 0.0, 30), (volume, 0.08, 2e-4, 200)]]

ground = (40 + 30 * np.sin(np.arange(33) / 9)[:, None] + 20 * np.cos(np.arange(37) / 11)[None])
uneven = ground + 60 * (nd.gaussian_filter(rng.standard_normal((33, 37)), 1.5) > 0.12)
cube = (ground[:12, None, :11] + 50 * (rng.random((12, 9, 11)) > 0.8))
balls = [{"image": tensor(x.astype(np.float32)), "radius": r, "height": None,
          "result": tensor(restoration.rolling_ball(x.astype(np.float32), radius=r))}
         for x, r in [(uneven, 6), (uneven, 8.5), (cube, 3)]]
balls.append({"image": tensor(uneven.astype(np.float32)), "radius": 7, "height": 20,
              "result": tensor(restoration.rolling_ball(uneven.astype(np.float32),
                                                        kernel=restoration.ellipsoid_kernel((15, 15), 20)))})
smooth = [{"image": tensor(x.astype(np.float32)), "sigma": s,
           "result": tensor(nd.gaussian_filter(x.astype(np.float64), s, mode="reflect"))}
          for x, s in [(uneven, 5.0), (uneven, 15.0), (cube, 1.3)]]

with open("filters.json", "w") as file:
    json.dump({"median": median, "bilateral": bilateral, "nlm": nlm, "tv": tv, "balls": balls, "smooth": smooth}, file,
              separators=(",", ":"))
    file.write("\n")
