import LucencyFoundation
import LucencyImaging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The shares that classes have in the window around each pixel of a label map.
public struct Neighbourhood: Sendable {
    /// What is made of a window.
    public enum Reading: Hashable, Sendable {
        /// Each class has its pixels' part of all weights.
        case shares
        /// The class with the largest share has all; of equal ones the first.
        case mode
        /// Shares, with each weight times exp(-|difference|), or exp(-difference²), of the intensities there and in the
        /// middle.
        case alike(isSquared: Bool)
    }

    public var kernel: WindowKernel
    public var border: WindowBorder
    public var reading = Reading.shares
    /// Part of the shares in the result; the rest goes to the pixel's own class.
    public var strength: Float = 1

    public init(_ kernel: WindowKernel, border: WindowBorder) {
        self.kernel = kernel
        self.border = border
    }

    /// In padded labels: a pixel that leaves the window, and one that is there and has no class.
    private static let absent: Int32 = -1, classless: Int32 = -2

    /// The shares of each pixel, C × z × y × x.
    ///
    /// Labels of -1 leave the window: the rest counts as if they were not there. At those pixels themselves all shares are 0.
    /// Where a window holds one class only, nothing is summed, which is most of an image.
    /// - Parameters:
    ///   - labels: class numbers below `classes`, and -1.
    ///   - image: z × y × x intensities, which `alike` needs.
    /// - Throws: `Diagnostic` when an image is needed and missing.
    public func callAsFunction(
        _ labels: LabelMap, classes: Int, image: AlignedBuffer<Float>? = nil
    ) throws(Diagnostic) -> AlignedBuffer<Float> {
        let size = labels.size, count = size.count
        var intensities: [Float] = []
        if case .alike = reading {
            guard let image, image.count >= count else {
                throw Diagnostic(.badArgument, "a window that is weighted by the image needs one of the labels' size")
            }
            intensities = padded(image.array, size, outside: 0)
        }
        let padded = padded(labels.labels.array, size, outside: outside)
        return AlignedBuffer<Float>(count: classes * count) { out in
            out.initialize(repeating: 0)
            padded.withUnsafeBufferPointer { padded in
                intensities.withUnsafeBufferPointer { intensities in
                    fill(out, size, classes, padded, intensities)
                }
            }
        }
    }

    private var outside: Int32 {
        switch border {
        case .valid, .replicate: Self.absent
        case .background: 0
        case .zero: Self.classless
        }
    }

    /// Values with a frame as wide as the window's radii.
    private func padded<T>(_ values: [T], _ size: GridSize, outside: T) -> [T] {
        let radii = kernel.radii
        var result: [T] = []
        result.reserveCapacity(
            (size.x + 2 * radii.x) * (size.y + 2 * radii.y) * (size.z + 2 * radii.z))
        for z in -radii.z..<size.z + radii.z {
            for y in -radii.y..<size.y + radii.y {
                let isInside = (0..<size.z).contains(z) && (0..<size.y).contains(y)
                guard border == .replicate || isInside else {
                    result += repeatElement(outside, count: size.x + 2 * radii.x)
                    continue
                }
                let row = (min(max(z, 0), size.z - 1) * size.y + min(max(y, 0), size.y - 1)) * size.x
                let first = border == .replicate ? values[row] : outside
                let last = border == .replicate ? values[row + size.x - 1] : outside
                result += repeatElement(first, count: radii.x)
                result += values[row..<row + size.x]
                result += repeatElement(last, count: radii.x)
            }
        }
        return result
    }

    private func fill(
        _ out: UnsafeMutableBufferPointer<Float>, _ size: GridSize, _ classes: Int,
        _ labels: UnsafeBufferPointer<Int32>, _ intensities: UnsafeBufferPointer<Float>
    ) {
        let radii = kernel.radii, width = size.x + 2 * radii.x, plane = width * (size.y + 2 * radii.y)
        let middle = (radii.z * plane) + radii.y * width + radii.x, count = size.count
        var offsets: [Int] = []
        for z in 0...2 * radii.z {
            for y in 0...2 * radii.y { for x in 0...2 * radii.x { offsets.append(z * plane + y * width + x) } }
        }
        var differs = [Int32](repeating: 0, count: size.x)
        var counts = [Float](repeating: 0, count: classes)
        for z in 0..<size.z {
            for y in 0..<size.y {
                let first = z * plane + y * width, target = (z * size.y + y) * size.x
                // 0 where all labels of the window are those of its middle. No branches, so that several are done at once.
                differs.withUnsafeMutableBufferPointer { differs in
                    differs.update(repeating: 0)
                    for offset in offsets {
                        for x in 0..<size.x {
                            differs[x] |= labels[first &+ offset &+ x] ^ labels[first &+ middle &+ x]
                        }
                    }
                }
                for x in 0..<size.x {
                    let own = labels[first &+ middle &+ x]
                    guard own >= 0 else { continue }
                    if differs[x] == 0 {
                        out[Int(own) &* count &+ target &+ x] = kernel.whole
                    } else {
                        let window = Window(
                            first: first &+ x, middle: middle, offsets: offsets, labels: labels,
                            intensities: intensities)
                        read(window, own: Int(own), into: out, at: target &+ x, stride: count, &counts)
                    }
                }
            }
        }
    }

    /// The window around a pixel, in padded values.
    private struct Window {
        let first: Int
        let middle: Int
        let offsets: [Int]
        let labels: UnsafeBufferPointer<Int32>
        let intensities: UnsafeBufferPointer<Float>
    }

    /// What a window that holds more than its middle's class comes to. `counts` are 0 for all classes, and are so again.
    @inline(__always)
    private func read(
        _ window: Window, own: Int, into out: UnsafeMutableBufferPointer<Float>, at pixel: Int, stride: Int,
        _ counts: inout [Float]
    ) {
        var mass: Float = 0
        for (index, offset) in window.offsets.enumerated() {
            let label = window.labels[window.first &+ offset]
            guard label != Self.absent else { continue }
            let weight = weight(index, offset, window)
            mass += weight
            if label >= 0 { counts[Int(label)] += weight }
        }
        let isMode = reading == .mode
        var best = own
        if isMode {
            // The first of equal classes, whichever comes first in the window.
            for offset in window.offsets {
                let label = Int(window.labels[window.first &+ offset])
                guard label >= 0 else { continue }
                if counts[label] > counts[best] || (counts[label] == counts[best] && label < best) { best = label }
            }
        }
        for offset in window.offsets {
            let label = Int(window.labels[window.first &+ offset])
            guard label >= 0, counts[label] != 0 else { continue }
            let share = isMode ? (label == best ? 1 : 0) : kernel.whole * counts[label] / mass
            out[label &* stride &+ pixel] = strength * share + (label == own ? 1 - strength : 0)
            counts[label] = 0
        }
    }

    @inline(__always)
    private func weight(_ index: Int, _ offset: Int, _ window: Window) -> Float {
        guard case .alike(let isSquared) = reading else { return kernel.weights[index] }
        let difference =
            window.intensities[window.first &+ offset] - window.intensities[window.first &+ window.middle]
        return kernel.weights[index] * exp(isSquared ? -difference * difference : -abs(difference))
    }
}
