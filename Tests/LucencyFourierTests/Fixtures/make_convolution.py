"""Makes convolution.json beside it. NumPy, SciPy and scikit-image 0.26 compute every expected number. The suite does not run
it. Run: python3 make_convolution.py"""
import json
import numpy as np
import scipy.ndimage as nd
from skimage.registration import phase_cross_correlation

rng = np.random.default_rng(20261130)


def tensor(array):
    array = np.asarray(array)
    digits = 9 if array.dtype == np.float32 else 7
    return {"shape": list(array.shape), "data": [float(f"{v:.{digits}g}") for v in array.ravel()]}


def smooth(shape, sigma):
    noise = nd.gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
    return ((noise - noise.min()) / (noise.max() - noise.min()) * 100).astype(np.float32)


plane, volume = smooth((27, 31), 1.5), smooth((7, 10, 9), 1.0)
weights = rng.standard_normal((5, 7)).round(3)
modes = {"reflect": "reflect", "constant": "constant", "periodic": "wrap"}
disk = (np.mgrid[-3:4, -3:4] ** 2).sum(0) <= 3.3 ** 2
convolutions = []
for border, mode in modes.items():
    options = {"mode": mode, "cval": 11.0}
    x = plane.astype(float)
    convolutions += [
        {"border": border, "kernel": "weights", "weights": weights.tolist(), "image": tensor(plane),
         "result": tensor(nd.convolve(x, weights, **options))},
        {"border": border, "kernel": "gaussian", "size": 2.0, "image": tensor(plane),
         "result": tensor(nd.gaussian_filter(x, 2.0, **options))},
        {"border": border, "kernel": "box", "size": 5.0, "image": tensor(plane),
         "result": tensor(nd.uniform_filter(x, 5, **options))},
        {"border": border, "kernel": "disk", "size": 3.3, "image": tensor(plane),
         "result": tensor(nd.convolve(x, disk / disk.sum(), **options))}]
convolutions.append({"border": "reflect", "kernel": "gaussian", "size": 1.2, "image": tensor(volume),
                     "result": tensor(nd.gaussian_filter(volume.astype(float), 1.2))})

# Wiener's filter by its definition, on a periodic grid.
x = plane.astype(float)
kernel = np.zeros(x.shape)
kernel[:5, :5] = 1 / 25
kernel = np.roll(kernel, (-2, -2), (0, 1))
blurred = np.fft.ifft2(np.fft.fft2(x) * np.fft.fft2(kernel)).real.astype(np.float32)
response = np.fft.fft2(kernel)
inverse = response.conj() / (np.abs(response) ** 2 + 1 / 50)
mean = blurred.astype(float).mean()
restored = np.fft.ifft2(np.fft.fft2(blurred - mean) * inverse).real + mean
wiener = {"image": tensor(blurred), "size": 5.0, "snr": 50, "result": tensor(restored), "truth": tensor(plane)}

spectra = []
for array in (plane, volume, smooth((8, 8), 1.0)):
    centred = array.astype(float) - array.astype(float).mean()
    window = np.ones(())
    for n in array.shape:
        window = np.multiply.outer(window, 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(n) + 0.5) / n))
    spectra.append({"image": tensor(array), "plain": tensor(np.fft.fftshift(np.log1p(np.abs(np.fft.fftn(centred))))),
                    "faded": tensor(np.fft.fftshift(np.log1p(np.abs(np.fft.fftn(centred * window)))))})

shifts = []
for array, shift in [(smooth((40, 45), 2.0), (3.35, -7.6)), (smooth((33, 30), 1.2), (-12.25, 4.0)),
                     (smooth((12, 16, 18), 1.3), (1.3, -2.75, 3.5))]:
    # Grain at all frequencies, so that every phase means something also in float32.
    array = (array + 5 * rng.standard_normal(array.shape)).astype(np.float32)
    moved = nd.fourier_shift(np.fft.fftn(array.astype(float)), shift)
    moved = (np.fft.ifftn(moved).real + 0.5 * rng.standard_normal(array.shape)).astype(np.float32)
    entry = {"reference": tensor(array), "moving": tensor(moved), "shift": list(shift)}
    for u in (1, 20, 100):
        found, _, _ = phase_cross_correlation(array.astype(float), moved.astype(float), upsample_factor=u,
                                              normalization="phase")
        entry[f"found{u}"] = [float(v) for v in found]
        plain, _, _ = phase_cross_correlation(array.astype(float), moved.astype(float), upsample_factor=u,
                                              normalization=None)
        entry[f"plain{u}"] = [float(v) for v in plain]
    shifts.append(entry)

with open("convolution.json", "w") as file:
    json.dump({"convolutions": convolutions, "wiener": wiener, "spectra": spectra, "shifts": shifts}, file,
              separators=(",", ":"))
    file.write("\n")
