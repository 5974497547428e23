"""The peer of `lucency-bench batch`: a folder of PNGs through five classical stages with SciPy and scikit-image.

  batch.py check                        ends with status 0 if all that is needed is installed
  batch.py run INPUT OUTPUT PROCESSES   what is timed, the interpreter's start included
"""
import os
import sys

import numpy
import scipy.fft
from PIL import Image
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.morphology import disk, opening, remove_small_objects

CUTOFF, BORDER = 12, 12


def lowpass(image):
    """Mirrored borders; the response is a half at the cut-off."""
    sizes = [scipy.fft.next_fast_len(n + 2 * BORDER, real=True) for n in image.shape]
    padded = numpy.pad(image, [(BORDER, size - n - BORDER) for n, size in zip(image.shape, sizes)], mode="symmetric")
    rows = scipy.fft.fftfreq(sizes[0]).astype(numpy.float32)[:, None] * CUTOFF
    columns = scipy.fft.rfftfreq(sizes[1]).astype(numpy.float32) * CUTOFF
    spectrum = scipy.fft.rfft2(padded)
    spectrum *= numpy.exp2(-rows * rows) * numpy.exp2(-columns * columns)
    filtered = scipy.fft.irfft2(spectrum, sizes)
    return filtered[BORDER : BORDER + image.shape[0], BORDER : BORDER + image.shape[1]]


def work(job):
    source, target = job
    image = lowpass(numpy.asarray(Image.open(source), numpy.float32))
    # As many bins as ours has; scikit-image takes 256 unless told.
    mask = image > threshold_otsu(image, nbins=4096)
    mask = opening(mask, disk(2), mode="ignore")
    mask = remove_small_objects(mask, max_size=63, connectivity=2)
    Image.fromarray(label(mask, connectivity=2).astype(numpy.uint16)).save(target)


def run(source, target, processes):
    os.makedirs(target, exist_ok=True)
    jobs = [(os.path.join(source, name), os.path.join(target, name)) for name in sorted(os.listdir(source))]
    if processes == "1":
        for job in jobs:
            work(job)
    else:
        import multiprocessing

        with multiprocessing.Pool(int(processes)) as pool:
            pool.map(work, jobs)


if __name__ == "__main__" and sys.argv[1] == "run":
    run(*sys.argv[2:])
