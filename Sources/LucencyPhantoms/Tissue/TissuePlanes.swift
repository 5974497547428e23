import LucencyFoundation

/// The tissue of one picture: concentrations of the stains, semantic labels and nuclei, per pixel.
struct TissuePlanes: Sendable {
    private(set) var hematoxylin: [Float]
    private(set) var eosin: [Float]
    private(set) var labels: [Int32]
    /// 1... for nuclei, 0 elsewhere.
    private(set) var instances: [Int32]
    /// How many nuclei have a pixel.
    private(set) var count: Int

    init(_ histology: Histology, patient: HistologyPatient, pixel: Double, draws: PhantomDraws, pool: ThreadPool) {
        let width = histology.width, height = histology.height
        let wide = Double(width) * pixel, high = Double(height) * pixel
        let fibres = FibreDirections(width: wide, height: high, draws: draws)
        var architecture = TissueArchitecture(
            pattern: patient.pattern, traits: patient.traits,
            fields: TissueFields(width: wide, height: high, pixel: pixel), fibres: fibres, draws: draws)
        let fields = architecture.laidOut(pool: pool)
        let noise = TissueNoise(random: draws.stream("texture"))
        var placement = NucleiPlacement(
            fields: fields, pattern: patient.pattern, traits: patient.traits, isMalignant: patient.isMalignant,
            fibres: fibres)
        placement.throwNuclei(draws: draws)
        let cells = placement
        let ground = TissueGround(
            fields: fields, fibres: fibres, traits: patient.traits, isMalignant: patient.isMalignant, noise: noise,
            pixel: pixel, cells: cells)
        var h = [Float](repeating: 0, count: width * height), e = h
        var kinds = [Int32](repeating: 0, count: width * height), owners = kinds
        h.withUnsafeMutableBufferPointer { h in
            e.withUnsafeMutableBufferPointer { e in
                kinds.withUnsafeMutableBufferPointer { kinds in
                    nonisolated(unsafe) let h = h, e = e, kinds = kinds
                    pool.forEach(height) { row in
                        for column in 0..<width {
                            let sample = ground.sample(Double(column) * pixel, Double(row) * pixel)
                            let index = row &* width &+ column
                            h[index] = sample.hematoxylin
                            e[index] = sample.eosin
                            kinds[index] = sample.label.rawValue
                        }
                    }
                }
            }
        }
        let drawing = NucleusDrawing(width: width, height: height, pixel: pixel, noise: noise)
        var number: Int32 = 0
        h.withUnsafeMutableBufferPointer { h in
            e.withUnsafeMutableBufferPointer { e in
                owners.withUnsafeMutableBufferPointer { owners in
                    guard let h = h.baseAddress, let e = e.baseAddress, let owners = owners.baseAddress else { return }
                    for nucleus in placement.nuclei
                    where drawing.draw(nucleus, label: number + 1, hematoxylin: h, eosin: e, instances: owners) {
                        number += 1
                    }
                }
            }
        }
        let a = Float(patient.stain.hematoxylinStrength), b = Float(patient.stain.eosinStrength)
        for index in h.indices {
            h[index] *= a
            e[index] *= b
            if owners[index] > 0 { kinds[index] = Histology.Label.nucleus.rawValue }
        }
        hematoxylin = h
        eosin = e
        labels = kinds
        instances = owners
        count = Int(number)
    }
}
