import Foundation
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

/// Thousands of damaged files, the same in every run: each gives a value or a diagnostic that names the file, and never
/// takes more memory than its limits allow.
@Suite struct MutationTests {
    @Test func `a thousand damaged PNGs are read or refused`() async {
        await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            Self.tryMutants(of: "png", ending: ["png"], PNGFormat(), count: 1000, repair: repairedPNG)
        }
    }

    @Test func `a thousand damaged TIFFs are read or refused`() async {
        await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            Self.tryMutants(of: "tiff", ending: ["tif", "tiff"], TIFFFormat(), count: 1000)
        }
    }

    @Test func `five hundred damaged JPEGs are read or refused`() async {
        await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            Self.tryMutants(of: "jpeg", ending: ["jpg"], JPEGFormat(), count: 500)
        }
    }

    /// - Parameter repair: puts right what would have every mutant refused at its first check; done to every other one.
    private static func tryMutants(
        of folder: String, ending endings: [String], _ format: some ImageFormat, count: Int,
        repair: ([UInt8]) -> [UInt8] = { $0 }
    ) -> Never {
        var ordeal = Ordeal(megabytes: 192)
        let limits = ReadLimits(bytes: 1 << 22, pages: 64)
        let victims = (try? FileSystem.names(in: fixture(folder)))?.filter {
            endings.contains(FileSystem.fileExtension(of: $0))
        }.compactMap { name in (try? FileSystem.bytes(fixture("\(folder)/\(name)"), limit: 1 << 20)).map { (name, $0) }
        }
        guard let victims, victims.count > 5 else { Ordeal.fail("the fixtures of \(folder) are not there") }
        var random = Mutations(state: 1)
        try? withTemporaryFolder { scratch in
            let path = scratch.appending(path: "mutant").path
            for index in 0..<count {
                let (name, original) = victims[index % victims.count]
                var mutant = random.mutant(of: original, with: victims[(index * 7 + 1) % victims.count].1)
                if index % 2 == 1 { mutant = repair(mutant) }
                do { try FileSystem.write(mutant, to: path) } catch { Ordeal.fail("\(error)") }
                func attempt(_ what: String, _ body: () throws -> Void) {
                    ordeal.attempt("\(what) of mutant \(index), of \(name),") {
                        do { try body() } catch let error as Diagnostic {
                            if error.place?.file != path {
                                Ordeal.fail("mutant \(index) of \(name): no place: \(error)")
                            }
                            throw error
                        }
                    }
                }
                attempt("header") { _ = try format.header(of: path, pages: .automatic, limits: limits) }
                attempt("image") { _ = try format.readImage(path, pages: .automatic, region: nil, limits: limits) }
                attempt("labels") { _ = try format.readLabels(path, pages: .page(1), limits: limits) }
                attempt("facts") { _ = try format.storedFacts(of: path, page: 1, limits: limits) }
            }
        }
        ordeal.end(atLeast: 4 * count)
    }
}

/// A PNG whose chunks have the check sums they should have; without them nothing behind the first change is looked at.
private func repairedPNG(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes, position = 8
    while position + 12 <= bytes.count {
        let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
        let end = position + 8 + length
        guard end + 4 <= bytes.count else { break }
        var sum = UInt32.max
        for byte in bytes[position + 4..<end] {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        for index in 0..<4 { bytes[end + index] = UInt8(truncatingIfNeeded: ~sum >> UInt32(24 - 8 * index)) }
        position = end + 4
    }
    return bytes
}
