import LucencyFoundation

extension SheppLogan {
    /// mm per unit of the table.
    var unit: Double { fieldOfView.value * (fieldOfView.unit.millimetres ?? .nan) / 2 }

    /// The ellipses of a picture, in mm about the middle of the image. What varies is drawn.
    public func ellipses(_ draws: inout PhantomDraws) -> [Ellipse] {
        let pose = head.drawn("head", &draws)
        return table.ellipses.map { ellipse in
            var placed = ellipse.scaled(by: unit)
            if let own = variation(of: ellipse.region)?.drawn(ellipse.name, &draws) {
                placed.a *= own.scale
                placed.b *= own.scale
                placed.angle += own.turn
                placed = placed.moved(own.x, own.y)
            }
            return placed.scaled(by: pose.scale).turned(by: pose.turn).moved(pose.x, pose.y)
        }
    }

    /// Whether all that can be drawn stays inside: the head in the circle that the scanner sees, and what is in the brain
    /// in the brain.
    /// - Throws: `Diagnostic` that names what can leave.
    func checkVariation() throws(Diagnostic) {
        try head.check("the head")
        try ventricles.check("ventricles")
        try tumours.check("tumours")
        let far = { (interval: Interval) in max(abs(interval.lower), abs(interval.upper)) }
        let reach = 0.92 * unit * head.scale.upper + hypotenuse(far(head.shiftX), far(head.shiftY))
        guard reach <= unit else {
            throw Diagnostic(
                .badArgument, "the head can reach \(reach) mm from the middle of a field of view of \(fieldOfView)",
                remedy: "make the head's shifts or scale smaller, or the field of view larger")
        }
        let ellipses = table.ellipses.map { $0.scaled(by: unit) }
        guard let brain = ellipses.first(where: { $0.region == .brain }) else { return }
        for ellipse in ellipses {
            guard let variation = variation(of: ellipse.region), variation.canLead(ellipse, outOf: brain) else {
                continue
            }
            throw Diagnostic(
                .badArgument, "the \(ellipse.region.name) '\(ellipse.name)' can reach outside the brain",
                remedy: "make the shifts, rotations or scales of ventricles or tumours smaller")
        }
    }

    /// How what lies in the brain varies by itself; nil for the head around it.
    private func variation(of region: Region) -> Variation? {
        switch region {
        case .ventricle: ventricles
        case .largeTumour, .smallTumour: tumours
        case .air, .skull, .brain: nil
        }
    }
}

extension SheppLogan.Variation {
    /// Whether a point of an ellipse's border can leave the brain: looked at in steps of rotations and of the border.
    fileprivate func canLead(_ ellipse: SheppLogan.Ellipse, outOf brain: SheppLogan.Ellipse) -> Bool {
        var largest = ellipse
        largest.a *= scale.upper
        largest.b *= scale.upper
        // Steps of at most 5°: between them a border moves away by 0.1 % of its length at most.
        let steps = max(1, Int(((rotation.upper - rotation.lower) / 5).rounded(.up)))
        return (0...steps).contains { turn in
            let share = Double(turn) / Double(steps)
            let degrees = rotation.lower + share * (rotation.upper - rotation.lower)
            var turned = largest
            turned.angle += degrees * .pi / 180
            return (0..<64).contains { step in
                let point = turned.border(at: Double(step) * .pi / 32)
                return [shiftX.lower, shiftX.upper].contains { dx in
                    [shiftY.lower, shiftY.upper].contains { dy in
                        !brain.contains(point.x + dx, point.y + dy)
                    }
                }
            }
        }
    }
}
