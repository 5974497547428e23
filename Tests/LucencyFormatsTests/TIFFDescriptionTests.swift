import Foundation
import LucencyFormats
import LucencyFoundation
import LucencyImaging
import Support
import Testing

@Suite struct TIFFDescriptionTests {
    let tiff = TIFFFormat()

    @Test func `start tags and attributes are found, whatever lies between them`() {
        let text = """
            <?xml version="1.0"?><!-- <Pixels SizeX="9"/> --><o:OME a = 'x>y' b="&#xB5;m &lt;&amp;&bogus;">
            text <![CDATA[<Pixels SizeX="8"/>]]><Pixels SizeX="7"/></o:OME>
            """
        let tags = OMETags(text)?.tags ?? []
        #expect(tags.map(\.name) == ["OME", "Pixels"])
        #expect(tags.first?.attributes == ["a": "x>y", "b": "µm <&&bogus;"])
        #expect(tags.last?.attributes == ["SizeX": "7"])
    }

    @Test func `document types, broken tags and endless texts are not read`() {
        for text in [
            "<!DOCTYPE x [<!ENTITY a \"b\">]><OME/>", "<OME a=b/>", "<OME a", "<OME a=\"1", "<", "<!-- ", "<? ",
            "<a <b>",
            "<![CDATA[", "< OME>", "</OME",
        ] { #expect(OMETags(text) == nil, "\(text)") }
        #expect(OMETags(String(repeating: " ", count: OMETags.sizeLimit + 1)) == nil)
        #expect(OMETags("")?.tags.isEmpty == true)
    }

    @Test func `units of length are read as ImageJ and OME spell them`() {
        for (text, scale) in [
            ("\\u00B5m", 1e-3), ("µm", 1e-3), ("μm", 1e-3), ("micron", 1e-3), ("Microns", 1e-3), ("um", 1e-3),
            ("nm", 1e-6),
            ("inch", 25.4), ("cm", 10), ("mm", 1), ("m", 1000), ("Å", 1e-7), ("millimeter", 1),
        ] { #expect(TIFFLengthUnit(text)?.millimetres == scale, "\(text)") }
        for text in ["pixel", "pixels", "", "sec", "Mm", "\\u", "\\uZZZZ"] {
            #expect(TIFFLengthUnit(text) == nil, "\(text)")
        }
    }

    /// A stack with another description in place of its own, of at most the same length.
    func withDescription<R>(_ name: String, _ text: String, _ body: (String) throws -> R) throws -> R {
        var data = try Data(contentsOf: URL(filePath: fixture("tiff/\(name)")))
        let old = try #require(data.range(of: Data((name.contains("ome") ? "<?xml" : "ImageJ=").utf8)))
        let end = try #require(data[old.lowerBound...].firstIndex(of: 0))
        let room = end - old.lowerBound
        try #require(text.utf8.count <= room)
        data.replaceSubrange(
            old.lowerBound..<end, with: Data(text.utf8) + Data(repeating: 0, count: room - text.utf8.count))
        return try withTemporaryFolder { folder in
            let path = folder.appending(path: "changed.tif").path
            try data.write(to: URL(filePath: path))
            return try body(path)
        }
    }

    @Test func `sizes in a description are never trusted`() throws {
        for text in [
            "ImageJ=1\nimages=999999999\nslices=999999999\nunit=um\nspacing=2",
            "ImageJ=1\nslices=-5\nspacing=nan\nunit=pixel",
            "ImageJ=1\nimages=x", "ImageJ=",
        ] {
            try withDescription("made-imagej-z.tif", text) { path in
                let size = try tiff.readImage(path).size
                #expect(size == GridSize(7, 5, 3), "\(text)")
            }
        }
        try withDescription("made-imagej-z.tif", "ImageJ=1\nchannels=999999\nslices=9999999") { path in
            #expect(diagnostic { _ = try tiff.readImage(path) }?.code == .unsupportedFeature)
        }
        try withDescription("made-ome-z.ome.tif", "<!DOCTYPE OME><OME><Pixels PhysicalSizeX='1'/></OME>") { path in
            let image = try tiff.readImage(path)
            #expect(image.size == GridSize(7, 5, 3) && image.geometry.spacingSource == .assumed)
        }
    }

    @Test func `one file of several is read on its own, and says so`() throws {
        let text = """
            <OME><Image><Pixels SizeZ="9" PhysicalSizeX="2" PhysicalSizeY="2"><TiffData><UUID FileName="a.tif"/></TiffData>\
            <TiffData><UUID FileName="b.tif"/></TiffData></Pixels></Image></OME>
            """
        try withDescription("made-ome-z.ome.tif", text) { path in
            let image = try tiff.readImage(path)
            #expect(image.size == GridSize(7, 5, 3))
            #expect(image.origin?.metadata["ome.files"]?.hasPrefix("2 files") == true)
            // The distance between slices is not stated.
            #expect(
                image.geometry.spacingSource == .assumed && image.origin?.metadata["spacing"]?.contains("0.002") == true
            )
        }
    }

    @Test func `a contiguous ImageJ stack is refused with the remedy`() throws {
        let path = fixture("tiff/made-imagej-z.tif")
        var data = try Data(contentsOf: URL(filePath: path))
        // Cut the chain after the first directory.
        func number(_ at: Int, _ count: Int) -> Int { (0..<count).reduce(0) { $0 | Int(data[at + $1]) << (8 * $1) } }
        let little = data[0] == 0x49
        try #require(little)
        let first = number(4, 4)
        let link = first + 2 + 12 * number(first, 2)
        data.replaceSubrange(link..<link + 4, with: Data(count: 4))
        try withTemporaryFolder { folder in
            let changed = folder.appending(path: "contiguous.tif").path
            try data.write(to: URL(filePath: changed))
            let failure = diagnostic { _ = try tiff.readImage(changed) }
            #expect(failure?.code == .unsupportedFeature && failure?.message.contains("3 images") == true)
            #expect(failure?.remedy?.contains("page: 1") == true)
            let page = try tiff.readImage(changed, pages: .page(1), region: nil, limits: .standard)
            #expect(page.size == GridSize(7, 5))
        }
    }
}
