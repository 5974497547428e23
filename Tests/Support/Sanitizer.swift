import Foundation

/// Whether the tests run under a sanitizer (`make sanitize`), which takes memory of its own: a shadow of all of it, and what
/// was freed.
public enum Sanitizer {
    public static let isOn = ["LSAN_OPTIONS", "TSAN_OPTIONS"].contains {
        ProcessInfo.processInfo.environment[$0] != nil
    }
}
