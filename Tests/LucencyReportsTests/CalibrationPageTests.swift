import Foundation
import LucencyFoundation
import LucencyReports
import Support
import Testing

@Suite struct CalibrationPageTests {
    private let hostile = [
        "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\"><img src=x onerror=y>", "a&b\u{0}\u{202E}c",
    ]

    @Test func `a page is well-formed, names its language and loads nothing`() throws {
        let html = sampleReport().page(tables: "tables")
        let page = try MarkupDocument(html)
        #expect(html.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">"))
        for name in ["script", "link", "iframe", "object", "embed", "base", "form", "audio", "video"] {
            #expect(page.all(name).isEmpty, "\(name)")
        }
        for element in page.elements {
            #expect(element.attributes["style"] == nil)
            for (key, value) in element.attributes {
                #expect(!key.hasPrefix("on"), "\(key)")
                guard ["src", "href"].contains(key) else { continue }
                #expect(value.hasPrefix("data:image/png;base64,") || value.hasPrefix("#") || value.hasPrefix("tables/"))
            }
        }
        let withoutNamespaces = html.replacing("http://www.w3.org/2000/svg", with: "")
        #expect(!withoutNamespaces.contains("http") || !withoutNamespaces.contains("://"))
        #expect(!html.contains("url(") && !html.contains("@import"))
    }

    @Test func `the policy allows this page's own style sheets and nothing else`() throws {
        let page = try MarkupDocument(sampleReport().page())
        let policy = try #require(
            page.all("meta").first { $0.attributes["http-equiv"] == "Content-Security-Policy" }?.attributes["content"])
        #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
        for style in page.all("style") {
            var hash = SHA256()
            Array(style.text.utf8).withUnsafeBytes { hash.update($0) }
            let digits = Array(hash.hexDigest())
            let bytes = stride(from: 0, to: digits.count, by: 2).map {
                UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0
            }
            #expect(policy.contains("'sha256-\(Data(bytes).base64EncodedString())'"))
        }
    }

    @Test func `headings are in order, ids are unique and links lead somewhere`() throws {
        let page = try MarkupDocument(sampleReport().page(pictures: [picture("patient1/slice1")]))
        var level = 0
        for element in page.elements
        where element.name.count == 2 && element.name.hasPrefix("h") && element.name != "hr" {
            let next = Int(String(element.name.dropFirst())) ?? 0
            #expect(next <= level + 1, "\(element.name) \(element.text)")
            level = next
        }
        #expect(page.all("h1").count == 1)
        let ids = page.elements.compactMap { $0.attributes["id"] }
        #expect(Set(ids).count == ids.count)
        for link in page.all("a") {
            let target = try #require(link.attributes["href"])
            #expect(target.hasPrefix("#") && ids.contains(String(target.dropFirst())))
        }
        for reference in page.elements.compactMap({ $0.attributes["aria-labelledby"] }) {
            for id in reference.split(separator: " ") { #expect(ids.contains(String(id))) }
        }
    }

    @Test func `pictures and drawings have text alternatives, wide tables can be reached by keyboard`() throws {
        let page = try MarkupDocument(sampleReport().page(pictures: [picture("patient1/slice1")]))
        #expect(page.all("img").count == 2)
        for image in page.all("img") { #expect(image.attributes["alt"]?.isEmpty == false) }
        let drawings = page.all("svg").filter { $0.attributes["class"] == "chart" }
        #expect(drawings.count >= 12)
        for drawing in drawings { #expect(drawing.attributes["role"] == "img") }
        #expect(page.all("desc").count == drawings.count && page.all("desc").allSatisfy { $0.text.count > 20 })
        for box in page.elements where box.attributes["class"] == "scroll" {
            #expect(box.attributes["tabindex"] == "0" && box.attributes["aria-label"]?.isEmpty == false)
        }
        for table in page.elements where table.name == "th" {
            #expect(["col", "row"].contains(table.attributes["scope"]))
        }
    }

    @Test func `colours have a contrast of 4.5 and more on every theme`() {
        #expect(ReportColors.themes.count == 6)
        for theme in ReportColors.themes {
            let paper = theme["paper"] ?? [0, 0, 0]
            for (name, color) in theme where !["paper", "rule", "band"].contains(name) {
                #expect(contrast(color, paper) >= 4.5, "\(name): \(contrast(color, paper))")
            }
        }
    }

    @Test func `texts from outside are escaped in page, drawings and tables`() throws {
        var report = sampleReport(runs: ["<b>bold</b>", "=1+1"], caseNames: hostile)
        report.classes[1] = "<svg onload=x>"
        report.runs[0].classes[1].name = "<svg onload=x>"
        report.runs[0].classes[1].sizeRatio = .init(mean: 2, low: 1.8, high: 2.2, cases: 30)
        report.title = "</title><script>x</script>"
        report.problems = [.init(run: "@run", item: hostile[0], message: "<i>wrong</i>")]
        let html = report.page(pictures: [picture(hostile[0])])
        let page = try MarkupDocument(html)
        #expect(page.all("script").isEmpty && page.all("b").isEmpty && page.all("i").isEmpty)
        #expect(!html.contains("<script") && !html.contains("\u{0}") && !html.contains("\u{202E}"))
        #expect(page.all("bdi").contains { $0.text == hostile[0] })
        for (_, chart) in report.figures {
            let drawing = try MarkupDocument(chart.svg)
            #expect(drawing.all("script").isEmpty && drawing.all("b").isEmpty)
        }
        for (name, table) in try report.tables() {
            for line in table.spreadsheetCSV.split(separator: "\n") {
                for field in line.split(separator: ",") {
                    let isText = Double(field) == nil
                    #expect(!isText || !"=+-@".contains(field.first ?? " "), "\(name): \(field)")
                    #expect(!field.hasPrefix("\"="), "\(name): \(field)")
                }
            }
        }
    }

    @Test func `a page of 5000 cases and four runs stays below 2 MB`() throws {
        let report = sampleReport(runs: ["a", "b", "c", "d"], cases: 5000)
        let start = ContinuousClock.now
        let html = report.page(
            pictures: (0..<40).map { picture("patient\($0)/slice0", bytes: 60_000) }, tables: "tables")
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(html.utf8.count < 2_000_000, "\(html.utf8.count)")
        #expect(html.contains("tables/cases.csv") && html.contains("of 5\u{202F}000 cases"))
        #expect(html.contains("left out"))
        _ = try MarkupDocument(html)
    }

    @Test func `JSON gives the report back, infinite numbers included`() throws {
        let report = sampleReport()
        let json = try report.json()
        #expect(json["notice"]?.stringValue == CalibrationReport.notice)
        #expect(json["definitions"]?["ece"]?.stringValue?.contains("15") == true)
        #expect(try CalibrationReport(json: JSONValue(parsing: json.prettyText)) == report)
        #expect(throws: Diagnostic.self) { try CalibrationReport(json: ["format": "another"]) }
    }

    @Test func `equal reports give equal bytes`() throws {
        #expect(sampleReport().page() == sampleReport().page())
        #expect(try sampleReport().json().text == sampleReport().json().text)
    }

    private func picture(_ name: String, bytes: Int = 300) -> CasePicture {
        CasePicture(
            run: "cross-entropy", item: name,
            panels: ["image", "error"].map {
                .init(
                    caption: $0, description: "The \($0) of \(name)", png: [UInt8](repeating: 9, count: bytes),
                    width: 96,
                    height: 96)
            })
    }

    /// WCAG 2.1, relative luminance and contrast ratio.
    private func contrast(_ a: SIMD3<UInt8>, _ b: SIMD3<UInt8>) -> Double {
        func luminance(_ color: SIMD3<UInt8>) -> Double {
            let linear = (0..<3).map { channel -> Double in
                let value = Double(color[channel]) / 255
                return value <= 0.03928 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
            }
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        }
        let (one, other) = (luminance(a), luminance(b))
        return (max(one, other) + 0.05) / (min(one, other) + 0.05)
    }
}
