import LucencyFoundation
import LucencyPhantoms
import Testing

@Suite struct OrganRefusalTests {
    private func refused(_ change: (inout Organs) -> Void, line: Int = #line) {
        var organs = Organs()
        change(&organs)
        let error = #expect(throws: Diagnostic.self, "line \(line)") { try organs(seed: 0, index: 0, ["truth"]) }
        #expect(error?.code == .badArgument, "line \(line)")
    }

    private func scanner(noise: Interval, cutoff: Double) -> CTScanner {
        var scanner = CTScanner()
        (scanner.noise, scanner.cutoff) = (noise, cutoff)
        return scanner
    }

    @Test func `impossible grids are refused`() {
        refused { $0.width = 15 }
        refused { $0.height = 1025 }
        refused { $0.depth = 0 }
        // Noise that is coarser than the slice.
        refused {
            ($0.width, $0.height, $0.spacing) = (16, 16, 0.2)
            $0.modality = .ct(scanner(noise: 10, cutoff: 0.01))
        }
        refused { $0.depth = 513 }
        refused { $0.spacing = 0.1 }
        refused { $0.spacing = .nan }
        refused { $0.sliceSpacing = 21 }
        refused { $0.thickness = -1 }
        refused { $0.blur = -1 }
        refused { $0.level = Interval(.nan, 0) }
        refused { $0.level = 1e300 }
        refused { $0.build.breadth = 0 }
        refused { $0.build.depth = 6 }
    }

    @Test func `random fields that are too fine for memory are refused`() {
        refused { $0.textureScale = 0.5 }
        refused { $0.warp.scale = .infinity }
        refused { $0.warp.amplitude = 60 }
        refused { $0.organs[3].deformation.scale = 0 }
        refused {
            ($0.width, $0.height, $0.depth) = (1024, 1024, 512)
            ($0.spacing, $0.textureScale) = (2, 1)
        }
    }

    @Test func `posteriors beyond the limit of buffers are refused`() {
        var organs = Organs()
        (organs.width, organs.height, organs.depth) = (1024, 1024, 512)
        organs.organs = (0..<64).map { Organ(name: "organ\($0)", parts: [OrganPart()]) }
        (organs.annotators.borders, organs.annotators.confusions) = ([:], [])
        let error = #expect(throws: Diagnostic.self) { try organs.check() }
        #expect(error?.code == .tooLarge)
    }

    @Test func `scanners out of range are refused`() {
        func ct(_ change: (inout CTScanner) -> Void) -> OrganScanner {
            var scanner = CTScanner()
            change(&scanner)
            return .ct(scanner)
        }
        func mr(_ change: (inout MRScanner) -> Void) -> OrganScanner {
            var scanner = MRScanner()
            change(&scanner)
            return .mr(scanner)
        }
        for scanner in [
            ct { $0.noise = -1 }, ct { $0.noise = Interval(0, .infinity) }, ct { $0.cutoff = 0 },
            mr { $0.noise = -1 }, mr { $0.shading = 4 }, mr { $0.coils = 0 }, mr { $0.coils = 65 },
        ] {
            refused { $0.modality = scanner }
        }
    }

    @Test func `organs out of range are refused`() {
        refused { $0.organs = [] }
        refused { $0.organs = Array(repeating: $0.organs[0], count: 65) }
        refused { $0.organs = $0.organs.filter { !$0.isLabelled } }
        refused { $0.organs[0].name = "" }
        refused { $0.organs[0].name = "background" }
        refused { $0.organs[0].name = "a.b" }
        refused { $0.organs[0].name = $0.organs[1].name }
        refused { $0.organs[0].color = [1, 2] }
        refused { $0.organs[0].color = [1, 2, 256] }
        refused { $0.organs[0].ct = -1025 }
        refused { $0.organs[0].mr = -1 }
        refused { $0.organs[0].ctTexture = -1 }
        refused { $0.organs[0].mrTexture = .nan }
        refused { $0.organs[0].softness = 51 }
        refused { $0.organs[0].blend = -1 }
        refused { $0.organs[0].deformation.amplitude = -1 }
        refused { $0.organs[0].parts = [] }
        refused { $0.organs[0].parts[0].center = [0, 0] }
        refused { $0.organs[0].parts[0].center = [0, 1e300, 0] }
        refused { $0.organs[0].parts[0].radii = [1, 0, 1] }
        refused { $0.organs[0].parts[0].rotation = Interval(0, .nan) }
        refused { $0.organs[0].parts[0].exponent = 1 }
        refused { $0.organs[0].parts[0].count = 101 }
    }
}
