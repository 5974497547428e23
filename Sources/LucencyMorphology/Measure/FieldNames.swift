import LucencyImaging

extension MeasuredObject {
    /// The names in `fields`, also where there is no object to ask.
    public static func fieldNames(dimensions: Int, withIntensity: Bool) -> [String] {
        let shape = Shape(
            perimeter: 0, majorAxis: 0, minorAxis: 0, majorAxisMillimetres: nil, minorAxisMillimetres: nil,
            eccentricity: 0,
            orientation: 0)
        let object = MeasuredObject(
            label: 0, name: nil, pixelCount: 0, area: nil, volume: nil, centroid: .zero, centroidWorld: nil,
            box: Region(x: 0, y: 0, size: GridSize(1, 1)), equivalentDiameter: 0, equivalentDiameterMillimetres: nil,
            shape: dimensions == 2 ? shape : nil, touchesEdge: false,
            intensity: withIntensity ? Intensity(mean: 0, standardDeviation: 0, min: 0, max: 0) : nil)
        return object.fields.map(\.name)
    }
}
