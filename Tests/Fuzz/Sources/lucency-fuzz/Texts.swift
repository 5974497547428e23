import Lucency

#if canImport(Glibc)
    import Glibc
#endif

/// A pipeline's text is checked into a plan or into diagnostics.
func fuzzGraph(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // Bytes that are no UTF-8 are refused before; here they would only waste inputs.
    let text = String(decoding: UnsafeBufferPointer(start: data, count: count), as: UTF8.self)
    // A folder that is not there: no text may reach files.
    guard let file = try? PipelineFile(text: text, name: "fuzz.yaml", folder: "/nowhere", catalog: .standard) else {
        return 0
    }
    precondition((file.plan == nil) == file.diagnostics.contains { $0.severity == .error }, "a plan with errors")
    for diagnostic in file.diagnostics { _ = diagnostic.description }
    return 0
}

private let folder: String = {
    var template = Array("/dev/shm/lucency-fuzz-XXXXXX".utf8CString)
    return mkdtemp(&template).map { String(cString: $0) } ?? "."
}()

/// A manifest gives records and a count of damaged lines, whatever its bytes.
func fuzzManifest(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    do {
        try FileSystem.write(bytes, to: folder + "/manifest.jsonl")
        let manifest = try Manifest(of: folder)
        let lines = bytes.split(separator: 0x0A).count
        precondition(manifest.records.count + manifest.damagedLines == lines, "lines were lost")
        for record in manifest.records {
            for file in record.outputs {
                precondition(!file.path.hasPrefix("/") && !file.path.split(separator: "/").contains(".."), file.path)
            }
        }
        _ = try Verification(of: folder)
    } catch {
        // A manifest of no lines is none; the error is a Diagnostic by its type.
    }
    return 0
}
