"""The peer of `lucency-bench fourier`: scipy.fft, real transforms in single precision."""
from serving import serve


def prepare(peer, case, threads):
    import numpy
    import scipy.fft
    import tifffile

    values = tifffile.imread(case["file"]).astype(numpy.float32)
    third = numpy.unravel_index(values.size // 3, values.shape)
    first = (0,) * (values.ndim - 2) + (1, 1)
    if case["op"] == "forward":
        return lambda: abs(scipy.fft.rfftn(values, workers=threads)[first])
    if case["op"] == "inverse":
        spectrum = scipy.fft.rfftn(values, workers=threads)
        return lambda: scipy.fft.irfftn(spectrum, values.shape, workers=threads)[third]

    cutoff = 16
    # Mirrored as far as the Gaussian's own impulse reaches, then on to a size that is fast.
    border = 2 * cutoff

    def lowpass():
        sizes = [scipy.fft.next_fast_len(n + 2 * border, real=True) for n in values.shape]
        padded = numpy.pad(
            values, [(border, size - n - border) for size, n in zip(sizes, values.shape)], mode="symmetric")
        spectrum = scipy.fft.rfftn(padded, workers=threads)
        squares = 0
        for axis, size in enumerate(sizes):
            last = axis == len(sizes) - 1
            frequency = scipy.fft.rfftfreq(size) if last else scipy.fft.fftfreq(size)
            shape = [1] * len(sizes)
            shape[axis] = -1
            squares = squares + (frequency.astype(numpy.float32).reshape(shape) * cutoff) ** 2
        spectrum *= numpy.exp(-numpy.float32(numpy.log(2)) * squares)
        filtered = scipy.fft.irfftn(spectrum, sizes, workers=threads)
        return filtered[tuple(slice(border, border + n) for n in values.shape)][third]

    return lowpass


serve(["scipy"], prepare)
