/// A case to look at: small pictures beside each other, each a PNG.
public struct CasePicture: Hashable, Sendable {
    /// One picture: the image, the truth, the prediction, its confidence, or where it is wrong.
    public struct Panel: Hashable, Sendable {
        public var caption: String
        /// What it shows, in words, for those who do not see it.
        public var description: String
        public var png: [UInt8]
        public var width: Int
        public var height: Int

        public init(caption: String, description: String, png: [UInt8], width: Int, height: Int) {
            self.caption = caption
            self.description = description
            self.png = png
            self.width = width
            self.height = height
        }
    }

    /// The run and case that it belongs to.
    public var run: String
    public var item: String
    /// Such as the plane of a volume that is shown.
    public var note: String?
    public var panels: [Panel]

    public init(run: String, item: String, note: String? = nil, panels: [Panel]) {
        self.run = run
        self.item = item
        self.note = note
        self.panels = panels
    }
}

extension CasePicture.Panel {
    /// The picture with its caption below, within the page.
    var figure: Markup {
        .tag(
            "figure",
            [
                .tag(
                    "img",
                    [
                        "src": "data:image/png;base64," + Base64.text(png), "alt": description, "width": "\(width)",
                        "height": "\(height)",
                    ]), .tag("figcaption", caption),
            ])
    }
}
