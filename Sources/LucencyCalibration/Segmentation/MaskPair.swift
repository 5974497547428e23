import LucencyFoundation
import LucencyImaging
import LucencyMorphology

/// One class in prediction and reference, cut to the box around both (and one pixel more), with the spacing to measure
/// in. Pixels whose reference has the ignored label belong to neither.
package struct MaskPair: Sendable {
    package let prediction: Mask
    package let reference: Mask

    /// Boxes are those of the label in either map, nil where it does not occur.
    package init(
        _ label: Int32, prediction: LabelMap, reference: LabelMap, boxes: (prediction: Region?, reference: Region?),
        ignoring: Int32?
    ) {
        guard let first = boxes.prediction ?? boxes.reference else {
            let empty = Mask(size: GridSize(1, 1), bits: AlignedBuffer(repeating: 0, count: 1))
            (self.prediction, self.reference) = (empty, empty)
            return
        }
        let box = first.union(boxes.reference ?? first).grown(by: (1, 1, 1), within: reference.size)
        var predicted = Mask(prediction, in: box) { $0 == label }
        if let ignoring {
            let counted = Mask(reference, in: box) { $0 != ignoring }
            predicted.bits.withUnsafeMutableBufferPointer { bits in
                counted.bits.withUnsafeBufferPointer { counted in
                    for index in 0..<bits.count { bits[index] &= counted[index] }
                }
            }
        }
        self.prediction = predicted
        self.reference = Mask(reference, in: box) { $0 == label && $0 != ignoring }
    }

    /// The same for a single label.
    /// - Throws: `Diagnostic` when the maps lie on different grids.
    package init(
        _ label: Int32, prediction: LabelMap, reference: LabelMap, ignoring: Int32?
    ) throws(Diagnostic) {
        try reference.geometry.requireMatch(prediction.geometry, "the prediction and the reference")
        func box(_ map: LabelMap) -> Region? {
            label == 0 ? Region(x: 0, y: 0, z: 0, size: map.size) : map.boundingBoxes().first { $0.label == label }?.box
        }
        self.init(
            label, prediction: prediction, reference: reference, boxes: (box(prediction), box(reference)),
            ignoring: ignoring)
    }
}

/// The unit of a distance and what one pixel measures in it.
package struct DistanceScale: Sendable {
    package let unit: LengthUnit
    package let spacing: SIMD3<Double>

    /// - Parameter unit: nil takes millimetres where the spacing is stated, else pixels.
    /// - Throws: `Diagnostic` when a metric unit meets a grid of assumed spacing.
    package init(_ unit: LengthUnit?, of geometry: Geometry) throws(Diagnostic) {
        self.unit = unit ?? (geometry.spacingSource == .assumed ? .px : .mm)
        if let scale = self.unit.millimetres {
            try geometry.requireStatedSpacing(for: "a distance in \(self.unit.rawValue)")
            spacing = geometry.spacing / scale
        } else {
            spacing = [1, 1, 1]
        }
    }

    /// A length in this unit; pixels are taken along the x axis.
    package func value(of length: Length, in geometry: Geometry) throws(Diagnostic) -> Double {
        guard let scale = unit.millimetres else { return try length.pixels(along: 0, of: geometry) }
        return try length.millimetres(in: geometry) / scale
    }

    /// From corner to corner of a grid.
    package func diagonal(of size: GridSize) -> Double {
        let sides = SIMD3(Double(size.x), Double(size.y), size.isPlanar ? 0 : Double(size.z)) * spacing
        return (sides * sides).sum().squareRoot()
    }
}
