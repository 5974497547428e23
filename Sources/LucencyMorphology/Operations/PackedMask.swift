import LucencyFoundation
import LucencyImaging

/// A mask of one bit per pixel, in rows of whole words: 64 pixels at once.
///
/// A ball is a stack of runs along x. Growing by it is therefore: stretch each row by each length of run that occurs, by
/// doubling, and unite the rows that the ball reaches. For small balls that is many times as fast as a distance transform,
/// whose cost does not depend on the radius.
struct PackedMask {
    private let size: GridSize
    private let rowWords: Int
    private var words: AlignedBuffer<UInt64>

    /// The longest run to either side: shifts within a word and its neighbour reach no farther.
    static let longestRun = 63
    /// The most rows a ball may have; with more, the distance transform is faster.
    static let mostRows = 300

    /// Packs a mask.
    init(_ mask: Mask, pool: ThreadPool) {
        size = mask.size
        rowWords = (size.x + 63) / 64
        let width = size.x, rowWords = rowWords, rows = size.y * size.z
        words = AlignedBuffer(count: rows * rowWords) { words in
            mask.bits.withUnsafeBufferPointer { bits in
                nonisolated(unsafe) let words = words, bytes = UnsafeRawBufferPointer(bits)
                pool.forEachChunk(of: rows, size: (1 << 18) / width) { range in
                    for row in range {
                        for word in 0..<rowWords {
                            let first = row &* width &+ word &* 64
                            let count = min(64, width &- word &* 64)
                            var packed: UInt64 = 0
                            var bit = 0
                            while bit &+ 8 <= count {
                                // Eight bytes of 0 or 1 become eight bits: the product gathers them in its highest byte.
                                let eight = bytes.loadUnaligned(fromByteOffset: first &+ bit, as: UInt64.self)
                                    .littleEndian
                                packed |= ((eight &* 0x0102_0408_1020_4080) &>> 56) &<< UInt64(bit)
                                bit &+= 8
                            }
                            while bit < count {
                                packed |= UInt64(bytes[first &+ bit]) &<< UInt64(bit)
                                bit &+= 1
                            }
                            words[row &* rowWords &+ word] = packed
                        }
                    }
                }
            }
        }
    }

    /// One byte per pixel again.
    func unpacked(pool: ThreadPool) -> Mask {
        let width = size.x, rowWords = rowWords, rows = size.y * size.z
        let bits = AlignedBuffer<UInt8>(count: size.count) { bits in
            let bytes = UnsafeMutableRawBufferPointer(bits)
            words.withUnsafeBufferPointer { words in
                nonisolated(unsafe) let words = words, bytes = bytes
                pool.forEachChunk(of: rows, size: (1 << 18) / width) { range in
                    for row in range {
                        for word in 0..<rowWords {
                            let packed = words[row &* rowWords &+ word]
                            let first = row &* width &+ word &* 64
                            let count = min(64, width &- word &* 64)
                            var bit = 0
                            while bit &+ 8 <= count {
                                // Each byte of the product keeps one bit, and any bit becomes 1.
                                let spread = ((packed &>> UInt64(bit)) & 0xFF) &* 0x0101_0101_0101_0101
                                let kept = spread & 0x8040_2010_0804_0201
                                let ones = ((kept &+ 0x7F7F_7F7F_7F7F_7F7F) &>> 7) & 0x0101_0101_0101_0101
                                bytes.storeBytes(of: ones.littleEndian, toByteOffset: first &+ bit, as: UInt64.self)
                                bit &+= 8
                            }
                            while bit < count {
                                bytes[first &+ bit] = UInt8(truncatingIfNeeded: packed &>> UInt64(bit)) & 1
                                bit &+= 1
                            }
                        }
                    }
                }
            }
        }
        return Mask(size: size, bits: bits)
    }

    /// A row of a ball: where it lies, and how far its run reaches to either side.
    struct Run: Sendable {
        let y: Int
        let z: Int
        let reach: Int
    }

    /// The rows of a ball; nil where they are too many or too long.
    static func runs(of ball: StructuringElement.Resolved, within limit: Double) -> [Run]? {
        guard ball.reach.x <= longestRun, (2 * ball.reach.y + 1) * (2 * ball.reach.z + 1) <= 2 * mostRows else {
            return nil
        }
        var runs: [Run] = []
        for z in -ball.reach.z...ball.reach.z {
            for y in -ball.reach.y...ball.reach.y {
                // The sums and products of the distance transform, in its order.
                func squared(_ x: Int) -> Double {
                    func square(_ steps: Int, _ spacing: Double) -> Double {
                        let distance = Double(abs(steps)) * spacing
                        return distance * distance
                    }
                    return square(x, ball.spacing.x) + square(y, ball.spacing.y) + square(z, ball.spacing.z)
                }
                guard squared(0) <= limit else { continue }
                var reach = 0
                while reach < ball.reach.x, squared(reach + 1) <= limit { reach += 1 }
                runs.append(Run(y: y, z: z, reach: reach))
            }
        }
        return runs.count <= mostRows ? runs : nil
    }

    /// All pixels from which a run reaches a set one.
    func dilated(by runs: [Run], pool: ThreadPool) -> PackedMask {
        let reaches = Set(runs.map(\.reach)).sorted()
        let stretched = reaches.map { self.stretched(by: $0, pool: pool) }
        let size = size, rowWords = rowWords
        // Nearest rows first is not needed: all are united.
        let order = runs.map { run in (y: run.y, z: run.z, source: reaches.firstIndex(of: run.reach) ?? 0) }
        var result = self
        result.words.withUnsafeMutableBufferPointer { out in
            nonisolated(unsafe) let out = out
            pool.forEachChunk(of: size.y * size.z, size: (1 << 12) / rowWords) { range in
                for row in range {
                    let y = row % size.y, z = row / size.y
                    let target = row &* rowWords
                    for word in 0..<rowWords { out[target &+ word] = 0 }
                    for run in order where z + run.z >= 0 && z + run.z < size.z && y + run.y >= 0 && y + run.y < size.y
                    {
                        let source = ((z &+ run.z) &* size.y &+ y &+ run.y) &* rowWords
                        stretched[run.source].withUnsafeBufferPointer { words in
                            for word in 0..<rowWords { out[target &+ word] |= words[source &+ word] }
                        }
                    }
                }
            }
        }
        return result
    }

    /// Each row with every pixel set that has a set one at most `reach` steps away.
    private func stretched(by reach: Int, pool: ThreadPool) -> AlignedBuffer<UInt64> {
        guard reach > 0 else { return words }
        let rowWords = rowWords, rows = size.y * size.z
        return AlignedBuffer(count: words.count) { out in
            words.withUnsafeBufferPointer { words in
                nonisolated(unsafe) let words = words, out = out
                pool.forEachChunk(of: rows, size: (1 << 12) / rowWords) { range in
                    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: rowWords) { back in
                        for row in range {
                            let first = row &* rowWords
                            for word in 0..<rowWords {
                                out[first &+ word] = words[first &+ word]
                                back[word] = words[first &+ word]
                            }
                            // A run of n pixels becomes one of 2n by one shift; towards higher x, then towards lower.
                            var covered = 1
                            while covered <= reach {
                                let shift = UInt64(min(covered, reach + 1 - covered))
                                var word = rowWords - 1
                                while word > 0 {
                                    out[first &+ word] |=
                                        out[first &+ word] &<< shift | out[first &+ word &- 1] &>> (64 &- shift)
                                    word &-= 1
                                }
                                out[first] |= out[first] &<< shift
                                for word in 0..<rowWords - 1 {
                                    back[word] |= back[word] &>> shift | back[word &+ 1] &<< (64 &- shift)
                                }
                                back[rowWords &- 1] |= back[rowWords &- 1] &>> shift
                                covered += Int(shift)
                            }
                            for word in 0..<rowWords { out[first &+ word] |= back[word] }
                        }
                    }
                }
            }
        }
    }
}
