import Foundation
import LucencyFoundation
import LucencyNetworks
import Support
import Testing

@Suite("Safetensors")
struct SafetensorsTests {
    @Test(
        "The shared golden files open, and their numbers are finite",
        .enabled(if: TestFiles.shared != nil, "the shared golden files are not here"))
    func golden() throws {
        let shared = try #require(TestFiles.shared)
        var count = 0
        for case let file as URL in try #require(
            FileManager.default.enumerator(at: shared, includingPropertiesForKeys: nil))
        where file.pathExtension == "safetensors" {
            let weights = try Weights(path: file.path)
            #expect(weights.format == .safetensors && !weights.tensors.isEmpty)
            for tensor in weights.tensors {
                #expect(try tensor.floats().count == tensor.count, "\(file) \(tensor.name)")
            }
            count += 1
        }
        #expect(count >= 20)
    }

    @Test("What is written reads back: every type, order, metadata, empty and single tensors; the header is aligned")
    func roundTrip() throws {
        var generator = SystemRandomNumberGenerator()
        var tensors = try ElementType.allCases.map { type in
            try StoredTensor(
                name: "a \"quoted\" \(type.rawValue) é", elementType: type, shape: [2, 3, 5],
                bytes: (0..<30 * type.byteCount).map { _ in
                    type == .bool ? UInt8.random(in: 0...1, using: &generator) : .random(in: 0...255, using: &generator)
                })
        }
        tensors.append(try StoredTensor(name: "single", shape: [], floats: AlignedBuffer([1.5])))
        tensors.append(try StoredTensor(name: "none", shape: [4, 0], floats: AlignedBuffer<Float>([])))
        tensors.reverse()
        let weights = try Weights(tensors, metadata: ["b": "line\n\u{1}", "a": ""])
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "w.safetensors").path
            try Safetensors.write(weights, to: path)
            let first = try Data(contentsOf: URL(filePath: path))
            #expect(first[0] % 8 == 0)
            let read = try Weights(path: path)
            #expect(read.metadata == weights.metadata)
            // Tensors without numbers share their place with a neighbour, which may stand first.
            #expect(Set(read.tensors.map(\.name)) == Set(tensors.map(\.name)))
            #expect(read.tensors.filter { $0.count > 0 }.map(\.name) == tensors.filter { $0.count > 0 }.map(\.name))
            for tensor in tensors {
                let back = try #require(read[tensor.name])
                #expect(back.shape == tensor.shape && back.elementType == tensor.elementType)
                #expect(try back.bytes() == tensor.bytes())
            }
            try Safetensors.write(weights, to: path)
            #expect(try Data(contentsOf: URL(filePath: path)) == first)
            #expect(try FileSystem.names(in: folder.path) == ["w.safetensors"])
        }
    }

    @Test("Numbers of each type become float32 as IEEE 754 says")
    func conversion() throws {
        func floats(_ type: ElementType, _ bytes: [UInt8]) throws -> [Float] {
            let tensor = try StoredTensor(
                name: "t", elementType: type, shape: [bytes.count / type.byteCount], bytes: bytes)
            return try tensor.floats(allowingNonFinite: true).array
        }
        // Every half, against the conversion by definition.
        let halves = try floats(.float16, (0...UInt16.max).flatMap { little($0) })
        for (bits, value) in halves.enumerated() {
            let exponent = bits >> 10 & 31, fraction = Double(bits & 1023), sign: Double = bits >> 15 == 0 ? 1 : -1
            let expected: Double =
                exponent == 31
                ? (fraction == 0 ? sign * .infinity : .nan)
                : sign * (exponent == 0 ? fraction * 0x1p-24 : (1 + fraction / 1024) * pow(2, Double(exponent - 15)))
            #expect(Double(value) == expected || value.isNaN && expected.isNaN)
            if !value.isNaN { #expect(value.sign == (sign > 0 ? .plus : .minus)) }
        }
        #expect(try floats(.bfloat16, little(UInt16(0x3FC0)) + little(UInt16(0xC040))) == [1.5, -3])
        #expect(try floats(.float64, little((1.0 + 0x1p-30).bitPattern) + little((-2.5).bitPattern)) == [1, -2.5])
        #expect(try floats(.int64, little(Int64(16_777_217)) + little(Int64.min)) == [16_777_216, -0x1p63])
        #expect(try floats(.int32, little(Int32(-7))) == [-7] && floats(.int16, little(Int16(-300))) == [-300])
        #expect(try floats(.int8, [0x80, 0x7F]) == [-128, 127] && floats(.uint8, [255]) == [255])
        #expect(try floats(.bool, [0, 1, 7]) == [0, 1, 1])
    }

    @Test("NaN, infinity and numbers beyond float32 are refused by the tensor's name, unless asked for")
    func nonFinite() throws {
        for (type, bytes) in [
            (ElementType.float32, little(Float.nan.bitPattern)), (.float16, little(UInt16(0x7C00))),
            (.bfloat16, little(UInt16(0xFF80))), (.float64, little(1e300.bitPattern)),
        ] {
            let tensor = try StoredTensor(name: "odd", elementType: type, shape: [1], bytes: bytes)
            let error = #expect(throws: Diagnostic.self) { try tensor.floats() }
            #expect(error?.code == .notFinite && error?.message.contains("'odd'") == true)
            #expect(try tensor.floats(allowingNonFinite: true).count == 1)
        }
    }

    // Anything quadratic would take far longer than the limit.
    @Test("A header of a hundred thousand tensors opens", .timeLimit(.minutes(10)))
    func manyTensors() throws {
        var header = "{"
        for index in 0..<100_000 {
            header +=
                "\"layers.\(index).weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[\(index * 4),\(index * 4 + 4)]},"
        }
        header.removeLast()
        let bytes = safetensors(header + "}", data: [UInt8](repeating: 0, count: 400_000))
        #expect(try Weights(bytes: bytes).tensors.count == 100_000)
    }

    // MARK: Hostile files

    static let small = safetensors(
        #"{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}"#,
        data: Array(0..<11))

    @Test("A file cut anywhere is refused") func truncations() {
        #expect(refusal(Self.small) == nil)
        for length in 0..<Self.small.count { #expect(refusal(Array(Self.small.prefix(length))) != nil, "\(length)") }
        #expect(refusal(Self.small + [0])?.code == .damagedFile)
    }

    @Test("Flipped bits give tensors or a diagnostic, never a trap") func flips() {
        for index in Self.small.indices {
            for bit in 0..<8 {
                var bytes = Self.small
                bytes[index] ^= 1 << bit
                _ = refusal(bytes)
            }
        }
    }

    @Test(
        "Wrong headers are refused",
        arguments: [
            // overlap, hole, hole before the first, beyond the end, backwards
            #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}"#,
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}"#,
            // not all bytes used, size and shape differ
            #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#,
            #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
            // shapes that overflow, also behind a zero in disguise
            #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[-2,-2],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[-4,0]}}"#,
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,18446744073709551616]}}"#,
            #"{"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"U8","shape":4,"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}"#,
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"more":1}}"#,
            #"{"a":{"dtype":"X9","shape":[4],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":8,"shape":[4],"data_offsets":[0,4]}}"#,
            #"{"a":[]}"#, #"{"a":{}}"#, "{", "[]", "null", "", " {}", "{}x",
            // two of a name
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
            #"{"__metadata__":{"k":1},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
            #"{"__metadata__":[],"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
        ])
    func wrongHeader(_ header: String) {
        let error = refusal(safetensors(header, data: [0, 0, 0, 0]))
        #expect(error?.code == .damagedFile, "\(header)")
    }

    @Test("Lengths that lie, deep nesting, other types and bytes that are no text are refused")
    func lies() {
        for length in [UInt64(100), 1 << 31, 1 << 63, .max] {
            #expect(refusal(little(length) + Array("{}".utf8))?.code == .damagedFile)
        }
        let deep = String(repeating: "[", count: 100_000)
        #expect(refusal(safetensors("{\"a\":" + deep))?.code == .damagedFile)
        #expect(refusal(little(UInt64(4)) + [0x7B, 0x22, 0xFF, 0x22])?.code == .damagedFile)
        let other = refusal(safetensors(#"{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}"#, data: [0]))
        #expect(other?.code == .unsupportedFeature && other?.message.contains("F8_E4M3") == true)
        let axes = Array(repeating: "1", count: 65).joined(separator: ",")
        #expect(
            refusal(safetensors("{\"a\":{\"dtype\":\"U8\",\"shape\":[\(axes)],\"data_offsets\":[0,1]}}", data: [0]))
                != nil)
        #expect(refusal(Array("a text, no tensors".utf8))?.code == .damagedFile)
    }

    @Test("A file that becomes shorter while it is open is a diagnostic") func shortened() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "w.safetensors").path
            try Data(Self.small).write(to: URL(filePath: path))
            let weights = try Weights(path: path)
            let file = try FileHandle(forWritingTo: URL(filePath: path))
            try file.truncate(atOffset: UInt64(Self.small.count - 6))
            #expect(throws: Diagnostic.self) { try weights.tensors[1].bytes() }
            #expect(throws: Diagnostic.self) { try Weights(path: folder.path) }
            let missing = #expect(throws: Diagnostic.self) { try Weights(path: path + "x") }
            #expect(missing?.code == .missingFile)
        }
    }

    @Test("A sparse file larger than memory is refused before anything is allocated") func sparse() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "w.safetensors").path
            let bytes = 1 << 42
            try Data(safetensors("{\"a\":{\"dtype\":\"F32\",\"shape\":[\(bytes / 4)],\"data_offsets\":[0,\(bytes)]}}"))
                .write(to: URL(filePath: path))
            let file = try FileHandle(forWritingTo: URL(filePath: path))
            // Not every file system takes files of that size.
            guard (try? file.truncate(atOffset: file.seekToEnd() + UInt64(bytes))) != nil else { return }
            let weights = try Weights(path: path)
            let error = #expect(throws: Diagnostic.self) { try weights.tensors[0].floats() }
            #expect(error?.code == .tooLarge)
        }
    }
}
