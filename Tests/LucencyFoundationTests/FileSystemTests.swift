import Foundation
import LucencyFoundation
import Support
import Testing

@Suite struct FileSystemTests {
    @Test func `a copy has all bytes, also of a file larger than a piece`() throws {
        try withTemporaryFolder { folder in
            let source = folder.appending(path: "a"), target = folder.appending(path: "b")
            let bytes = Data((0..<(3 << 20) + 17).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            try bytes.write(to: source)
            try Data(count: 5 << 20).write(to: target)
            try FileSystem.copy(source.path, to: target.path)
            #expect(try Data(contentsOf: target) == bytes)
            #expect(throws: Diagnostic.self) { try FileSystem.copy(folder.path + "/none", to: target.path) }
        }
    }

    @Test func `a shared lock is shared, and excludes one that is not`() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "lock").path
            let first = try FileSystem.lock(path, isShared: true), second = try FileSystem.lock(path, isShared: true)
            #expect(first != nil && second != nil)
            #expect(try FileSystem.lock(path) == nil)
        }
    }
}
