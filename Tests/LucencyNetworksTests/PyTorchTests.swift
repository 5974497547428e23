import Foundation
import LucencyFoundation
import LucencyNetworks
import Support
import Testing

@Suite("PyTorch checkpoints")
struct PyTorchTests {
    static func path(_ name: String) -> String { TestFiles.fixture("LucencyNetworksTests", name).path }

    func expectEqual(_ weights: Weights, _ key: String) throws {
        let expected = try #require(
            try TestFiles.json(URL(filePath: Self.path("expected.json")))[key]?.objectValue)
        #expect(Set(weights.tensors.map(\.name)) == Set(expected.keys))
        for tensor in weights.tensors {
            let value = try #require(expected[tensor.name])
            #expect(tensor.shape == value.tensorShape, "\(tensor.name)")
            #expect(try tensor.floats().array == value.tensorData.map { Float($0) }, "\(tensor.name)")
        }
    }

    @Test("Every type of number reads as PyTorch wrote it") func types() throws {
        let weights = try Weights(path: Self.path("types.pt"))
        #expect(weights.format == .pyTorch)
        try expectEqual(weights, "types")
        for tensor in weights.tensors { #expect(tensor.elementType.rawValue == tensor.name) }
    }

    @Test(
        "Views are gathered: transposed, cut, every second, channels last, expanded",
        arguments: ["views", "views-legacy"])
    func views(_ name: String) throws {
        let weights = try Weights(path: Self.path(name + ".pt"))
        #expect(weights.format == (name == "views" ? .pyTorch : .pyTorchLegacy))
        try expectEqual(weights, "views")
    }

    @Test("A checkpoint's network is taken, its optimiser left out, its epoch kept", arguments: 2...4)
    func training(_ version: Int) throws {
        let weights = try Weights(path: Self.path("checkpoint-\(version).pt"))
        try expectEqual(weights, "checkpoint")
        #expect(weights.tensors.first?.name == "0.weight" && weights["1.num_batches_tracked"]?.elementType == .int64)
        #expect(weights.metadata == ["epoch": "3", "arch": "tiny", "best": "0.5", "done": "false"])
        #expect(weights.notes.count == 2 && weights.notes.allSatisfy { $0.severity == .note })
        #expect(weights.notes.contains { $0.message.contains("'optimizer'") })
        let moments = try Weights(path: Self.path("checkpoint-\(version).pt"), key: "optimizer.state.0")
        #expect(moments.tensors.map(\.name) == ["step", "exp_avg", "exp_avg_sq"])
        let error = #expect(throws: Diagnostic.self) {
            try Weights(path: Self.path("checkpoint-\(version).pt"), key: "ema")
        }
        #expect(error?.remedy?.contains("state_dict") == true)
    }

    @Test("Nested dictionaries get dotted names; parameters are tensors") func nested() throws {
        #expect(try Weights(path: Self.path("nested.pt")).tensors.map(\.name) == ["encoder.w", "decoder.w"])
        #expect(try Weights(path: Self.path("parameter.pt"))["weight"]?.floats().array == [-3, -2.5, -2, -1.5])
    }

    @Test("Modules, sparse tensors and TorchScript are refused by name") func refused() {
        func error(_ name: String) -> Diagnostic? {
            #expect(throws: Diagnostic.self) { try Weights(path: Self.path(name)) }
        }
        let module = error("whole-module.pt")
        #expect(module?.code == .unsafeContent && module?.message.contains("torch.nn.modules.linear.Linear") == true)
        #expect(error("sparse.pt")?.message.contains("_rebuild_sparse_tensor") == true)
        #expect(error("script.pt")?.message.contains("TorchScript") == true)
    }

    // MARK: Hostile files

    static let small = checkpoint(
        Pickle.whole(Pickle.dictionary([("w", Pickle.tensor(shape: [2, 3], strides: [3, 1]))])))

    @Test("A file cut anywhere is refused") func truncations() throws {
        #expect(refusal(Self.small) == nil)
        for length in 0..<Self.small.count { #expect(refusal(Array(Self.small.prefix(length))) != nil, "\(length)") }
        let legacy = try Array(Data(contentsOf: URL(filePath: Self.path("views-legacy.pt"))))
        for length in 0..<legacy.count { #expect(refusal(Array(legacy.prefix(length))) != nil, "\(length)") }
    }

    @Test("Flipped bits give tensors or a diagnostic, never a trap") func flips() throws {
        let legacy = try Array(Data(contentsOf: URL(filePath: Self.path("views-legacy.pt"))))
        let views = try Array(Data(contentsOf: URL(filePath: Self.path("views.pt"))))
        for original in [Self.small, legacy, views] {
            for index in original.indices {
                for bit in 0..<8 {
                    var bytes = original
                    bytes[index] ^= 1 << bit
                    _ = refusal(bytes)
                }
            }
        }
    }

    /// Pickles that ask for code, by the name they ask for.
    static let askingForCode: [(name: String, pickle: [UInt8])] = {
        let call: [UInt8] = Pickle.global("os", "system") + Pickle.tuple([Pickle.text("true")]) + [UInt8(ascii: "R")]
        let stacked: [UInt8] = Pickle.text("builtins") + Pickle.text("eval") + [0x93]
        return [
            ("os.system", call), ("builtins.eval", stacked), ("os.system", Array("(ios\nsystem\n".utf8)),
            ("posix.system", Pickle.global("posix", "system")), ("torch.load", Pickle.global("torch", "load")),
            ("torch._utils.other", Pickle.global("torch._utils", "other")),
            ("collections.OrderedDict.x", Pickle.global("collections", "OrderedDict.x")),
        ]
    }()

    @Test("Code is refused by the name it asks for, whichever way it asks", arguments: askingForCode.indices)
    func code(_ index: Int) {
        let (name, pickle) = Self.askingForCode[index]
        let error = refusal(checkpoint(Pickle.whole(pickle)))
        #expect(error?.code == .unsafeContent)
        #expect(error?.message == "the file asks for '\(name)': refused; only plain tensors are read")
    }

    @Test("Views beyond their storage, negative and overflowing ones are refused")
    func wrongViews() {
        func of(_ tensor: [UInt8]) -> Diagnostic? {
            refusal(checkpoint(Pickle.whole(Pickle.dictionary([("w", tensor)]))))
        }
        #expect(of(Pickle.tensor(shape: [6], strides: [1])) == nil)
        #expect(of(Pickle.tensor(shape: [3], strides: [2], start: 1)) == nil)
        for (shape, strides, start) in [
            ([7], [1], 0), ([6], [1], 1), ([3], [3], 0), ([1], [1], -1), ([1], [1], Int.max), ([-1], [1], 0),
            ([2], [-1], 1), ([2], [Int.max], 0), ([Int.max], [0], 0), ([1 << 31, 1 << 31, 4], [0, 0, 0], 0),
            ([3], [1 << 61], 0), ([2, 2], [1], 0), ([2], [1, 1], 0),
            (Array(repeating: 1, count: 65), Array(repeating: 1, count: 65), 0),
        ] as [([Int], [Int], Int)] {
            #expect(
                of(Pickle.tensor(shape: shape, strides: strides, start: start)) != nil, "\(shape) \(strides) \(start)")
        }
        #expect(of(Pickle.tensor(shape: [6], strides: [1], numbers: 7)) != nil)
        #expect(of(Pickle.tensor(shape: [6], strides: [1], numbers: -1)) != nil)
        #expect(of(Pickle.tensor(shape: [6], strides: [1], numbers: .max)) != nil)
        #expect(of(Pickle.tensor(shape: [6], strides: [1], storage: "DoubleStorage")) != nil)
        #expect(of(Pickle.tensor(shape: [6], strides: [1], key: "1"))?.message.contains("'1'") == true)
        // An expanded view of one number must not become a tensor of gigabytes.
        #expect(of(Pickle.tensor(shape: [1 << 30], strides: [0]))?.code == .tooLarge)
    }

    @Test("Values that contain themselves, nest deeply or multiply end in time", .timeLimit(.minutes(10)))
    func bombs() {
        func of(_ pickle: [UInt8]) -> Diagnostic? { refusal(checkpoint([0x80, 4] + pickle + [UInt8(ascii: ".")])) }
        // A list and a dictionary within themselves.
        #expect(of(Array("]q\u{0}h\u{0}a".utf8)) != nil)
        #expect(of(Array("}q\u{0}".utf8) + Pickle.text("state_dict") + Array("h\u{0}s".utf8)) != nil)
        // Nesting of 100 000 lists and tuples.
        #expect(
            of(Array(repeating: UInt8(ascii: "]"), count: 100_000) + Array(repeating: UInt8(ascii: "a"), count: 99_999))
                != nil)
        #expect(of([UInt8(ascii: ")")] + [UInt8](repeating: 0x85, count: 100_000)) != nil)
        #expect(of(Array(repeating: UInt8(ascii: "("), count: 2_000_000))?.code == .tooLarge)
        #expect(of(Array(repeating: UInt8(ascii: "N"), count: 2_000_000))?.code == .tooLarge)
        // A million laughs: each dictionary mentions the one before ten times.
        var laughs = Array("}".utf8) + [0x94]
        for level in 0..<30 {
            laughs += Array("}(".utf8)
            for item in 0..<10 { laughs += Pickle.text("\(item)") + [UInt8(ascii: "h"), UInt8(level)] }
            laughs += Array("u".utf8) + [0x94]
        }
        #expect(of(laughs + [UInt8](repeating: UInt8(ascii: "0"), count: 0)) != nil)
        // One long list copied again and again.
        var copies = Array("](".utf8) + [UInt8](repeating: 0x29, count: 200_000) + Array("e".utf8) + [0x94]
        for _ in 0..<100_000 {
            copies +=
                Pickle.global("torch", "Size") + [UInt8(ascii: "h"), 0, 0x85, UInt8(ascii: "R"), UInt8(ascii: "0")]
        }
        #expect(of(copies)?.code == .tooLarge)
        // Memo numbers cost nothing, and are not there before they are stored.
        #expect(of(Array("Nr".utf8) + little(UInt32.max) + Array("0j".utf8) + little(UInt32.max)) != nil)
        #expect(of(Array("j".utf8) + little(UInt32.max))?.code == .damagedFile)
        #expect(of([0x8D] + little(UInt64.max))?.code == .damagedFile)
        #expect(of([0x8B] + little(UInt32.max))?.code == .damagedFile)
        #expect(of(Array("0".utf8)) != nil && of(Array("R".utf8)) != nil && of(Array("(0u".utf8)) != nil)
        // Many entries that mention one large dictionary.
        var wide = Array("}(".utf8)
        for item in 0..<2000 { wide += Pickle.text("\(item)") + Array("N".utf8) }
        wide += Array("u".utf8) + [0x94] + Array("0}(".utf8)
        for item in 0..<50_000 { wide += Pickle.text("\(item)") + [UInt8(ascii: "h"), 0] }
        #expect(of(wide + Array("u".utf8)) != nil)
    }

    @Test("Zip files that lie are refused") func zips() {
        let pickle = Pickle.whole(Pickle.dictionary([("w", Pickle.tensor(shape: [6], strides: [1]))]))
        func of(entries: UInt16? = nil, _ change: (inout ZipBuilder) -> Void) -> Diagnostic? {
            var zip = ZipBuilder()
            zip.add("a/data.pkl", pickle)
            change(&zip)
            return refusal(zip.finished(entries: entries))
        }
        let data = [UInt8](repeating: 0, count: 24)
        #expect(of { $0.add("a/data/0", data) } == nil)
        let start = UInt64(30 + "a/data.pkl".utf8.count + pickle.count)
        #expect(of { $0.add("a/data/0", data, wide: [24, 24, start]) } == nil)
        // zip64 that lies, or is not there
        for wide in [
            [24, 24, UInt64.max], [.max, .max, start], [1 << 62, 1 << 62, 1 << 62], [24, 24], [], [24, 25, start],
        ] as [[UInt64]] {
            #expect(of { $0.add("a/data/0", data, wide: wide) } != nil, "\(wide)")
        }
        #expect(of { $0.add("a/data/0", data, size: 25) } != nil)
        #expect(of { $0.add("a/data/0", data, size: .max - 1) } != nil)
        #expect(of { $0.add("a/data/0", data, place: 7) } != nil)
        #expect(of { $0.add("a/data/0", data, flags: 1) }?.message.contains("encrypted") == true)
        #expect(of { $0.add("a/data/0", data, method: 8) }?.message.contains("compressed") == true)
        #expect(of { $0.add("a/../data/0", data) }?.code == .escapingPath)
        #expect(of { $0.add("/data/0", data) }?.code == .escapingPath)
        #expect(of { $0.add("a\\data\\0", data) }?.code == .escapingPath)
        #expect(
            of {
                $0.add("a/data/0", data); $0.add("a/data/0", data)
            }?.message.contains("two entries") == true)
        #expect(of(entries: 9) { $0.add("a/data/0", data) } != nil)
        #expect(of(entries: 0xFFFF) { $0.add("a/data/0", data) } != nil)
        #expect(of { $0.add("b/data.pkl", pickle) } != nil)
        #expect(of { _ in }?.message.contains("'0'") == true)
        // Two names for the same bytes.
        var zip = ZipBuilder()
        zip.add("a/data.pkl", pickle)
        let inner = UInt32(zip.bytes.count)
        zip.add("a/data/0", data)
        zip.add("a/data/1", data, place: inner)
        #expect(refusal(zip.finished()) != nil)
        #expect(refusal([0x50, 0x4B, 3, 4])?.code == .damagedFile)
    }
}
