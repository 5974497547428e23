import LucencyFoundation
import LucencyKernels

extension KernelFamily {
    /// The family as the C kernels know it.
    var code: lk_family {
        switch self {
        case .portable: LK_PORTABLE
        case .avx2: LK_AVX2
        case .avx512: LK_AVX512
        case .neon: LK_NEON
        }
    }
}

extension Kernels {
    var code: lk_family { family.code }
}

/// Plain memory that tasks of one loop share. They write apart, which the compiler cannot see.
struct SharedPointer<Element>: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Element>

    init(_ pointer: UnsafeMutablePointer<Element>) { self.pointer = pointer }
    init(_ pointer: UnsafePointer<Element>) { self.pointer = UnsafeMutablePointer(mutating: pointer) }

    static func + (left: SharedPointer, offset: Int) -> UnsafeMutablePointer<Element> { left.pointer + offset }
}

/// How a blocked tensor is cut into pieces of one channel block for loops over all of it. The cut follows from the shape
/// alone, so sums that are formed by piece do not depend on the number of threads.
struct BlockedPieces: Sendable {
    static let pixelsPerPiece = 4096

    let images: Int
    let channels: Int
    let pixels: Int

    init(_ shape: Shape) {
        images = shape.images
        channels = shape.channels
        pixels = shape.pixels
    }

    /// Channel blocks of an image.
    var blocks: Int { (channels + Layout.lanes - 1) / Layout.lanes }
    var paddedChannels: Int { blocks * Layout.lanes }
    var piecesPerBlock: Int { (pixels + Self.pixelsPerPiece - 1) / Self.pixelsPerPiece }
    var count: Int { images * blocks * piecesPerBlock }

    /// Piece `index`: its image, its channel block, where it begins in the tensor (floats), and its pixels.
    func piece(_ index: Int) -> (image: Int, block: Int, offset: Int, pixels: Int) {
        let slab = index / piecesPerBlock, part = index % piecesPerBlock
        let first = part &* Self.pixelsPerPiece
        return (
            slab / blocks, slab % blocks, (slab &* pixels &+ first) &* Layout.lanes,
            min(Self.pixelsPerPiece, pixels &- first)
        )
    }

    /// Doubles that `sums` needs: two for each of 16 lanes of every piece, then of every image's block.
    var partialCount: Int { (count + images * blocks) * 2 * Layout.lanes }

    /// Calls `measure` for every piece, which gives 16 first and 16 second sums, and adds the pieces of each image's block
    /// in their order.
    /// - Parameter partials: `partialCount` doubles of working memory.
    /// - Returns: [image][block] of 16 first, then 16 second sums; lies in `partials`.
    func sums(
        _ context: OperationContext, _ partials: UnsafeMutablePointer<Double>,
        _ measure: @Sendable (_ index: Int, _ sums: UnsafeMutablePointer<Double>) -> Void
    ) -> UnsafePointer<Double> {
        let width = 2 * Layout.lanes
        let shared = SharedPointer(partials)
        context.parallel(count) { measure($0, shared + $0 * width) }
        let totals = partials + count * width
        for slab in 0..<images * blocks {
            lk_add_partials(partials + slab * piecesPerBlock * width, Int64(piecesPerBlock), totals + slab * width)
        }
        return UnsafePointer(totals)
    }

    /// Sums over pixels and images of each channel of a tensor: the gradient of a bias.
    func addChannelSums(
        of tensor: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, accumulates: Bool,
        _ context: OperationContext, scratch: UnsafeMutablePointer<Float>
    ) {
        let partials = UnsafeMutableRawPointer(scratch).bindMemory(to: Double.self, capacity: partialCount)
        let family = context.signature.kernels.code
        let source = SharedPointer(tensor)
        let totals = sums(context, partials) { index, sums in
            let piece = piece(index)
            lk_channel_sums(family, source + piece.offset, Int64(piece.pixels), sums)
        }
        for channel in 0..<channels {
            var sum = 0.0
            for image in 0..<images {
                sum += totals[(image * blocks + channel / Layout.lanes) * 2 * Layout.lanes + channel % Layout.lanes]
            }
            target[channel] = Float(sum) + (accumulates ? target[channel] : 0)
        }
    }

    /// Floats of scratch that `addChannelSums` needs.
    var sumScratch: Int { partialCount * 2 }
}
