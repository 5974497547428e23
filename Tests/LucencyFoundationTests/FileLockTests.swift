#if os(Linux)
    import Foundation
    import LucencyFoundation
    import Support
    import Testing

    @Suite("Locks on files")
    struct FileLockTests {
        @Test("A lock ends when it is released, also where a forked child still has the file open")
        func releasedBesideAChild() throws {
            try withTemporaryFolder { folder in
                let path = folder.appending(path: "lock").path
                var lock = try FileSystem.lock(path)
                #expect(lock != nil)
                #expect(try FileSystem.lock(path) == nil)
                // What a child has between fork and exec: another descriptor of the same open file.
                let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap(
                    Int32.init)
                let own = try #require(
                    descriptors.first {
                        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
                    })
                let copy = dup(own)
                defer { close(copy) }
                lock = nil
                #expect(try FileSystem.lock(path) != nil)
            }
        }
    }
#endif
