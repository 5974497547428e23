import Foundation
import LucencyCalibration
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct ConfusionMatrixTests {
    @Test func theMatrixAndItsMeasuresMatchTheFixture() throws {
        let fixture = try MaskFixture.json("confusion.json")
        let prediction = try MaskFixture.labels(fixture["prediction"])
        let reference = try MaskFixture.labels(fixture["reference"])
        let matrix = try ConfusionMatrix(
            prediction: prediction, reference: reference, labels: [0, 1, 2, 3],
            ignoring: (fixture["ignoreIndex"]?.intValue).map { Int32($0) })
        #expect(matrix.labels == [0, 1, 2, 3])
        #expect(matrix.counts.map(Double.init) == fixture["confusion_referenceRows"]?.tensorData)
        #expect(matrix.total + matrix.ignored == 14 * 13)
        #expect(close(matrix.pixelAccuracy, fixture["pixelAccuracy"]))
        #expect(close(matrix.meanIoU(), fixture["miou_presentUnion"]))
        for label in Int32(0)..<4 {
            let overlap = matrix.overlap(of: label)
            let recall = fixture["recall"]?.tensorData[Int(label)] ?? 0
            #expect(close(overlap.dice, fixture["dice"]?["data"]?.arrayValue?[Int(label)]))
            #expect(close(overlap.iou, fixture["iou"]?["data"]?.arrayValue?[Int(label)]))
            #expect(recall.isNaN ? overlap.recall == .undefined : close(overlap.recall, .number(recall)))
        }
    }

    @Test func matricesOfPartsMergeIntoThatOfTheWhole() throws {
        let a = try MaskFixture.drawn("0112233"), b = try MaskFixture.drawn("0121133")
        let whole = try ConfusionMatrix(prediction: a, reference: b)
        let left = Region(x: 0, y: 0, size: GridSize(3, 1)), right = Region(x: 3, y: 0, size: GridSize(4, 1))
        var sum = try ConfusionMatrix(prediction: a.cropped(to: right), reference: b.cropped(to: right))
        try sum.merge(ConfusionMatrix(prediction: a.cropped(to: left), reference: b.cropped(to: left)))
        #expect(sum == whole)
        #expect(sum[reference: 1, prediction: 2] == 2 && sum[reference: 9, prediction: 2] == 0)
        #expect(sum.overlap(of: 9) == Overlap(trueNegatives: 7))
    }

    @Test func ratiosOfNothingAreUndefined() {
        let nothing = Overlap(trueNegatives: 5), missed = Overlap(falseNegatives: 3),
            invented = Overlap(falsePositives: 2)
        #expect(nothing.dice == .undefined && nothing.iou == .undefined && nothing.recall == .undefined)
        #expect(missed.dice == .value(0) && missed.recall == .value(0) && missed.precision == .undefined)
        #expect(invented.dice == .value(0) && invented.recall == .undefined && invented.precision == .value(0))
        #expect(missed.volumeDifference == .value(-1) && invented.volumeDifference == .undefined)
        #expect([nothing, missed, invented].map(\.presence) == [.neither, .missed, .falseAlarm])
    }

    @Test func negativeLabelsAreCounted() throws {
        let map = try LabelMap(geometry: Geometry(size: GridSize(3, 1)), labels: AlignedBuffer([-1, 0, .max]))
        let matrix = try ConfusionMatrix(prediction: map, reference: map)
        #expect(matrix.labels == [-1, 0, .max] && matrix.counts == [1, 0, 0, 0, 1, 0, 0, 0, 1])
    }

    @Test func instanceMapsAndOtherGridsAreRefused() throws {
        let many = try LabelMap(
            geometry: Geometry(size: GridSize(2000, 1)), labels: AlignedBuffer((0..<2000).map { Int32($0) }))
        #expect(code { try ConfusionMatrix(prediction: many, reference: many) } == .badLabel)
        #expect(
            code { try ConfusionMatrix(prediction: many, reference: MaskFixture.drawn("1")) } == .geometryMismatch)
    }

    @Test func damagedMatricesAreRefusedOnDecoding() throws {
        let matrix = try ConfusionMatrix(prediction: MaskFixture.drawn("012"), reference: MaskFixture.drawn("021"))
        let data = try JSONEncoder().encode(matrix)
        #expect(try JSONDecoder().decode(ConfusionMatrix.self, from: data) == matrix)
        for text in [
            #"{"labels":[0,1],"counts":[1,2,3],"ignored":0}"#, #"{"labels":[1,0],"counts":[1,2,3,4],"ignored":0}"#,
            #"{"labels":[0],"counts":[-1],"ignored":0}"#,
        ] {
            #expect(throws: DecodingError.self) {
                try JSONDecoder().decode(ConfusionMatrix.self, from: Data(text.utf8))
            }
        }
    }
}
