import LucencyFoundation
import LucencyImaging
import LucencyPhantoms
import Testing

/// The sum of all pixels of small pictures. When one changes, equal settings and seeds draw other pictures than before:
/// then raise `PhantomSource.revision` (`LucencyStages/Sources/PhantomStage.swift`), so that nothing rendered earlier is
/// taken for the new, and put the new sum here.
@Suite struct DrawingDigestTests {
    private func sum(_ phantom: some Phantom, _ products: Set<String>) throws -> Double {
        var sum = 0.0
        for index in 0..<2 {
            for (name, value) in try phantom(seed: 1, index: index, products).values where products.contains(name) {
                switch value {
                case .image(let image): sum += image.pixels.array.reduce(0) { $0 + Double($1) }
                case .labels(let map): sum += map.labels.array.reduce(0) { $0 + Double($1) }
                case .probabilities: Issue.record("probabilities are no whole numbers")
                }
            }
        }
        return sum
    }

    @Test func `histology draws what it drew`() throws {
        let phantom = Histology(width: 64, height: 64, magnifications: [100, 400])
        let found = try sum(phantom, ["image", "label", "nuclei", "low2"])
        #expect(found == 5_075_050, "\(found)")
    }

    @Test func `membranes draw what they drew`() throws {
        let found = try sum(Membranes(width: 64, height: 64), ["image", "label"])
        #expect(found == 1_080_319, "\(found)")
    }

    @Test(arguments: [(OrganScanner.ct(CTScanner()), 2_276_071.0), (.mr(MRScanner()), 1_008_704)])
    func `organs draw what they drew`(modality: OrganScanner, expected: Double) throws {
        var phantom = Organs()
        (phantom.width, phantom.height, phantom.spacing, phantom.modality) = (48, 40, 7.5, modality)
        let found = try sum(phantom, ["image", "label", "truth"])
        #expect(found == expected, "\(found)")
    }

    @Test func `retinas draw what they drew`() throws {
        var phantom = Retina()
        phantom.size = 64
        (phantom.lesions.microaneurysms, phantom.lesions.exudates) = (5, 9)
        let found = try sum(phantom, ["image", "vessels", "disc", "lesions"])
        #expect(found == 1_968_428, "\(found)")
    }

    @Test func `heads draw what they drew`() throws {
        var phantom = SheppLogan()
        (phantom.size, phantom.scan.angles, phantom.scan.bins) = (64, 60, 64)
        phantom.head.rotation = Interval(-10, 10)
        let found = try sum(phantom, ["image", "clean", "label"])
        #expect(found == 18_422_066, "\(found)")
    }

    @Test func `chests draw what they drew`() throws {
        var phantom = ThoraxPhantom()
        phantom.size = 64
        phantom.nodules.number = 1
        let found = try sum(phantom, ["image", "subtraction", "ribs", "label", "nodules"])
        #expect(found == 513_024_795, "\(found)")
    }
}
