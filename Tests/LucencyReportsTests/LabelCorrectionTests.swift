import LucencyFoundation
import LucencyImaging
import LucencyReports
import Support
import Testing

@Suite struct LabelCorrectionTests {
    private func report() throws -> LabelCorrectionReport {
        let size = GridSize(6, 4, 2)
        let before = AlignedBuffer<Int32>((0..<48).map { $0 % 5 == 0 ? 1 : 0 })
        let after = AlignedBuffer<Int32>((0..<48).map { $0 > 40 ? -1 : $0 % 5 == 0 && $0 < 24 ? 1 : 0 })
        let picture = try CasePicture(
            changes: "case <1>", size: size, image: AlignedBuffer((0..<48).map { Float($0) }), before: before,
            after: after
        ) { $0.pixels.array.map { UInt8($0) } }
        return LabelCorrectionReport(
            title: "Corrected labels", strategy: "adele", classes: ["background", "heart & lung"], cases: 7,
            curves: [
                .init(
                    name: "heart & lung", shares: [0.1, 0.4, 0.6, 0.65], fit: [(1, 0), (2, 0.4), (3, 0.6), (4, 0.66)],
                    corrected: [3])
            ],
            changes: [
                .init(name: "case <1>", pixels: 48, gained: [4, 0], lost: [0, 5]),
                .init(name: "b", pixels: 48, gained: [0, 9], lost: [9, 0]),
            ],
            pictures: [picture], provenance: [.init("Seed", "1")])
    }

    @Test func `a page tells what was changed, when and where, and is well-formed`() throws {
        let page = try report().page
        let document = try MarkupDocument(page)
        let text = document.elements.map(\.text).joined(separator: " ")
        #expect(text.contains("14 pixels in 2 of 7 cases got another label."))
        #expect(text.contains("heart & lung") && text.contains("case <1>"))
        #expect(text.contains("first corrected, after epoch 3"))
        // The case with the most changes comes first.
        let names = document.elements.filter { $0.name == "bdi" }.map(\.text)
        #expect(try #require(names.lastIndex(of: "b")) < (try #require(names.lastIndex(of: "case <1>"))))
        let pictures = document.elements.filter { $0.name == "img" }
        #expect(
            pictures.count == 4 && pictures.allSatisfy { $0.attributes["src"]?.hasPrefix("data:image/png") == true })
        #expect(text.contains("plane 2"))
        #expect(try report().page == page)
    }

    @Test func `where nothing was changed, the page says so`() throws {
        let page = LabelCorrectionReport(
            title: "Corrected labels", strategy: "supervised", classes: ["background", "cell"], cases: 3
        ).page
        let document = try MarkupDocument(page)
        #expect(document.elements.contains { $0.text == "No label was changed." })
        #expect(!document.elements.contains { $0.name == "img" })
    }

    @Test func `pictures show the image, both labels and their differences`() throws {
        let picture = try #require(try report().pictures.first)
        #expect(picture.panels.map(\.caption) == ["Image", "Before", "After", "Changes"])
        #expect(picture.panels.allSatisfy { $0.width == 6 && $0.height == 4 && $0.png.count == 72 })
        // Of the second plane; 255, 140, 26 where labels differ.
        let red = picture.panels[3].png.prefix(24)
        #expect(red.indices.filter { red[$0] == 255 } == [1, 6, 11, 16, 17, 18, 19, 20, 21, 22, 23])
    }
}
