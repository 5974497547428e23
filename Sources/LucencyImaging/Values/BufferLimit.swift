import LucencyFoundation

/// The size beyond which an algorithm refuses to make a buffer, so that a slip in a parameter is a message, not a crash.
package enum BufferLimit {
    /// Bytes of one buffer.
    package static let bytes = 1 << 35
    /// Pixels along one axis.
    package static let side = 1 << 24

    /// - Throws: `Diagnostic` when `planes` stacked volumes of the size would take too much, or a side is below 1.
    package static func require(_ size: GridSize, planes: Int = 1, for what: String) throws(Diagnostic) {
        guard size.x >= 1, size.y >= 1, size.z >= 1 else {
            throw Diagnostic(.badGeometry, "\(what): a grid of \(size) is not possible")
        }
        let values = size.count.multipliedReportingOverflow(by: max(1, planes))
        guard max(size.x, size.y, size.z) <= side, !values.overflow, values.partialValue <= bytes / 4 else {
            throw Diagnostic(
                .tooLarge, "\(what) would make a grid of \(size) with \(planes) channel(s), beyond \(bytes >> 30) GiB",
                remedy: "choose a coarser spacing or a smaller size, or crop first")
        }
    }
}
