import Foundation
import Lucency
import Support
import Testing

/// What holds for every world, whatever it draws.
@Suite struct PhantomWorldsTests {
    /// Settings that make each world's pictures small.
    static let small: [String: [String]] = [
        "histology": ["width=64", "height=64"],
        "membranes": ["width=32", "height=32"],
        "organs": ["width=24", "height=20", "spacing=16", "annotators.count=3"],
        "retina": ["size=64", "lesions.microaneurysms=5", "lesions.exudates=5"],
        "shepp-logan": ["size=16", "scan.angles=8", "scan.bins=8"],
        "thorax": ["size=64", "nodules.number=2"],
    ]
    static let names = small.keys.sorted()

    /// A world with its defaults but for some settings, in a file.
    private func withWorld<R>(_ name: String, _ body: (_ open: ([String]) throws -> PhantomFile) throws -> R) throws
        -> R
    {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "\(name).yaml").path
            try "phantom: 1\nuses: \(name)\nwith: {}\n".write(toFile: path, atomically: true, encoding: .utf8)
            return try body { try PhantomFile(path: path, settings: $0.map { try Setting(parsing: $0) }) }
        }
    }

    private func isFinite(_ value: PhantomValue) -> Bool {
        switch value {
        case .image(let image): image.pixels.array.allSatisfy(\.isFinite)
        case .labels: true
        case .probabilities(let map): map.values.array.allSatisfy { 0...1 ~= $0 }
        }
    }

    @Test func `there are settings for each world`() {
        #expect(Self.names == PhantomWorld.components.map(\.id).sorted())
    }

    @Test(arguments: names) func `the record and the pictures do not depend on what is wanted`(name: String) throws {
        try withWorld(name) { open in
            let modalities = name == "organs" ? ["modality=ct", "modality=mr"] : [nil]
            for modality in modalities {
                let phantom = try open(Self.small[name, default: []] + (modality.map { [$0] } ?? [])).world.phantom
                let all = try phantom(seed: 2, index: 1)
                #expect(try phantom(seed: 2, index: 1, []).drawn == all.drawn)
                for product in phantom.products.map(\.name) {
                    let alone = try phantom(seed: 2, index: 1, [product])
                    #expect(alone.drawn == all.drawn, "\(product)")
                    #expect(alone.values[product] == all.values[product], "\(product)")
                }
            }
        }
    }

    @Test(arguments: names) func `an empty group of settings is as good as none`(name: String) throws {
        try withWorld(name) { open in
            let plain = try open([]).canonical
            let groups = try #require(plain["with"]?.objectValue).filter { group in
                // A choice and a list of choices are no groups.
                group.value.objectValue.map { $0["uses"] == nil } ?? false
            }
            #expect(name == "membranes" || !groups.isEmpty)
            for group in groups.keys.sorted() {
                #expect(try open(["\(group)={}"]).canonical == plain, "\(group)")
            }
        }
    }

    @Test(arguments: names) func `the memory that rendering takes is told, and grows with what is wanted`(name: String)
        throws
    {
        try withWorld(name) { open in
            let phantom = try open([]).world.phantom, products = phantom.products.map(\.name)
            let all = phantom.scratchBytes(Set(products)), pixels = try phantom.geometry.size.count
            #expect(all >= 8 * pixels && all < 4000 * pixels)
            for product in products {
                let alone = phantom.scratchBytes([product])
                #expect(alone > 0 && alone <= all, "\(product)")
            }
        }
    }

    // MARK: Limits

    /// The paths of all numbers and ranges in settings; lists of groups are left out.
    private func numbers(_ value: JSONValue, _ path: String = "") -> [String] {
        if let members = value.objectValue {
            return members.keys.sorted().flatMap { key in
                numbers(members[key] ?? .null, path.isEmpty ? key : path + "." + key)
            }
        }
        let isRange = value.arrayValue.map { $0.count == 2 && $0.allSatisfy { $0.doubleValue != nil } } ?? false
        return value.doubleValue != nil || isRange ? [path] : []
    }

    /// The ends of a setting's range, as the message says when it is refused.
    private func limits(_ open: ([String]) throws -> PhantomFile, _ path: String) -> [String] {
        do {
            _ = try open(["\(path)=-1000000000"])
            return []
        } catch {
            let message = "\(error)"
            guard
                let found = message.firstMatch(of: #/must be (?:between (\S+) and (\S+)|at least (\S+)|above (\S+)), /#)
            else { return [] }
            return [found.1, found.2, found.3].compactMap { $0.map(String.init) }
        }
    }

    /// Pictures of the largest size are not rendered.
    private static let extents: Set = ["size", "width", "height", "depth", "scan.angles", "scan.bins"]

    @Test(arguments: names) func `every number at the ends of its range gives finite pictures or is refused`(
        name: String
    ) throws {
        let pool = ThreadPool(threads: 2)
        try withWorld(name) { open in
            let base = Self.small[name, default: []]
            let paths = numbers(try #require(try open(base).canonical["with"]))
            #expect(paths.count >= 6)
            var rendered = 0, refused = 0
            for path in paths {
                let ends = limits(open, path)
                for value in ends + ["-1e300", "1e300"] {
                    do {
                        let phantom = try open(base + ["\(path)=\(value)"]).world.phantom
                        try phantom.check()
                        if Self.extents.contains(path), value != ends.first { continue }
                        for (product, picture) in try phantom(seed: 5, index: 1, pool: pool).values {
                            #expect(isFinite(picture), "\(path) = \(value): \(product)")
                        }
                        rendered += 1
                    } catch {
                        #expect(error is Diagnostic || error is DiagnosticList, "\(path) = \(value): \(error)")
                        refused += 1
                    }
                }
            }
            #expect(2 * rendered > paths.count && refused > 0, "\(rendered) rendered, \(refused) refused")
        }
    }
}
