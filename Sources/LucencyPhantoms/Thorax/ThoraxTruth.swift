/// Masks of a patient on the image's grid: what a reader would outline.
struct ThoraxTruth: Sendable {
    let scene: ThoraxScene
    let grid: ThoraxGrid

    /// Classes of `label`, in rising priority.
    enum Region: Int32, CaseIterable {
        case background = 0, body, rightLung, leftLung, mediastinum, heart

        var name: String {
            switch self {
            case .background: "background"
            case .body: "body"
            case .rightLung: "right lung"
            case .leftLung: "left lung"
            case .mediastinum: "mediastinum"
            case .heart: "heart"
            }
        }
    }

    /// The lungs up to the outlines of the diaphragm's domes, without what heart and great vessels cover: 1 right, 2 left.
    func lungs() -> [Int32] {
        var mask = [Int32](repeating: 0, count: grid.count * grid.count)
        let chest = scene.anatomy.chest
        for row in 0..<grid.count {
            let y = grid.y(row)
            guard y > 0 else { continue }
            let section = chest.section(y)
            for column in 0..<grid.count {
                let x = grid.x(column), side: Side = x < 0 ? .right : .left, distance = abs(x)
                guard distance > section.inner[side.rawValue] + 1, distance < section.cage,
                    y < chest.domes[side.rawValue].silhouette(distance)
                else { continue }
                mask[row * grid.count + column] = Int32(side.rawValue + 1)
            }
        }
        for shape in scene.anatomy.heart + scene.anatomy.vessels {
            shape.forEachPixel(grid) { index, _ in mask[index] = 0 }
        }
        return mask
    }

    func heart() -> [Int32] {
        var mask = [Int32](repeating: 0, count: grid.count * grid.count)
        for shape in scene.anatomy.heart { shape.forEachPixel(grid) { index, _ in mask[index] = 1 } }
        return mask
    }

    /// Every pixel's region; what has a higher number lies over what has a lower one.
    func regions() -> [Int32] {
        let lungs = lungs(), heart = heart(), chest = scene.anatomy.chest
        var labels = [Int32](repeating: Region.background.rawValue, count: grid.count * grid.count)
        ThoraxSoftTissue(anatomy: scene.anatomy).forEachBodyPixel(grid) { labels[$0] = Region.body.rawValue }
        for row in 0..<grid.count {
            let y = grid.y(row), section = chest.section(y)
            for column in 0..<grid.count {
                let i = row * grid.count + column, x = grid.x(column), side: Side = x < 0 ? .right : .left
                if lungs[i] > 0 {
                    labels[i] = (lungs[i] == 1 ? Region.rightLung : .leftLung).rawValue
                } else if y > 0, abs(x) <= section.inner[side.rawValue] + 1, y < chest.domes[side.rawValue].top {
                    labels[i] = Region.mediastinum.rawValue
                }
            }
        }
        for shape in scene.anatomy.vessels {
            shape.forEachPixel(grid) { index, _ in
                let y = grid.y(index / grid.count)
                if y > 0, y < chest.domes[0].top { labels[index] = Region.mediastinum.rawValue }
            }
        }
        for i in heart.indices where heart[i] > 0 { labels[i] = Region.heart.rawValue }
        return labels
    }

    /// 1 right, 2 left.
    func clavicles() -> [Int32] {
        var mask = [Int32](repeating: 0, count: grid.count * grid.count)
        for (i, tube) in scene.girdle.clavicles.enumerated() {
            tube.forEachPixel(grid) { index, _, _ in mask[index] = Int32(i + 1) }
        }
        return mask
    }

    /// 1…12 the right ribs, 13…24 the left ones; where ribs cross, the one that is thickest along the ray.
    func ribs() -> [Int32] {
        var mask = [Int32](repeating: 0, count: grid.count * grid.count)
        var thickest = [Float](repeating: 0, count: mask.count), own = thickest
        for rib in scene.ribs.ribs {
            var touched: [Int] = []
            rib.tube.forEachPixel(grid) { index, length, _ in
                if own[index] == 0 { touched.append(index) }
                own[index] += Float(length)
            }
            for index in touched {
                if own[index] > thickest[index] {
                    thickest[index] = own[index]
                    mask[index] = rib.number
                }
                own[index] = 0
            }
        }
        return mask
    }

    /// The nodules' numbers, as they are recorded.
    func nodules() -> [Int32] {
        var mask = [Int32](repeating: 0, count: grid.count * grid.count)
        for nodule in scene.nodules {
            nodule.shape.forEachPixel(grid) { index, _ in mask[index] = Int32(nodule.number) }
        }
        return mask
    }
}
