import Foundation
import LucencyFoundation

/// A deterministic stream of numbers for choosing mutations.
public struct Mutations: RandomNumberGenerator {
    var state: UInt64

    public init(state: UInt64) { self.state = state }

    public mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ state >> 33) &* 0xff51_afd7_ed55_8ccd
    }

    /// A changed copy: bytes and numbers overwritten, pieces left out, repeated, moved or taken from another file, words
    /// put in, the end cut off; one to four such changes.
    /// - Parameters:
    ///   - other: a file from which pieces are taken.
    ///   - words: what means something in the format.
    public mutating func mutant(of original: [UInt8], with other: [UInt8], words: [[UInt8]] = []) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &self)
            let length = min(bytes.count - at, 1 << Int.random(in: 0...7, using: &self))
            switch Int.random(in: 0..<(words.isEmpty ? 8 : 10), using: &self) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 1: bytes[at] = UInt8.random(in: 0...255, using: &self)
            case 2:
                // Numbers at the ends of their ranges, in either order of bytes.
                let value = [0, 1, -1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF, 0x1_0000].randomElement(using: &self) ?? 0
                let width = [1, 2, 4, 8].randomElement(using: &self) ?? 4, isBig = Bool.random(using: &self)
                for index in 0..<min(width, bytes.count - at) {
                    bytes[at + index] = UInt8(truncatingIfNeeded: value >> (8 * (isBig ? width - 1 - index : index)))
                }
            case 3: bytes.removeSubrange(at..<at + length)
            case 4: bytes.insert(contentsOf: bytes[at..<at + length], at: at)
            case 5 where !other.isEmpty:
                let from = Int.random(in: 0..<other.count, using: &self)
                bytes.replaceSubrange(at..<at + length, with: other[from..<min(other.count, from + length)])
            case 6:
                let piece = Array(bytes[at..<at + length])
                bytes.removeSubrange(at..<at + length)
                bytes.insert(contentsOf: piece, at: Int.random(in: 0...bytes.count, using: &self))
            case 7: bytes.removeSubrange(Int.random(in: at..<bytes.count, using: &self)...)
            case 8: bytes.insert(contentsOf: words.randomElement(using: &self) ?? [], at: at)
            default: bytes.replaceSubrange(at..<at + length, with: words.randomElement(using: &self) ?? [])
            }
        }
        return bytes
    }
}

/// A process of its own in which hostile inputs are tried: it ends badly where one crashes, takes more memory than it
/// may, or is refused without a `Diagnostic`.
public struct Ordeal {
    private var valued = 0, refused = 0

    /// - Parameter megabytes: how much more address space than now the process may take.
    public init(megabytes: Int) {
        #if os(Linux)
            // Its shadow of the memory needs more than any limit.
            guard !Sanitizer.isOn else { return }
            let pages = (try? FileSystem.text("/proc/self/statm", limit: 1000))?.split(separator: " ").first
            guard let pages, let count = Int(pages) else { return }
            let bytes = rlim_t(count * Int(sysconf(Int32(_SC_PAGESIZE))) + megabytes << 20)
            var limit = rlimit(rlim_cur: bytes, rlim_max: bytes)
            setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        #endif
    }

    /// Tries an input.
    /// - Parameter name: how to make it again.
    public mutating func attempt(_ name: @autoclosure () -> String, _ body: () throws -> Void) {
        do {
            try body()
            valued += 1
        } catch let error as Diagnostic {
            // The C libraries report what the limit refuses them.
            if error.message.contains("memory") { Self.fail("\(name()) exhausts memory: \(error)") }
            refused += 1
        } catch {
            Self.fail("\(name()) is refused without a diagnostic: \(error)")
        }
    }

    public static func fail(_ message: String) -> Never {
        FileHandle.standardError.write(Data("\(message)\n".utf8))
        exit(3)
    }

    /// Ends the process well, if some inputs gave values and others were refused: else nothing was tried.
    public func end(atLeast count: Int) -> Never {
        if valued + refused < count { Self.fail("only \(valued + refused) attempts of \(count)") }
        if valued == 0 || refused == 0 { Self.fail("\(valued) gave values, \(refused) were refused") }
        exit(0)
    }
}
