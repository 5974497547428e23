import Foundation
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct NumPyTests {
    private func path(_ name: String) -> String { fixture("numpy/\(name)") }

    @Test func `arrays hold the numbers that NumPy wrote, in any type, byte order and axis order`() throws {
        let expected = try #require(
            try TestFiles.json(TestFiles.fixture("LucencyFormatsTests", "numpy/expected.json")).objectValue)
        #expect(expected.count >= 25)
        for (name, entry) in expected {
            let parts = name.split(separator: ":").map(String.init)
            let array = try NumPyFile(path(parts[0])).array(parts.count > 1 ? parts[1] : "")
            #expect(array.shape == entry.tensorShape, "\(name)")
            #expect(array.type.description == entry["dtype"]?.stringValue, "\(name)")
            let values = entry["values"]?.arrayValue?.compactMap(\.doubleValue) ?? []
            #expect(array.floats().array.map(Double.init) == values.map { Double(Float($0)) }, "\(name)")
        }
    }

    @Test func `an archive lists its arrays`() throws {
        #expect(try NumPyFile(path("stored.npz")).names == ["labels", "probabilities"])
        #expect(try NumPyFile(path("f4.npy")).names == [""])
        let missing = diagnostic { _ = try NumPyFile(path("stored.npz")).array("nothing") }
        #expect(missing?.code == .missingKey && missing?.remedy?.contains("labels, probabilities") == true)
    }

    @Test func `objects are refused without being looked at, other types by name`() throws {
        let object = diagnostic { _ = try NumPyFile(path("object.npy")).array("") }
        #expect(object?.code == .unsafeContent && object?.place?.file == path("object.npy"))
        #expect(diagnostic { _ = try NumPyFile(path("object.npz")).array("bad") }?.code == .unsafeContent)
        #expect(try NumPyFile(path("object.npz")).array("good").shape == [2, 3, 4])
        for name in ["structured.npy", "complex.npy", "text.npy"] {
            #expect(diagnostic { _ = try NumPyFile(path(name)).array("") }?.code == .unsupportedFeature, "\(name)")
        }
    }

    @Test func `what would unpack beyond the limit is refused before memory is taken`() throws {
        let limits = ReadLimits(bytes: 1 << 20)
        #expect(diagnostic { _ = try NumPyFile(path("bomb.npz"), limits: limits).array("zeros") }?.code == .tooLarge)
        #expect(
            diagnostic { _ = try NumPyFile(path("f8.npy"), limits: ReadLimits(bytes: 100)).array("") }?.code
                == .tooLarge)
    }

    @Test func `a directory that states more bytes than deflate can make is refused`() throws {
        try withTemporaryFolder { folder in
            var bytes = [UInt8](try Data(contentsOf: URL(filePath: path("deflated.npz"))))
            // The uncompressed size in the first entry of the central directory.
            let at = try #require(bytes.firstRange(of: [0x50, 0x4B, 1, 2])?.lowerBound)
            bytes.replaceSubrange(at + 24..<at + 28, with: [0, 0, 0, 0x40])
            let file = folder.appending(path: "grown.npz")
            try Data(bytes).write(to: file)
            let names = try NumPyFile(file.path).names
            #expect(
                names.contains { name in diagnostic { _ = try NumPyFile(file.path).array(name) }?.code == .damagedFile }
            )
        }
    }

    @Test func `labels are whole numbers`() throws {
        #expect(try NumPyFile(path("i8.npy")).array("").labels().count == 24)
        #expect(try NumPyFile(path("bool.npy")).array("").labels().array.allSatisfy { $0 == 0 || $0 == 1 })
        #expect(diagnostic { _ = try NumPyFile(path("fortran.npy")).array("").labels() }?.code == .badLabel)
    }

    @Test func `cut and changed files are refused and never trap`() throws {
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "broken.bin")
            for name in ["f4.npy", "version2.npy", "stored.npz", "deflated.npz"] {
                let sound = [UInt8](try Data(contentsOf: URL(filePath: path(name))))
                func attempt(_ bytes: [UInt8]) throws -> Bool {
                    try Data(bytes).write(to: file)
                    do {
                        let opened = try NumPyFile(file.path)
                        for array in opened.names {
                            let array = try opened.array(array)
                            _ = (array.floats(), try? array.labels())
                        }
                        return true
                    } catch {
                        return false
                    }
                }
                #expect(try attempt(sound))
                for length in stride(from: 0, to: sound.count, by: max(1, sound.count / 90)) {
                    #expect(try !attempt(Array(sound.prefix(length))), "\(name) cut to \(length)")
                }
                for place in 0..<sound.count {
                    var bytes = sound
                    bytes[place] = bytes[place] ^ UInt8(truncatingIfNeeded: 1 << (place % 8))
                    _ = try attempt(bytes)
                }
            }
        }
    }

    @Test func `headers that lie are refused`() throws {
        let bodies: [(String, DiagnosticCode)] = [
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", .tooLarge),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", .damagedFile),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", .damagedFile),
            ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", .unsafeContent),
            ("{'descr': '<f4', 'shape': (1,), }", .damagedFile),
            ("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}", .damagedFile),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,", .damagedFile),
            ("[[[[", .damagedFile), ("", .damagedFile),
        ]
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "lie.npy")
            for (body, code) in bodies {
                let length = UInt16(body.utf8.count)
                let bytes: [UInt8] =
                    [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, UInt8(length & 255), UInt8(length >> 8)]
                    + Array(body.utf8)
                    + [0, 0, 0, 0]
                try Data(bytes).write(to: file)
                #expect(diagnostic { _ = try NumPyFile(file.path).array("") }?.code == code, "\(body)")
            }
            try Data([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 9, 0, 0, 0]).write(to: file)
            #expect(diagnostic { _ = try NumPyFile(file.path).array("") }?.code == .unsupportedFeature)
            try Data().write(to: file)
            #expect(diagnostic { _ = try NumPyFile(file.path) }?.code == .damagedFile)
        }
    }
}
