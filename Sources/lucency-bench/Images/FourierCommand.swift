import ArgumentParser
import Foundation
import Lucency

/// `lucency-bench fourier`: transforms and filters beside scipy.fft.
struct FourierCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fourier", abstract: "Times Fourier transforms and filters beside scipy.fft.",
        discussion: """
            Real transforms of planes and volumes in single precision, sizes with large prime factors among them. Ratios \
            are the peer's time divided by ours, medians of interleaved runs. Run it from the checkout.

            Example: lucency-bench fourier --quick
            """)

    @OptionGroup var options: ImageBenchOptions

    func run() throws {
        try ImageBench(options: options, script: "fourier.py").run { folder in
            var sizes = [GridSize(512, 512), GridSize(1000, 1000), GridSize(1021, 1021), GridSize(2048, 2048)]
            sizes += [GridSize(4096, 4096), GridSize(128, 128, 128)]
            if options.quick { sizes = [GridSize(120, 96), GridSize(61, 61), GridSize(24, 24, 24)] }
            var cases: [ImageCase] = []
            for size in sizes {
                let image = try ImageMaterial.micrograph(size)
                let path = FileSystem.join(folder, "\(size.x)x\(size.y)x\(size.z).tif")
                try TIFFFormat().write(image, to: path, options: WriteOptions(float: true))
                let shown = size.isPlanar ? "\(size.x)×\(size.y)" : "\(size.x)×\(size.y)×\(size.z)"
                let transform = try FourierTransform(size: size)
                func request(_ operation: String) -> JSONValue { ["op": .string(operation), "file": .string(path)] }
                cases.append(
                    ImageCase("forward \(shown)", peers: ["scipy"], request: request("forward"), tolerance: 1e-4) {
                        pool in
                        {
                            let number = try transform.forward(image.pixels, pool: pool)[1, 1]
                            return Double((number * number).sum().squareRoot())
                        }
                    })
                cases.append(
                    ImageCase("inverse \(shown)", peers: ["scipy"], request: request("inverse"), tolerance: 1e-4) {
                        pool in
                        let spectrum = try transform.forward(image.pixels, pool: pool)
                        return { Double(try transform.inverse(spectrum, pool: pool)[size.count / 3]) }
                    })
                guard size.x != size.y || size.x < 4096 else { continue }
                cases.append(
                    ImageCase("low-pass \(shown)", peers: ["scipy"], request: request("lowpass"), tolerance: 1e-3) {
                        pool in
                        { Double(try FrequencyFilter(.lowPass(.pixels(16)))(image, pool: pool).pixels[size.count / 3]) }
                    })
            }
            return cases
        }
    }
}
