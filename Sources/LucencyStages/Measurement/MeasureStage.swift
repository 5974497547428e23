import LucencyImaging
import LucencyMorphology
import LucencyPipeline
import LucencyReports

extension StageDescriptor {
    static let measure = StageDescriptor(
        "measure", "Measures every labelled object: size, place, shape and, with an image, intensity.",
        prototype: Measure(),
        inputs: ["labels", "image"], outputs: ["table"],
        cost: { _, _ in StageCost(outputs: [ValueEstimate(size: GridSize(1, 1))]) }
    ) { stage, _ in
        { (labels: LabelMap, image: Image?) throws -> Table in
            let objects = try stage(labels, in: image)
            let names = MeasuredObject.fieldNames(dimensions: labels.size.dimensions, withIntensity: image != nil)
            var table = try Table(title: "objects", columns: names.map { Table.Column($0) })
            for object in objects { try table.append(object.fields.map { Table.Cell($0.value) }) }
            return table
        }
    }
}
