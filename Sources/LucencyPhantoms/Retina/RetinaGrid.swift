import LucencyFoundation

/// The pixels of a fundus photograph.
struct RetinaGrid: Sendable {
    let size: Int
    /// mm per pixel.
    let spacing: Double
    /// Radius of the field of view, mm.
    let reach: Double

    private func place(_ index: Int) -> Double { (Double(index) - Double(size - 1) / 2) * spacing }

    /// Labels within the field of view, 0 outside, by pixel number.
    func masked(_ label: (Int) -> Int32) -> [Int32] {
        (0..<size * size).map { hypotenuse(place($0 % size), place($0 / size)) <= reach ? label($0) : 0 }
    }

    /// Labels within the field of view, 0 outside, by place in mm.
    func masked(_ label: (Double, Double) -> Int32) -> [Int32] {
        masked { (index: Int) in label(place(index % size), place(index / size)) }
    }

    /// Each lesion's pixels; at least the one in its middle.
    func masked(_ lesions: [RetinaLesion]) -> [Int32] {
        var labels = [Int32](repeating: 0, count: size * size)
        for lesion in lesions {
            forPixels(of: lesion, margin: 0) { index, distance in
                if distance <= max(lesion.radius, 0.71 * spacing) { labels[index] = lesion.kind }
            }
        }
        return masked { labels[$0] }
    }

    private func forPixels(of lesion: RetinaLesion, margin: Double, _ body: (Int, Double) -> Void) {
        let middle = Double(size - 1) / 2, reach = lesion.radius / spacing + margin + 1
        let column = lesion.x / spacing + middle, row = lesion.y / spacing + middle
        let left = max(0, Int(column - reach)), right = min(size - 1, Int(column + reach) + 1)
        let top = max(0, Int(row - reach)), bottom = min(size - 1, Int(row + reach) + 1)
        guard left <= right, top <= bottom else { return }
        for y in top...bottom {
            for x in left...right { body(y * size + x, hypotenuse(place(x) - lesion.x, place(y) - lesion.y)) }
        }
    }

    /// How much light comes from each place, 0...255 per channel, before blur and noise; a plane for each channel.
    func painted(
        _ eye: RetinaEye, _ fundus: RetinaFundus.Drawn, _ lesions: [RetinaLesion], _ raster: VesselRaster,
        _ camera: RetinaCamera.Drawn, _ draws: PhantomDraws, _ pool: ThreadPool
    ) -> [Float] {
        let field = { (name: String, millimetres: Double, margin: Double) in
            // Fields are laid out in hundredths of a millimetre, so that they do not depend on the picture's size.
            SmoothField(
                width: Int(200 * reach * 1.1), height: Int(200 * reach * 1.1), spacing: 100 * millimetres,
                margin: margin, random: draws.stream(name))
        }
        let light = field("fundus.light", 4.5, 200), pattern = field("fundus.choroid", 0.3, 220 * reach),
            warpX = field("fundus.warpX", 1.6, 200)
        let warpY = field("fundus.warpY", 1.6, 200), mottle = field("fundus.mottle", 0.13, 200),
            patches = field("fundus.patches", 1.3, 200)
        let strength = field("fundus.strength", 3, 200)
        let base = SIMD3<Double>(176, 108, 74) * (1 - fundus.brightness) + SIMD3(252, 130, 64) * fundus.brightness
        var stains = [SIMD2<Float>](repeating: .zero, count: size * size)
        for lesion in lesions {
            forPixels(of: lesion, margin: 2) { index, distance in
                let cover = Float(smoothStep((lesion.radius - distance) / (1.6 * spacing) + 0.5))
                stains[index][lesion.kind == 1 ? 0 : 1] = max(stains[index][lesion.kind == 1 ? 0 : 1], cover)
            }
        }
        var plane = [Float](repeating: 0, count: 3 * size * size)
        plane.withUnsafeMutableBufferPointer { plane in
            nonisolated(unsafe) let plane = plane
            let stains = stains
            pool.forEach(size) { row in
                let y = place(row)
                for column in 0..<size {
                    let x = place(column), index = row &* size &+ column
                    let inside = smoothStep((reach - hypotenuse(x, y)) / (3 * spacing) + 0.5)
                    var color = SIMD3<Double>(5, 4, 4)
                    if inside > 0 {
                        let u = 100 * (x + reach * 1.1), v = 100 * (y + reach * 1.1)
                        let toFovea = hypotenuse(x - eye.fovea.x, y - eye.fovea.y)
                        // Choroidal vessels: ridges of a field that is stretched along a direction which turns slowly.
                        let bendX = 60 * warpX(u, v), bendY = 60 * warpY(u, v)
                        let along = (u + bendX) * 0.38 + (v + bendY) * 0.22,
                            across = (v + bendY) * 0.9 - (u + bendX) * 0.5
                        let ridge = abs(pattern(along, across))
                        let shows =
                            fundus.choroid * smoothStep((toFovea - 0.8) / 3.2)
                            * min(max(0.75 + 0.5 * strength(u, v), 0.1), 1.6)
                        let choroid = shows * (bell(ridge / 0.42) - 0.35)
                        var tint = SIMD3<Double>(1 - 0.02 * choroid, 1 - 0.2 * choroid, 1 - 0.13 * choroid)
                        let grain = 1 + 0.014 * mottle(u, v) + 0.025 * patches(u, v)
                        tint *= SIMD3(1 + 0.5 * (grain - 1), grain, grain)
                        // The macula's pigment takes blue and green.
                        let dark = fundus.macula * (0.75 * bell(toFovea / 0.95) + 0.25 * bell(toFovea / 0.35))
                        tint *= SIMD3(1 - 0.3 * dark, 1 - 0.52 * dark, 1 - 0.45 * dark)
                        color = base * tint
                        color = onDisc(color, eye, x, y)
                        color = withBlood(
                            color, raster, index, fundus.contrast,
                            onDisc: smoothStep((1 - eye.disc(x, y)) * eye.halfWidth / 0.14 + 0.5))
                        let stain = stains[index]
                        if stain.x > 0 { color *= SIMD3(1, 1, 1) - SIMD3(0.28, 0.5, 0.4) * Double(stain.x) }
                        if stain.y > 0 { color += (SIMD3(250, 222, 130) - color) * (0.85 * Double(stain.y)) }
                        color *= camera.illumination(x, y, reach) * (1 + 0.07 * light(u, v))
                        color = color * inside + SIMD3(5, 4, 4) * (1 - inside)
                    }
                    for channel in 0..<3 {
                        plane[channel &* size &* size &+ index] = Float(min(max(color[channel], 0), 300))
                    }
                }
            }
        }
        return plane
    }

    /// The optic disc: pale, its cup brightest, its temporal rim paler than the nasal one, in a faint halo.
    private func onDisc(_ color: SIMD3<Double>, _ eye: RetinaEye, _ x: Double, _ y: Double) -> SIMD3<Double> {
        let radius = eye.disc(x, y)
        guard radius < 2.6 else { return color }
        var color = color * (1 + 0.1 * bell(max(0, radius - 1) / 0.5))
        let temporal = (x - eye.center.x) * eye.temporal / eye.halfWidth
        let rim = SIMD3<Double>(268, 190 + 22 * temporal, 116 + 20 * temporal)
        let edge = smoothStep((1 - radius) * eye.halfWidth / 0.14 + 0.5)
        color += (rim - color) * (0.9 * edge)
        guard eye.cupRatio > 0 else { return color }
        let cup = smoothStep((1 - eye.cup(x, y)) * eye.halfWidth * eye.cupRatio / 0.3 + 0.5)
        return color + (SIMD3(290, 262, 188) - color) * (0.85 * cup * edge)
    }

    /// Blood takes green and blue light, dark venous blood more red light too; arteries shine along their middle.
    private func withBlood(
        _ color: SIMD3<Double>, _ raster: VesselRaster, _ index: Int, _ contrast: Double, onDisc: Double
    ) -> SIMD3<Double> {
        let artery = Double(raster.arteryDensity[index]) * contrast
        let vein = Double(raster.veinDensity[index]) * contrast
        guard artery > 0 || vein > 0 else { return color }
        // An artery lies before the vein that it crosses. On the pale disc less stray light fills the vessels.
        let behind = vein * (1 - 0.75 * Double(raster.artery[index]))
        let gain = SIMD3<Double>(1, 1, 1) + SIMD3(1, 1.2, 2.4) * onDisc
        let density = gain * (SIMD3(0.09, 0.38, 0.22) * artery + SIMD3(0.15, 0.54, 0.3) * behind)
        let result = SIMD3(exponential(-density.x), exponential(-density.y), exponential(-density.z)) * color
        return result + SIMD3(14, 12, 6) * ((1 - onDisc) * Double(raster.reflex[index]))
    }
}
