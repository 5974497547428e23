import LucencyImaging
import LucencyPipeline

extension CollectorDescriptor {
    static let contactSheet = CollectorDescriptor(
        "contact-sheet", "Small versions of all images on one, for looking at.", prototype: ContactSheet(),
        groups: [
            StreamGroup<ContactSheet, [ContactSheet.Thumbnail]>("images", ports: ["image", "beside"]) {
                (
                    sheet: ContactSheet, state: inout [ContactSheet.Thumbnail], _: ItemTag, context: StageContext,
                    image: Image, beside: Image?
                ) in
                state.append(try sheet.thumbnail(of: image, pool: context.pool))
                if let beside { state.append(try sheet.thumbnail(of: beside, pool: context.pool)) }
            }
        ],
        outputs: ["image"],
        parameters: [
            Parameter("window", \.window, help: "What becomes black and white in each image."),
            Parameter("cell", \.cell, in: .within(16...1024), help: "Longest side of a small version in pixels."),
            Parameter("columns", \.columns, in: .within(1...64), help: "Small versions in a row."),
            Parameter("gap", \.gap, in: .within(0...64), help: "Pixels between them."),
        ],
        initial: { _ in [] }, merge: { _, total, next in total += next },
        finish: { (sheet: ContactSheet, thumbnails: [ContactSheet.Thumbnail], _: StageContext) throws -> Image in
            try sheet(thumbnails)
        })
}
