import CFuzzer

#if canImport(Glibc)
    import Glibc
#endif

// lucency-fuzz HARNESS [libFuzzer's arguments]: one program for all harnesses, so that everything is built once.

typealias Harness = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

let harnesses: [(name: String, run: Harness)] = [
    ("png", fuzzPNG), ("tiff", fuzzTIFF), ("jpeg", fuzzJPEG), ("graph", fuzzGraph), ("manifest", fuzzManifest),
    ("weights", fuzzWeights), ("pickle", fuzzPickle),
]

guard CommandLine.argc > 1, let harness = harnesses.first(where: { $0.name == CommandLine.arguments[1] }) else {
    print("usage: lucency-fuzz \(harnesses.map(\.name).joined(separator: "|")) [CORPUS] [-flag=value …]")
    exit(64)
}
// libFuzzer sees the arguments without the harness's name.
var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(CommandLine.arguments[0])]
arguments += CommandLine.arguments.dropFirst(2).map { strdup($0) } + [nil]
var count = CInt(arguments.count - 1)
let status = arguments.withUnsafeMutableBufferPointer { buffer in
    var start = buffer.baseAddress
    return LLVMFuzzerRunDriver(&count, &start, harness.run)
}
exit(status)
