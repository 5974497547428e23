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

    /// Floats from image to image where they are adjacent.
    var imageStride: Int { blocks * pixels * Layout.lanes }

    /// Some pixels of one channel block of one image.
    struct Piece {
        let image: Int
        let block: Int
        let pixels: Int
        /// Where it begins in its image, in floats.
        let start: Int

        /// Where it begins in a tensor with `stride` floats from image to image.
        func offset(_ stride: Int) -> Int { image &* stride &+ start }
    }

    func piece(_ index: Int) -> Piece {
        let slab = index / piecesPerBlock, first = index % piecesPerBlock &* Self.pixelsPerPiece
        let block = slab % blocks
        return Piece(
            image: slab / blocks, block: block, pixels: min(Self.pixelsPerPiece, pixels &- first),
            start: (block &* pixels &+ first) &* Layout.lanes)
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
        of tensor: UnsafePointer<Float>, stride: Int, to target: UnsafeMutablePointer<Float>, accumulates: Bool,
        _ context: OperationContext, scratch: UnsafeMutablePointer<Float>
    ) {
        let partials = UnsafeMutableRawPointer(scratch).bindMemory(to: Double.self, capacity: partialCount)
        let family = context.signature.kernels.code
        let source = SharedPointer(tensor)
        let totals = sums(context, partials) { index, sums in
            let piece = piece(index)
            lk_channel_sums(family, source + piece.offset(stride), Int64(piece.pixels), sums)
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
