#if canImport(Glibc)
    import Glibc
#endif

/// A file without a disk and a name, for readers that take paths; it ends with the program.
struct MemoryFile {
    private let descriptor: CInt
    let path: String

    init() {
        var template = Array("/dev/shm/lucency-fuzz-XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        unlink(template)
        path = "/proc/self/fd/\(descriptor)"
    }

    /// Replaces the content.
    func fill(_ data: UnsafePointer<UInt8>?, _ count: Int) {
        ftruncate(descriptor, 0)
        pwrite(descriptor, data, count, 0)
    }
}
