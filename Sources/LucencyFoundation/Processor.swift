#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What this machine's processor is and can do.
public enum Processor {
    /// The features that numeric kernels care about.
    static let relevant = [
        "sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "amx_tile",
    ]

    /// The model as the system names it; empty where it does not say.
    public static var name: String { field("model name") ?? field("CPU part").map { "part \($0)" } ?? "" }

    /// Those of the features above that the processor has, in the system's spelling; `neon` on ARM.
    public static var features: [String] {
        #if arch(arm64)
            return ["neon"]
        #else
            let flags = Set((field("flags") ?? "").split(separator: " ").map(String.init))
            return relevant.filter(flags.contains)
        #endif
    }

    /// The value of the first line of `/proc/cpuinfo` with a name.
    private static func field(_ name: String) -> String? {
        guard let text = try? FileSystem.text("/proc/cpuinfo", limit: 16 << 20) else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            return String(parts[1].drop { $0 == " " })
        }
        return nil
    }
}

extension Machine {
    /// This process's number.
    public static var processID: Int { Int(getpid()) }

    /// The folder for temporary files: `TMPDIR`, or the system's.
    public static var temporaryFolder: String {
        guard let named = getenv("TMPDIR"), named[0] != 0 else { return "/tmp" }
        return String(cString: named)
    }
}
