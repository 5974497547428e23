import LucencyFoundation
import LucencyFourier

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How a convolution is computed, where a choice exists.
package enum ConvolutionMethod: Sendable {
    /// The cheaper one by a count of operations.
    case automatic
    /// Tap by tap, in blocks of channels.
    case direct
    /// By Fourier transforms, where the convolution allows it.
    case fourier
}

/// A convolution with a very large kernel: two spatial dimensions, stride 1, no dilation, zeros beyond the edge.
///
/// Image (behind its padding), kernel and result lie at the origin of one grid, large enough that no part of the result
/// that is wanted wraps around. In the transforms' terms (* conjugates)
///
///     Y[n, k] = Σ over c of W[k, c]* · X[n, c],   dX[n, c] = Σ over k of W[k, c] · dY[n, k],
///     dW[k, c] = Σ over n of dY[n, k]* · X[n, c].
///
/// Errors are relative to the whole image, not to the pixel: about 1e-6 of the largest result.
struct FourierConvolution: Operation {
    private var convolution: Convolution
    private let transform: PlaneTransform

    /// - Throws: `Diagnostic` when no transform of such a size is possible.
    init(_ convolution: Convolution, _ x: Shape, _ y: Shape) throws(Diagnostic) {
        self.convolution = convolution
        let size = Self.grid(convolution.window, x, y)
        transform = try PlaneTransform(height: size[0], width: size[1])
    }

    /// Extents of the grid. Multiples of 4 transform up to twice as fast as the odd lengths a little below.
    private static func grid(_ window: ConvolutionWindow, _ x: Shape, _ y: Shape) -> [Int] {
        (0..<2).map { axis in
            let length = max(x.spatial[axis] + window.padding[axis], window.kernel[axis], y.spatial[axis])
            return length < 4 ? length : 4 * FourierTransform.goodSize(atLeast: (length + 3) / 4)
        }
    }

    var name: String { "fourier-convolution" }
    var backwardReads: BackwardReads { convolution.backwardReads }
    var addsGradients: Bool { true }

    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape] { try convolution.outputShapes(inputs) }

    /// What the direct way would take, so that summaries do not depend on the method.
    func floatingPointOperations(_ inputs: [Shape], _ outputs: [Shape]) -> Int {
        convolution.floatingPointOperations(inputs, outputs)
    }

    func specialised(for reader: any Operation) -> any Operation {
        guard let specialised = convolution.specialised(for: reader) as? Convolution else { return self }
        var copy = self
        copy.convolution = specialised
        return copy
    }

    // MARK: Running

    func memory(_ signature: OperationSignature) -> OperationMemory {
        let sizes = Sizes(signature, convolution), plane = transform.count
        var memory = OperationMemory(
            prepared: sizes.kernels * plane, forwardScratch: sizes.inputPlanes * plane,
            workerScratch: plane + transform.scratchCount)
        if signature.isTraining {
            memory.backwardScratch = (sizes.outputPlanes + max(sizes.kernels, sizes.inputPlanes)) * plane
        }
        return memory
    }

    func prepare(_ context: OperationContext) {
        let sizes = Sizes(context.signature, convolution)
        analyse(context.inputs[1], sizes.kernel, sizes.kernels, into: context.prepared, context)
    }

    func forward(_ context: OperationContext) {
        let sizes = Sizes(context.signature, convolution), plane = transform.count
        analyse(context.inputs[0], sizes.input, sizes.inputPlanes, into: context.scratch, context)
        let kernels = SharedPointer(context.prepared), images = SharedPointer(context.scratch)
        let bias = convolution.hasBias ? SharedPointer(context.inputs[2]) : nil
        synthesise(sizes.outputPlanes, sizes.output, into: context.outputs[0], accumulates: false, context) { index in
            let (n, k) = index.quotientAndRemainder(dividingBy: sizes.outputs)
            let first = k / sizes.outputsPerGroup * sizes.inputsPerGroup
            return Terms(
                count: sizes.inputsPerGroup, conjugates: true,
                left: kernels + k * sizes.inputsPerGroup * plane, leftStep: plane,
                right: images + (n * sizes.inputs + first) * plane, rightStep: plane,
                constant: bias.map { ($0 + k).pointee } ?? 0)
        }
    }

    func backward(_ context: OperationContext) {
        guard let gradient = context.outputGradients[0] else { return }
        let sizes = Sizes(context.signature, convolution), plane = transform.count
        let results = SharedPointer(context.scratch)
        let others = SharedPointer(context.scratch + sizes.outputPlanes * plane)
        if context.inputGradients[0] != nil || context.inputGradients[1] != nil {
            analyse(gradient, sizes.output, sizes.outputPlanes, into: results.pointer, context)
        }
        if let target = context.inputGradients[0] {
            analyse(context.inputs[1], sizes.kernel, sizes.kernels, into: others.pointer, context)
            synthesise(
                sizes.inputPlanes, sizes.input, into: target, accumulates: context.accumulates[0], context
            ) { index in
                let (n, c) = index.quotientAndRemainder(dividingBy: sizes.inputs)
                let (group, position) = c.quotientAndRemainder(dividingBy: sizes.inputsPerGroup)
                let first = group * sizes.outputsPerGroup
                return Terms(
                    count: sizes.outputsPerGroup, conjugates: false,
                    left: others + (first * sizes.inputsPerGroup + position) * plane,
                    leftStep: sizes.inputsPerGroup * plane,
                    right: results + (n * sizes.outputs + first) * plane, rightStep: plane)
            }
        }
        if let target = context.inputGradients[1] {
            analyse(context.inputs[0], sizes.input, sizes.inputPlanes, into: others.pointer, context)
            synthesise(
                sizes.kernels, sizes.kernel, into: target, accumulates: context.accumulates[1], context
            ) { index in
                let (k, position) = index.quotientAndRemainder(dividingBy: sizes.inputsPerGroup)
                let c = k / sizes.outputsPerGroup * sizes.inputsPerGroup + position
                return Terms(
                    count: sizes.images, conjugates: true,
                    left: results + k * plane, leftStep: sizes.outputs * plane,
                    right: others + c * plane, rightStep: sizes.inputs * plane)
            }
        }
        if convolution.hasBias, let target = context.inputGradients[2] {
            biasGradient(gradient, target, sizes, context)
        }
    }

    private func biasGradient(
        _ gradient: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>, _ sizes: Sizes,
        _ context: OperationContext
    ) {
        let accumulates = context.accumulates[2]
        if convolution.biasIsFutile {
            if !accumulates { target.update(repeating: 0, count: sizes.outputs) }
            return
        }
        let gradient = SharedPointer(gradient), target = SharedPointer(target)
        let pixels = sizes.output.height * sizes.output.width
        context.parallel(sizes.outputs) { k in
            var sum = 0.0
            for n in 0..<sizes.images {
                let plane = gradient + (n * sizes.outputs + k) * pixels
                for pixel in 0..<pixels { sum += Double(plane[pixel]) }
            }
            (target + k).pointee = Float(sum) + (accumulates ? (target + k).pointee : 0)
        }
    }

    // MARK: Planes

    /// Calls `body` for every plane with a working plane of its own: planes at the same time, or where there is but one,
    /// its rows and columns.
    private func forEachPlane(
        _ count: Int, _ context: OperationContext,
        _ body: @Sendable (_ index: Int, _ plane: UnsafeMutablePointer<Float>, _ workers: Workers) -> Void
    ) {
        let own = transform.count
        let wide = Workers(context: count > 1 ? nil : context, offset: own)
        context.parallelWithScratch(count) { index, scratch in
            var workers = wide
            workers.scratch = scratch
            body(index, scratch, workers)
        }
    }

    /// The spectra of `count` planes of numbers.
    private func analyse(
        _ source: UnsafePointer<Float>, _ region: Region, _ count: Int, into target: UnsafeMutablePointer<Float>,
        _ context: OperationContext
    ) {
        let source = SharedPointer(source), target = SharedPointer(target), stride = transform.rowStride
        forEachPlane(count, context) { index, _, workers in
            let plane = target + index * transform.count
            let numbers = source + index * region.height * region.width
            for y in 0..<region.height {
                let row = plane + (region.top + y) * stride
                row.update(repeating: 0, count: region.left)
                (row + region.left).update(from: numbers + y * region.width, count: region.width)
                let end = region.left + region.width
                (row + end).update(repeating: 0, count: stride - end)
            }
            transform.forward(plane, rows: region.rows, by: workers)
        }
    }

    /// Planes of numbers from sums of products of spectra.
    private func synthesise(
        _ count: Int, _ region: Region, into target: UnsafeMutablePointer<Float>, accumulates: Bool,
        _ context: OperationContext, _ terms: @Sendable (_ index: Int) -> Terms
    ) {
        let target = SharedPointer(target)
        forEachPlane(count, context) { index, plane, workers in
            let terms = terms(index)
            terms.sum(into: plane, count: transform.count)
            transform.inverse(plane, rows: region.rows, by: workers)
            let numbers = target + index * region.height * region.width
            for y in 0..<region.height {
                let row = plane + (region.top + y) * transform.rowStride + region.left
                let line = numbers + y * region.width
                if accumulates {
                    for x in 0..<region.width { line[x] += row[x] + terms.constant }
                } else {
                    for x in 0..<region.width { line[x] = row[x] + terms.constant }
                }
            }
        }
    }
}

extension FourierConvolution {
    /// The thread that works on a plane, or all threads of the context where there is but one plane.
    private struct Workers: PlaneWorkers, @unchecked Sendable {
        // Sendable by hand: the context's loops are only begun by the one thread that has the only plane.
        let context: OperationContext?
        /// Floats of working memory that are the plane's.
        let offset: Int
        var scratch: UnsafeMutablePointer<Float>?

        func forEach(_ count: Int, _ work: @Sendable (_ index: Int, _ scratch: UnsafeMutablePointer<Float>) -> Void) {
            if let context {
                context.parallelWithScratch(count) { index, scratch in work(index, scratch + offset) }
            } else if let scratch {
                for index in 0..<count { work(index, scratch + offset) }
            }
        }
    }

    /// Where a plane's numbers lie in the grid.
    private struct Region: Sendable {
        var top = 0
        var left = 0
        let height: Int
        let width: Int

        var rows: Range<Int> { top..<top + height }
    }

    private struct Sizes: Sendable {
        let images: Int
        let inputs: Int
        let outputs: Int
        let inputsPerGroup: Int
        let outputsPerGroup: Int
        let input: Region
        let kernel: Region
        let output: Region

        init(_ signature: OperationSignature, _ convolution: Convolution) {
            let x = signature.inputs[0], weights = signature.inputs[1], y = signature.outputs[0]
            images = x.images
            inputs = x.channels
            outputs = y.channels
            inputsPerGroup = inputs / convolution.groups
            outputsPerGroup = outputs / convolution.groups
            let padding = convolution.window.padding
            input = Region(top: padding[0], left: padding[1], height: x[2], width: x[3])
            kernel = Region(height: weights[2], width: weights[3])
            output = Region(height: y[2], width: y[3])
        }

        var inputPlanes: Int { images * inputs }
        var outputPlanes: Int { images * outputs }
        var kernels: Int { outputs * inputsPerGroup }
    }

    /// A sum of products of spectra: left (conjugated or not) · right, each a number of floats apart.
    private struct Terms {
        let count: Int
        let conjugates: Bool
        let left: UnsafeMutablePointer<Float>
        let leftStep: Int
        let right: UnsafeMutablePointer<Float>
        let rightStep: Int
        /// Added to every number afterwards.
        var constant: Float = 0

        /// Pieces of the plane that stay in the first cache while all terms are added, in their order.
        private static let piece = 2048

        /// - Parameter floats: a multiple of 16, as are the steps; all planes are aligned to 64 bytes.
        func sum(into plane: UnsafeMutablePointer<Float>, count floats: Int) {
            for first in stride(from: 0, to: floats, by: Self.piece) {
                let length = min(Self.piece, floats - first)
                (plane + first).update(repeating: 0, count: length)
                let sum = Self.fours(plane + first)
                for term in 0..<count {
                    let a = Self.fours(left + term * leftStep + first), b = Self.fours(right + term * rightStep + first)
                    if conjugates {
                        for i in 0..<length / 8 {
                            let (x, y) = (a[i], b[i])
                            sum[i].evenHalf += x.evenHalf * y.evenHalf + x.oddHalf * y.oddHalf
                            sum[i].oddHalf += x.evenHalf * y.oddHalf - x.oddHalf * y.evenHalf
                        }
                    } else {
                        for i in 0..<length / 8 {
                            let (x, y) = (a[i], b[i])
                            sum[i].evenHalf += x.evenHalf * y.evenHalf - x.oddHalf * y.oddHalf
                            sum[i].oddHalf += x.evenHalf * y.oddHalf + x.oddHalf * y.evenHalf
                        }
                    }
                }
            }
        }

        /// Complex numbers in fours: real parts at even places, imaginary ones at odd.
        private static func fours(_ floats: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<SIMD8<Float>> {
            UnsafeMutableRawPointer(floats).assumingMemoryBound(to: SIMD8<Float>.self)
        }
    }
}

// MARK: The choice

extension FourierConvolution {
    /// Whether a convolution is of the kind that this operation computes.
    static func supports(_ window: ConvolutionWindow) -> Bool {
        window.kernel.count == 2 && window.paddingMode == .zeros && window.stride == [1, 1]
            && window.dilation == [1, 1]
    }

    /// Whether it is clearly cheaper than the direct way, in training and so, all the more, in inference. Costs are counted
    /// in multiply-adds of a dense direct convolution, weighed as measured with AVX-512 on one thread.
    static func pays(_ convolution: Convolution, _ x: Shape, _ y: Shape) -> Bool {
        let window = convolution.window
        // Smaller kernels are left to the direct way, whose errors are relative to the pixel.
        guard supports(window), window.kernel.reduce(1, *) >= 15 * 15 else { return false }
        let size = grid(window, x, y).map(Double.init)
        let images = Double(x.images), inputs = Double(x.channels), outputs = Double(y.channels)
        let perGroup = inputs / Double(convolution.groups)

        // Channels come in blocks of 16, used or not. Taps that never meet the image cost nothing.
        let block = { (channels: Double) in (channels / 16).rounded(.up) * 16 }
        let channels =
            if convolution.groups == 1 {
                inputs * block(outputs)
            } else if perGroup == 1, inputs == outputs {
                1.6 * block(outputs)
            } else {
                perGroup * outputs
            }
        let taps = zip(window.kernel, x.spatial).reduce(1.0) { $0 * Double(min($1.0, $1.1)) }
        let direct = images * Double(y.pixels) * taps * channels

        let planes = images * (inputs + outputs) + outputs * perGroup
        let pixels = size[0] * size[1]
        let fourier = pixels * (15 * log2(pixels) * planes + 64 * images * outputs * perGroup)
        // Spectra take at most 128 MB, or four times what image and result take.
        let room = max(Double(1 << 25), 4 * Double(x.count + y.count))
        // Planning takes memory too, for a line, and that already while recording.
        return fourier < direct && planes * pixels <= room && size.allSatisfy { $0 <= 65536 }
    }
}
