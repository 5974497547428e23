import LucencyImaging

/// Pixel densities that cameras and programs write without having measured anything.
package enum Resolution {
    /// Whether a density is a screen's: 72 or 96 dots per inch, whatever the unit it was rounded in.
    package static func isScreenDefault(pixelsPerMetre density: Double) -> Bool {
        [72, 96].contains { abs(density - $0 / 0.0254) <= 1 }
    }

    /// Millimetres per pixel for densities in pixels per metre; nil where they are absent or those of a screen.
    package static func spacing(pixelsPerMetre x: Double, _ y: Double) -> SIMD2<Double>? {
        guard x > 0, y > 0, x.isFinite, y.isFinite else { return nil }
        if isScreenDefault(pixelsPerMetre: x) && isScreenDefault(pixelsPerMetre: y) { return nil }
        return [1000 / x, 1000 / y]
    }

    /// The geometry of a single plane.
    package static func geometry(width: Int, height: Int, spacing: SIMD2<Double>?) throws -> Geometry {
        let size = GridSize(width, height)
        guard let spacing else { return try Geometry(size: size) }
        return try Geometry(size: size, spacing: [spacing.x, spacing.y, 1], source: .stated(.mm))
    }
}

/// The file's name without folders.
package func fileName(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
}
