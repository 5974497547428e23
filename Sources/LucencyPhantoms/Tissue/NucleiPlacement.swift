import LucencyFoundation

/// Throws nuclei into the tissue, each kind where it belongs, as near as its kind allows.
struct NucleiPlacement {
    let fields: TissueFields
    let pattern: HistologyTissue.Pattern
    let traits: HistologyPatient.Traits
    let isMalignant: Bool
    let fibres: FibreDirections
    private(set) var nuclei: [Nucleus] = []
    /// Their centres and their least and greatest half axes by themselves, for quick looks.
    private var spots: [SIMD4<Double>] = []
    private var bins: [[Int32]]
    private let binColumns: Int
    private let binRows: Int
    private static let bin = 14.0

    init(
        fields: TissueFields, pattern: HistologyTissue.Pattern, traits: HistologyPatient.Traits, isMalignant: Bool,
        fibres: FibreDirections
    ) {
        self.fields = fields
        self.pattern = pattern
        self.traits = traits
        self.isMalignant = isMalignant
        self.fibres = fibres
        binColumns = Int((fields.width + 2 * TissueFields.margin) / Self.bin) + 1
        binRows = Int((fields.height + 2 * TissueFields.margin) / Self.bin) + 1
        bins = Array(repeating: [], count: binColumns * binRows)
    }

    /// Throws at random points, about one for each 5 µm², keeping what fits.
    mutating func throwNuclei(draws: PhantomDraws) {
        var random = draws.stream("nuclei")
        let margin = TissueFields.margin - 6
        let wide = fields.width + 2 * margin, high = fields.height + 2 * margin
        let crowd = SmoothField(
            width: Int(fields.width) + 1, height: Int(fields.height) + 1, spacing: 60, margin: 90,
            random: draws.stream("lymphocytes"))
        for _ in 0..<Int(wide * high / 5) {
            let x = random.uniform() * wide - margin, y = random.uniform() * high - margin
            let chance = random.uniform()
            let corner = fields.corner(x, y)
            guard corner(fields.fat) < -1.5 else { continue }
            let depth = Double(corner(fields.epithelium)), lumen = Double(corner(fields.lumen))
            let blood = Double(corner(fields.blood))
            guard lumen < -1, blood < 0.3 else { continue }
            if depth > 0 {
                throwEpithelial(x, y, depth: depth, lumen: lumen, &random)
                // Narrow layers and crowded nests need more tries until they are full.
                for _ in 0..<3 {
                    let u = x + random.uniform(in: -3...3), v = y + random.uniform(in: -3...3)
                    let corner = fields.corner(u, v)
                    let depth = Double(corner(fields.epithelium)), lumen = Double(corner(fields.lumen))
                    guard depth > 0, lumen < -1 else { continue }
                    throwEpithelial(u, v, depth: depth, lumen: lumen, &random)
                }
            } else if depth < -1.6 {
                let loose = Double(corner(fields.loose))
                throwStromal(x, y, chance: chance, loose: loose, blood: blood, crowd: crowd(x, y), &random)
            }
        }
    }

    private mutating func throwEpithelial(
        _ x: Double, _ y: Double, depth: Double, lumen: Double, _ random: inout PhiloxStream
    ) {
        guard !isTaken(x, y) else { return }
        let wall = depth - lumen
        var nucleus = epithelial(x, y, &random)
        switch pattern {
        case .ducts, .slits, .tubules:
            // Two layers: flat dark cells on the outside, and a row of oval nuclei above them.
            if depth < 2.6 {
                guard depth > 1.1, random.uniform() < 0.5 else { return }
                nucleus.kind = .basal
                nucleus.long = 3.4 + 0.6 * random.normal() * 0.6
                nucleus.short = 1.25 + 0.2 * random.uniform()
                nucleus.angle = fields.direction(of: fields.epithelium, x, y) + .pi / 2
                nucleus.density = 1.1
                nucleus.coarseness = 0.1
            } else {
                let row = max(nucleus.short + 1.6, 0.5 * wall)
                let spread = wall < 12 ? 1.6 : 0.3 * wall
                guard abs(depth - row) < spread else { return }
                nucleus.angle = fields.direction(of: fields.epithelium, x, y) + random.normal() * 0.2
            }
        case .glands, .nests, .cords, .sheets:
            guard depth > 0.5 * nucleus.short, lumen < -0.7 * nucleus.short else { return }
            if pattern == .glands {
                nucleus.angle = fields.direction(of: fields.epithelium, x, y) + random.normal() * 0.45
            } else if depth < 1.5 * nucleus.long {
                nucleus.angle =
                    fields.direction(of: fields.epithelium, x, y) + .pi / 2 + random.normal() * 0.5
            }
        }
        add(nucleus, spacing: traits.spacing)
    }

    /// An epithelial nucleus with the patient's traits.
    private func epithelial(_ x: Double, _ y: Double, _ random: inout PhiloxStream) -> Nucleus {
        // Log-normal sizes with the wanted coefficient of variation.
        let size = exponential(traits.variation * min(max(random.normal(), -2), 2.4) - traits.variation * 0.1)
        let diameter = traits.diameter * size
        let ratio = isMalignant ? random.uniform(in: 1...1.55) : random.uniform(in: 1.1...1.65)
        var nucleus = Nucleus(
            kind: isMalignant ? .tumour : .luminal, x: x, y: y, long: diameter / 2 * ratio.squareRoot(),
            short: diameter / 2 / ratio.squareRoot(), angle: random.uniform() * .pi)
        wave(&nucleus, traits.irregularity * random.uniform(in: 0.5...1.5), &random)
        nucleus.coarseness = Float(min(max(traits.chromatin + 0.2 * random.normal(), 0), 1))
        nucleus.density = Float(min(max(1.02 + (0.08 + 0.5 * traits.variation) * random.normal(), 0.6), 1.5))
        nucleus.softness = Float(0.25 + 0.5 * random.uniform() * random.uniform())
        if random.uniform() < traits.nucleoli {
            for _ in 0..<(isMalignant && random.uniform() < 0.3 ? 2 : 1) {
                let radius = (isMalignant ? 0.75 : 0.5) * random.uniform(in: 0.7...1.3) * traits.diameter / 8
                nucleus.nucleoli.append(
                    (Float(random.uniform(in: -0.4...0.4)), Float(random.uniform(in: -0.4...0.4)), Float(radius)))
            }
        }
        if random.uniform() < traits.mitoses {
            nucleus.kind = .mitosis
            nucleus.long = random.uniform(in: 3.4...4.6)
            nucleus.short = random.uniform(in: 1.2...2.2)
            wave(&nucleus, 0.16, &random)
            nucleus.density = 1.7
            nucleus.coarseness = 0
            nucleus.nucleoli = []
        }
        return nucleus
    }

    private mutating func throwStromal(
        _ x: Double, _ y: Double, chance: Double, loose: Double, blood: Double, crowd: Double,
        _ random: inout PhiloxStream
    ) {
        // Points come 200 to 1000 µm².
        let gathered = min(max(0.9 * (crowd - 0.7), 0), 1)
        let lymphocytes = traits.lymphocytes * gathered / 200
        let spindles = traits.fibroblasts * (1 + 1.6 * loose) / 200
        let single = isMalignant && pattern == .cords ? 1.2 / 200 : isMalignant ? 0.25 / 200 : 0
        if blood > -2.2 {
            guard chance < 0.3 else { return }
            add(spindle(x, y, angle: fields.direction(of: fields.blood, x, y) + .pi / 2, &random), spacing: 1.5)
        } else if chance < lymphocytes {
            var cell = Nucleus(kind: .lymphocyte, x: x, y: y, long: 2.75, short: 2.75, angle: 0)
            let size = random.uniform(in: 0.85...1.2)
            cell.long *= size * random.uniform(in: 1...1.15)
            cell.short *= size
            cell.angle = random.uniform() * .pi
            wave(&cell, 0.05, &random)
            cell.density = Float(random.uniform(in: 1.2...1.55))
            cell.coarseness = 0.25
            add(cell, spacing: 1.02)
        } else if chance < lymphocytes + spindles {
            let angle = fibres.direction(x, y, fields) + random.normal() * 0.25
            add(spindle(x, y, angle: angle, &random), spacing: 1.15)
        } else if chance < lymphocytes + spindles + single {
            add(epithelial(x, y, &random), spacing: 1.1)
        }
    }

    private func spindle(_ x: Double, _ y: Double, angle: Double, _ random: inout PhiloxStream) -> Nucleus {
        var cell = Nucleus(
            kind: .fibroblast, x: x, y: y, long: random.uniform(in: 3.6...7.5), short: random.uniform(in: 0.9...1.7),
            angle: angle)
        // Some are cut across.
        if random.uniform() < 0.25 { cell.long = random.uniform(in: 1.8...3.2) }
        wave(&cell, 0.08, &random)
        cell.taper = Float(random.uniform(in: 0.2...0.9))
        cell.density = Float(random.uniform(in: 0.55...1.1))
        cell.coarseness = Float(random.uniform(in: 0...0.5))
        cell.softness = Float(0.25 + 0.6 * random.uniform())
        return cell
    }

    private func wave(_ nucleus: inout Nucleus, _ amplitude: Double, _ random: inout PhiloxStream) {
        for k in 0..<4 {
            nucleus.waves[k] = Float(amplitude * random.uniform(in: 0.4...1) / Double(k + 1).squareRoot())
            let phase = unitVector(random.uniform() * 2 * .pi)
            nucleus.cosines[k] = Float(phase.x)
            nucleus.sines[k] = Float(phase.y)
        }
    }

    /// Whether a point is so near a nucleus that no other of usual size fits: a quick look before one is drawn.
    private func isTaken(_ x: Double, _ y: Double) -> Bool {
        let column = min(max(Int((x + TissueFields.margin) / Self.bin), 0), binColumns - 1)
        let row = min(max(Int((y + TissueFields.margin) / Self.bin), 0), binRows - 1)
        for r in max(0, row - 1)...min(binRows - 1, row + 1) {
            for c in max(0, column - 1)...min(binColumns - 1, column + 1) {
                for other in bins[r &* binColumns &+ c] {
                    let spot = spots[Int(other)], dx = spot.x - x, dy = spot.y - y
                    let least = traits.spacing * (spot.z + 0.25 * traits.diameter)
                    if dx * dx + dy * dy < least * least { return true }
                }
            }
        }
        return false
    }

    /// The nearest epithelial nucleus within 20 µm and how much nearer it is than the next one: 0 on the border of two
    /// cells.
    func cell(_ x: Double, _ y: Double) -> (number: Int, margin: Double)? {
        let column = min(max(Int((x + TissueFields.margin) / Self.bin), 0), binColumns - 1)
        let row = min(max(Int((y + TissueFields.margin) / Self.bin), 0), binRows - 1)
        var first = (square: 400.0, number: -1), second = 400.0
        for r in max(0, row - 1)...min(binRows - 1, row + 1) {
            for c in max(0, column - 1)...min(binColumns - 1, column + 1) {
                for other in bins[r &* binColumns &+ c] {
                    let spot = spots[Int(other)], dx = spot.x - x, dy = spot.y - y, square = dx * dx + dy * dy
                    if square < first.square {
                        second = first.square
                        first = (square, Int(other))
                    } else if square < second {
                        second = square
                    }
                }
            }
        }
        return first.number < 0 ? nil : (first.number, second.squareRoot() - first.square.squareRoot())
    }

    /// Keeps a nucleus if its neighbours leave it room.
    private mutating func add(_ nucleus: Nucleus, spacing: Double) {
        let column = min(max(Int((nucleus.x + TissueFields.margin) / Self.bin), 0), binColumns - 1)
        let row = min(max(Int((nucleus.y + TissueFields.margin) / Self.bin), 0), binRows - 1)
        let least = min(nucleus.short, nucleus.long), greatest = max(nucleus.short, nucleus.long)
        for r in max(0, row - 1)...min(binRows - 1, row + 1) {
            for c in max(0, column - 1)...min(binColumns - 1, column + 1) {
                for other in bins[r &* binColumns &+ c] {
                    let spot = spots[Int(other)]
                    let dx = spot.x - nucleus.x, dy = spot.y - nucleus.y, distance = hypotenuse(dx, dy)
                    // Whatever their directions, some are too far to touch and some too near not to.
                    guard distance < min(16, 1.000_001 * spacing * (spot.w + greatest)) else { continue }
                    if distance < 0.999_999 * spacing * (spot.z + least) { return }
                    let way = arcTangent(dy, dx)
                    let own = nucleus.radius(towards: way)
                    if distance < spacing * (nuclei[Int(other)].radius(towards: way) + own) { return }
                }
            }
        }
        bins[row * binColumns + column].append(Int32(nuclei.count))
        nuclei.append(nucleus)
        spots.append(SIMD4(nucleus.x, nucleus.y, least, greatest))
    }
}
