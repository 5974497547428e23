"""The peers of `lucency-bench io`: Pillow, OpenCV, imagecodecs and tifffile read files into floats and write them."""
import os

from serving import serve


def prepare(peer, case, threads):
    import numpy

    path, target = case["file"], case["target"]
    stored = numpy.uint16 if case["bits"] == 16 else numpy.uint8

    def read():
        if peer == "PIL":
            from PIL import Image

            return numpy.asarray(Image.open(path), numpy.float32)
        if peer == "cv2":
            import cv2

            pixels = cv2.imread(path, cv2.IMREAD_UNCHANGED)
            return (pixels[..., ::-1] if pixels.ndim == 3 else pixels).astype(numpy.float32)
        if peer == "imagecodecs":
            import imagecodecs

            return imagecodecs.imread(path).astype(numpy.float32)
        import tifffile

        return tifffile.imread(path, maxworkers=threads).astype(numpy.float32)

    if case["op"] == "read":

        def timed():
            pixels = read()
            # Where our planes have the pixel at a third of all values.
            planes = numpy.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels
            index = numpy.unravel_index(planes.size // 3, planes.shape)
            return planes[index]

        return timed
    values = read()

    def write():
        pixels = values.astype(stored)
        if peer == "PIL":
            from PIL import Image

            Image.fromarray(pixels).save(target)
        elif peer == "cv2":
            import cv2

            cv2.imwrite(target, pixels[..., ::-1] if pixels.ndim == 3 else pixels)
        elif peer == "imagecodecs":
            import imagecodecs

            with open(target, "wb") as file:
                file.write(imagecodecs.png_encode(pixels))
        else:
            import tifffile

            compression = {"none": None, "deflate": "zlib", "lzw": "lzw", "zstd": "zstd"}[case["compression"]]
            tifffile.imwrite(
                target, pixels, compression=compression, predictor=compression is not None,
                photometric="rgb" if pixels.ndim == 3 else "minisblack")
        return os.path.getsize(target)

    return write


serve(["PIL", "cv2", "imagecodecs", "tifffile"], prepare)
