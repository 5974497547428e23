import Foundation
import LucencyFoundation
import Support
import Testing

@Suite struct ScratchTests {
    @Test func `scratch memory begins with zeros, in a file that nobody sees, and is read back as it was written`()
        throws
    {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "kept").path
            for place in [nil, folder.path] {
                let memory = try ScratchMemory(byteCount: 5_000_000, folder: place)
                #expect(try FileSystem.names(in: folder.path).filter { $0 != "kept" }.isEmpty)
                #expect(memory.bytes.count == 5_000_000 && memory.bytes.allSatisfy { $0 == 0 })
                for index in stride(from: 0, to: memory.bytes.count, by: 4097) {
                    memory.bytes[index] = UInt8(truncatingIfNeeded: index)
                }
                try memory.write(to: path)
                let again = try ScratchMemory(byteCount: 5_000_000)
                try again.read(path)
                #expect(again.bytes.elementsEqual(memory.bytes))
                #expect(throws: Diagnostic.self) { try ScratchMemory(byteCount: 4_999_999).read(path) }
            }
            #expect(try ScratchMemory(byteCount: 0, folder: folder.path).bytes.isEmpty)
        }
    }

    @Test func `a zip file holds its files as they are, and is the same each time`() throws {
        let files = [("a/b.png", Array("first".utf8)), ("c.tif", []), ("ü.png", (0..<300).map { UInt8($0 % 251) })]
        func zip() throws -> [UInt8] {
            var all: [UInt8] = [], zip = ZipWriter()
            for (name, bytes) in files { try zip.add(name, bytes) { all += $0 } }
            try zip.finish { all += $0 }
            return all
        }
        let bytes = try zip()
        #expect(try zip() == bytes)
        let archive = try ZipArchive(ByteSource(bytes))
        for (name, content) in files {
            let range = try #require(try archive.range(of: name))
            #expect(Array(bytes[range]) == content)
            #expect(archive.entry(named: name)?.size == content.count)
        }
        // CRC-32 of "123456789", as the standard gives it.
        var check = ZipWriter(), known: [UInt8] = []
        try check.add("x", Array("123456789".utf8)) { known += $0 }
        #expect(Array(known[14..<18]) == [0x26, 0x39, 0xF4, 0xCB])
    }
}
