import LucencyFoundation
import LucencyImaging
import LucencyMorphology
import Support
import Testing

@Suite struct MeasureTests {
    private func close(_ a: Double?, _ b: JSONValue?, _ tolerance: Double = 1e-9) -> Bool {
        guard let a, let b = b?.doubleValue else { return false }
        return abs(a - b) <= tolerance * max(1, abs(b))
    }

    @Test func measuresAreThoseOfRegionprops() throws {
        let cases = try Fixture.json("measure.json").arrayValue ?? []
        #expect(cases.count == 3)
        for entry in cases {
            let spacing = entry["spacing"]?.arrayValue?.compactMap(\.doubleValue) ?? []
            let labels = try Fixture.labels(entry["labels"], spacing: spacing)
            let objects = try Measure()(labels, in: Fixture.image(entry["image"], spacing: spacing))
            let rows = entry["objects"]?.arrayValue ?? []
            try #require(objects.count == rows.count)
            for (object, row) in zip(objects, rows) {
                check(object, row, planar: labels.size.isPlanar)
                if labels.size.isPlanar { checkShape(object, row, square: spacing[0] == spacing[1]) }
            }
        }
    }

    private func check(_ object: MeasuredObject, _ row: JSONValue, planar: Bool) {
        let box = row["bbox"]?.arrayValue?.compactMap(\.intValue) ?? []
        let centroid = row["centroid"]?.arrayValue ?? [], world = row["metricCentroid"]?.arrayValue ?? []
        let axes = planar ? [1, 0] : [2, 1, 0], lows = [object.box.x, object.box.y, object.box.z]
        #expect(Int(object.label) == row["label"]?.intValue)
        #expect(object.pixelCount == row["area"]?.intValue)
        #expect(close(planar ? object.area : object.volume, row["metricArea"]))
        #expect((planar ? object.volume : object.area) == nil)
        for (axis, place) in axes.enumerated() {
            #expect(close(object.centroid[axis], centroid[place]))
            #expect(close(object.centroidWorld?[axis], world[place]))
            #expect(lows[axis] == box[place])
            #expect(lows[axis] + object.box.size[axis] == box[place + axes.count])
        }
        #expect(close(object.equivalentDiameter, row["diameter"]))
        #expect(close(object.intensity?.mean, row["mean"]))
        #expect(close(object.intensity?.standardDeviation, row["sd"]))
        #expect(close(object.intensity?.min, row["min"]))
        #expect(close(object.intensity?.max, row["max"]))
    }

    private func checkShape(_ object: MeasuredObject, _ row: JSONValue, square: Bool) {
        #expect(close(object.shape?.perimeter, row["perimeter"]))
        // The square root lifts rounding of a vanishing axis to about 1e−8.
        #expect(close(object.shape?.majorAxis, row["major"], 1e-7))
        #expect(close(object.shape?.minorAxis, row["minor"], 1e-6))
        #expect(close(object.shape?.eccentricity, row["eccentricity"], 1e-7))
        #expect(close(object.shape?.majorAxisMillimetres, row["metricMajor"], 1e-7))
        #expect(close(object.shape?.minorAxisMillimetres, row["metricMinor"], 1e-6))
        // A round object has no direction: rounding decides.
        if let shape = object.shape, shape.majorAxis - shape.minorAxis > 1e-6 {
            #expect(close(shape.orientation, row["orientation"], 1e-7))
        }
    }

    @Test func namesAndEdgesAreReported() throws {
        let drawn = try Fixture.drawn(".....", ".1.2.", "...2.", "3....")
        let labels = try LabelMap(geometry: drawn.geometry, labels: drawn.labels, table: [2: LabelClass(name: "rod")])
        let objects = try Measure()(labels)
        #expect(objects.map(\.name) == [nil, "rod", nil])
        #expect(objects.map(\.touchesEdge) == [false, false, true])
        #expect(objects.allSatisfy { $0.intensity == nil })
    }

    @Test func anAssumedSpacingGivesNoMillimetres() throws {
        let object = try #require(try Measure()(Fixture.drawn("11.", "11.")).first)
        #expect(object.area == nil && object.volume == nil && object.centroidWorld == nil)
        #expect(object.equivalentDiameterMillimetres == nil && object.shape?.majorAxisMillimetres == nil)
        #expect(object.centroid == [0.5, 0.5, 0])
    }

    @Test func theRowHasTheSameNamesForEveryObject() throws {
        let labels = try Fixture.drawn("11.2", "1..2", spacing: [0.5, 0.5, 1])
        let rows = try Measure()(labels).map(\.fields)
        #expect(rows[0].map(\.name) == rows[1].map(\.name))
        let row = Dictionary(uniqueKeysWithValues: rows[1].map { ($0.name, $0.value) })
        #expect(row["area_mm2"] == .number(0.5) && row["pixels"] == 2 && row["class"] == .null)
        #expect(row["touches_edge"] == true && row["centroid_x_mm"] == .number(1.5))
    }

    @Test func sparseAndNegativeLabelsAreMeasured() throws {
        let map = try LabelMap(
            geometry: Geometry(size: GridSize(4, 1)), labels: AlignedBuffer([.min, 0, .max, .max]))
        #expect(try Measure()(map).map(\.label) == [.min, .max])
        #expect(try Measure()(map).map(\.pixelCount) == [1, 2])
        #expect(try Measure()(Fixture.drawn("...")).isEmpty)
    }

    @Test func anotherGridOrSeveralChannelsAreRefused() throws {
        let labels = try Fixture.drawn("11.")
        let wide = try Image(geometry: Geometry(size: GridSize(4, 1)), pixels: AlignedBuffer([0, 0, 0, 0]))
        let colour = try Image(
            geometry: labels.geometry, colorModel: .rgb, pixels: AlignedBuffer(repeating: 0, count: 9))
        #expect(code { try Measure()(labels, in: wide) } == .geometryMismatch)
        #expect(code { try Measure()(labels, in: colour) } == .channelMismatch)
    }
}
