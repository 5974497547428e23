import LucencyFoundation

/// Path lengths of a patient: tissues displace one another, so that each stretch of a ray counts once.
struct ThoraxPaths: Sendable {
    let scene: ThoraxScene
    let draws: PhantomDraws

    /// Lengths in mm for size 1.
    /// - Parameter side: of the film; textures must not depend on how pixels' sizes are rounded.
    func render(_ grid: ThoraxGrid, side: Double, pool: ThreadPool) -> PathLengths {
        let count = grid.count * grid.count, anatomy = scene.anatomy
        var body = [Float](repeating: 0, count: count), lung = body, gas = body, solid = body
        ThoraxSoftTissue(anatomy: anatomy).render(grid, body: &body, lung: &lung, gas: &gas, pool: pool)
        fill(grid, solid: &solid, gas: &gas)
        var (bone, spongy) = skeleton(grid)

        let extent = Int(side.rounded(.up)) + 1
        func field(_ name: String, _ spacing: Double) -> SmoothField {
            SmoothField(width: extent, height: extent, spacing: spacing, random: draws.stream("texture." + name))
        }
        let fine = field("lung.fine", 2.2), medium = field("lung.medium", 7), coarse = field("lung.coarse", 30)
        let muscle = field("muscle", 16), fat = field("fat", 5), trabeculae = field("trabeculae", 1.5)
        let share = anatomy.spongiosa, unevenness = anatomy.unevenness
        let density = anatomy.lungDensity / ChestMaterial.lung.density, texture = anatomy.lungTexture
        let height = anatomy.lungHeight
        var soft = body
        soft.withUnsafeMutableBufferPointer { soft in
            lung.withUnsafeMutableBufferPointer { lung in
                bone.withUnsafeMutableBufferPointer { bone in
                    nonisolated(unsafe) let soft = soft, lung = lung, bone = bone
                    let gas = gas, solid = solid, spongy = spongy, body = body
                    pool.forEach(grid.count) { row in
                        let y = (Double(row) + 0.5) * grid.pixel, level = grid.y(row) / height
                        for column in 0..<grid.count {
                            let i = row &* grid.count &+ column, x = (Double(column) + 0.5) * grid.pixel
                            let inside = Double(body[i])
                            guard inside > 0 else {
                                soft[i] = 0
                                lung[i] = 0
                                bone[i] = 0
                                continue
                            }
                            var hard = Double(bone[i])
                            if spongy[i] > 0 {
                                // Along longer ways through spongy bone more of its grain averages out.
                                let depth = Double(spongy[i]), grain = 0.2 * (4 / (4 + depth)).squareRoot()
                                hard += depth * share * max(0.3, 1 + grain * trabeculae(x, y))
                            }
                            hard = min(hard, 0.8 * inside)
                            var aerated = max(0, Double(lung[i]) - max(0, Double(solid[i])))
                            let free = min(Double(gas[i]), 0.6 * inside)
                            aerated = min(aerated, inside - hard - free)
                            let filled = max(0, inside - aerated - free - hard)
                            let uneven = unevenness * (0.8 * muscle(x, y) + 0.5 * fat(x, y))
                            soft[i] = Float(filled * max(0.5, 1 + uneven))
                            bone[i] = Float(hard)
                            if aerated > 0 {
                                let grain =
                                    texture * (0.55 * fine(x, y) + 0.6 * medium(x, y) + 0.5 * coarse(x, y))
                                // More blood lies in the lower parts of an upright patient's lungs.
                                let hanging = 0.82 + 0.4 * min(max(level, 0), 1.1)
                                lung[i] = Float(aerated * density * max(0.2, 1 + grain) * hanging)
                            } else {
                                lung[i] = 0
                            }
                        }
                    }
                }
            }
        }
        return PathLengths(width: grid.count, height: grid.count, soft: soft, lung: lung, bone: bone)
    }

    /// What is not lung within the lungs, and the air in windpipe and bronchi.
    private func fill(_ grid: ThoraxGrid, solid: inout [Float], gas: inout [Float]) {
        solid.withUnsafeMutableBufferPointer { solid in
            gas.withUnsafeMutableBufferPointer { gas in
                for vessel in scene.trees.vessels {
                    vessel.forEachPixel(grid) { index, length, _ in solid[index] += Float(length) }
                }
                for bronchus in scene.trees.bronchi {
                    bronchus.forEachPixel(grid) { index, outer, lumen in
                        solid[index] += Float(outer)
                        gas[index] += Float(lumen)
                    }
                }
                for airway in scene.airways.lumens {
                    airway.forEachPixel(grid) { index, length, _ in gas[index] += Float(length) }
                }
                for nodule in scene.nodules {
                    nodule.shape.forEachPixel(grid) { index, chord in
                        solid[index] += Float(chord.length * nodule.contrast)
                    }
                }
            }
        }
    }

    /// Compact and spongy bone.
    private func skeleton(_ grid: ThoraxGrid) -> (compact: [Float], spongy: [Float]) {
        var compact = [Float](repeating: 0, count: grid.count * grid.count), spongy = compact
        compact.withUnsafeMutableBufferPointer { compact in
            spongy.withUnsafeMutableBufferPointer { spongy in
                func add(_ tube: Tube, spongiosa: Float = 1) {
                    tube.forEachPixel(grid) { index, outer, inner in
                        compact[index] += Float(outer - inner)
                        spongy[index] += Float(inner) * spongiosa
                    }
                }
                for rib in scene.ribs.ribs { add(rib.tube) }
                for clavicle in scene.girdle.clavicles { add(clavicle) }
                for tube in scene.girdle.scapulaTubes { add(tube) }
                // The shaft holds marrow.
                for humerus in scene.girdle.humeri { add(humerus, spongiosa: 0.35) }
                scene.girdle.forEachPlatePixel(grid) { index, depth in
                    let edge = smoothStep(depth / 5)
                    compact[index] += Float(edge * (1.1 + 1.3 * bell(depth / 10)))
                    spongy[index] += Float(1.5 * edge)
                }
                scene.spine.forEachPixel(grid) { index, shell, inside in
                    compact[index] += Float(shell)
                    spongy[index] += Float(inside)
                }
                for fleck in scene.flecks {
                    fleck.forEachPixel(grid) { index, chord in compact[index] += Float(0.35 * chord.length) }
                }
            }
        }
        return (compact, spongy)
    }
}
