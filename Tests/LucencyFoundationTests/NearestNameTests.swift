import LucencyFoundation
import Testing

@Suite struct NearestNameTests {
    @Test(arguments: [
        ("thresold", "threshold"), ("otzu", "otsu"), ("Brigth", "bright"), ("leveel", "level"), ("dise", "dice"),
    ])
    func `a slip of the finger finds the name that was meant`(typed: String, meant: String) {
        #expect(nearestName(to: typed, in: ["threshold", "otsu", "bright", "level", "dice"]) == meant)
    }

    @Test(arguments: [("nosuch", "notch"), ("abc", "xyz"), ("notch", "nosuch"), ("pad", "mask"), ("", "gray")])
    func `names that differ in more than a third of the shorter one are far`(typed: String, other: String) {
        #expect(nearestName(to: typed, in: [other]) == nil)
    }

    @Test func `the ending of compressed NIfTI files is one`() {
        #expect(FileSystem.fileExtension(of: "a/scan.nii.gz") == "nii.gz")
        #expect(FileSystem.fileExtension(of: "scan.tar.gz") == "gz")
        #expect(FileSystem.fileExtension(of: ".nii.gz") == "gz")
        #expect(FileSystem.fileExtension(of: "a.nii.gz/b.png") == "png")
    }
}
