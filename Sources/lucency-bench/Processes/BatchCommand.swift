import ArgumentParser
import Foundation
import Lucency

/// `lucency-bench batch`: a folder of PNGs through five classical stages, beside the same in SciPy and scikit-image.
struct BatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch", abstract: "Runs a folder through a classical pipeline beside SciPy and scikit-image.",
        discussion: """
            Low-pass, Otsu's threshold, opening, removal of small objects, components; 16-bit PNGs of object numbers. \
            Whole processes are timed, their start included, one after the other in turn; figures are medians. With \
            several threads the peer works in as many processes, of which the largest counts as its memory. Files \
            lie in memory (/dev/shm) where that can be: ours flushes each to the disk, the peer none. Run it from the \
            checkout.

            Example: lucency-bench batch --count 20 --threads 1
            """)

    @OptionGroup var options: WholeProcessOptions

    private static let pipeline = """
        lucency: 1
        sources: {images: {uses: folder}}
        stages:
          smooth: {uses: fourier.lowpass, in: images, with: {cutoff: 12 px}}
          bright: {uses: segment.threshold, in: smooth}
          round: {uses: morphology, in: bright, with: {operation: {uses: open, with: {shape: ball, radius: 2 px}}}}
          large: {uses: morphology, in: round, with: {operation: {uses: remove-small-objects, with: {minimum: 64 px}}}}
          objects: {uses: components, in: large}
        outputs: {objects: {from: objects, as: "{stem}.png", with: {bits: 16}}}
        """

    func run() throws {
        // In memory where that can be: ours waits for the disk with every file, the peer does not.
        let memory = URL(filePath: "/dev/shm")
        let isWritable = FileManager.default.isWritableFile(atPath: memory.path)
        let python = options.python, script = "Sources/lucency-bench/Peers/batch.py"
        try options.compare(
            in: isWritable ? memory : FileManager.default.temporaryDirectory, pipeline: Self.pipeline,
            needs: "scipy, scikit-image, numpy or Pillow"
        ) { _ in
            try MeasuredProcess([python, script, "check"]).exitCode == 0 ? [python, script, "run"] : nil
        }
    }
}
