"""The peers of `lucency-bench morphology`: scipy.ndimage and scikit-image."""
from serving import serve


def prepare(peer, case, threads):
    import numpy
    import skimage.filters
    import skimage.measure
    import skimage.morphology
    import tifffile
    from scipy import ndimage

    image = tifffile.imread(case["image"]).astype(numpy.float32)
    mask = tifffile.imread(case["mask"]) > 0
    radius, operation, full = case["radius"], case["op"], numpy.ones([3] * mask.ndim, bool)
    ball = (skimage.morphology.disk if mask.ndim == 2 else skimage.morphology.ball)(radius, dtype=bool)
    isScipy = peer == "scipy"

    def components():
        if isScipy:
            return ndimage.label(mask, full)
        labels = skimage.measure.label(mask, connectivity=mask.ndim)
        return labels, labels.max()

    if operation == "erode":
        if isScipy:
            return lambda: ndimage.binary_erosion(mask, ball, border_value=1).sum()
        return lambda: skimage.morphology.erosion(mask, ball, mode="ignore").sum()
    if operation == "dilate":
        if isScipy:
            return lambda: ndimage.binary_dilation(mask, ball).sum()
        return lambda: skimage.morphology.dilation(mask, ball, mode="ignore").sum()
    if operation == "open":
        if isScipy:
            return lambda: ndimage.binary_dilation(ndimage.binary_erosion(mask, ball, border_value=1), ball).sum()
        return lambda: skimage.morphology.opening(mask, ball, mode="ignore").sum()
    if operation == "fill":
        if isScipy:
            return lambda: ndimage.binary_fill_holes(mask).sum()
        # scikit-image fills by reconstruction.
        inner = tuple(slice(1, -1) for _ in mask.shape)

        def fill():
            seed = numpy.ones_like(mask)
            seed[...] = mask
            seed[inner] = True
            cross = ndimage.generate_binary_structure(mask.ndim, 1)
            return skimage.morphology.reconstruction(seed, mask, method="erosion", footprint=cross).sum()

        return fill
    if operation == "remove-objects":
        if isScipy:

            def remove():
                labels, count = ndimage.label(mask, full)
                keep = numpy.bincount(labels.ravel(), minlength=count + 1) >= radius
                keep[0] = False
                return keep[labels].sum()

            return remove
        return lambda: skimage.morphology.remove_small_objects(
            mask, max_size=radius - 1, connectivity=mask.ndim).sum()
    if operation == "components":
        return lambda: components()[1]
    if operation == "distance":
        return lambda: ndimage.distance_transform_edt(mask).astype(numpy.float32).sum(dtype=float)
    if operation == "otsu":
        return lambda: (image > skimage.filters.threshold_otsu(image)).sum()
    half = (image.max() - image.min()) / 2
    if operation == "sauvola":
        return lambda: (image > skimage.filters.threshold_sauvola(image, 25, k=0.2, r=half)).sum()
    labels, _ = components()
    names = ["label", "area", "centroid", "bbox", "mean_intensity", "min_intensity", "max_intensity"]
    names += ["axis_major_length", "axis_minor_length", "equivalent_diameter_area"]
    return lambda: skimage.measure.regionprops_table(labels, image, names)["mean_intensity"].sum()


serve(["scipy", "skimage"], prepare)
