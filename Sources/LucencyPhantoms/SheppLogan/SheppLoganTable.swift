#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension SheppLogan {
    /// What an ellipse of the head stands for; the raw value is its label.
    public enum Region: Int32, CaseIterable, Hashable, Sendable {
        case air, skull, brain, ventricle, largeTumour, smallTumour

        /// As in the label table.
        public var name: String {
            switch self {
            case .largeTumour: "large tumour"
            case .smallTumour: "small tumour"
            default: "\(self)"
            }
        }
    }

    /// An ellipse that adds a value inside.
    public struct Ellipse: Hashable, Sendable {
        /// In the record of what was drawn.
        public var name: String
        public var region: Region
        /// What it adds to the ellipses around it.
        public var value: Double
        /// The centre: x to the right of the image, y up.
        public var x: Double
        public var y: Double
        /// Half axes, the first along x before turning.
        public var a: Double
        public var b: Double
        /// Counter-clockwise, in radians.
        public var angle: Double

        /// - Parameter degrees: the angle, counter-clockwise.
        public init(
            _ name: String, _ region: Region, value: Double, x: Double, y: Double, a: Double, b: Double,
            degrees: Double = 0
        ) {
            self.name = name
            self.region = region
            self.value = value
            self.x = x
            self.y = y
            self.a = a
            self.b = b
            angle = degrees * .pi / 180
        }
    }

    /// The values that the ellipses have. Their shapes are the same in both, but for one.
    public enum Table: String, CaseIterable, Hashable, Sendable {
        /// Skull 2, brain 1.02, ventricles 1 and tumours 1.03, much as in a head, where water is 1 (Shepp and Logan,
        /// "The Fourier reconstruction of a head section", IEEE Trans. Nucl. Sci. 21, 1974).
        case standard
        /// Skull 1, brain 0.2, ventricles 0, tumours 0.3: contrast that the eye can see (Toft, "The Radon transform",
        /// PhD thesis, Technical University of Denmark, 1996). The middle one of the three smallest tumours lies at
        /// −0.606 instead of −0.605, as in MATLAB's `phantom` and in scikit-image's picture.
        case modified

        /// The ten ellipses in a square from −1 to 1, where the head is 0.92 high.
        public var ellipses: [Ellipse] {
            let isStandard = self == .standard
            let values = isStandard ? [2, -0.98, -0.02, 0.01] : [1, -0.8, -0.2, 0.1]
            return [
                Ellipse("skull", .skull, value: values[0], x: 0, y: 0, a: 0.69, b: 0.92),
                Ellipse("brain", .brain, value: values[1], x: 0, y: -0.0184, a: 0.6624, b: 0.874),
                Ellipse("rightVentricle", .ventricle, value: values[2], x: 0.22, y: 0, a: 0.11, b: 0.31, degrees: -18),
                Ellipse("leftVentricle", .ventricle, value: values[2], x: -0.22, y: 0, a: 0.16, b: 0.41, degrees: 18),
                Ellipse("largeTumour", .largeTumour, value: values[3], x: 0, y: 0.35, a: 0.21, b: 0.25),
                Ellipse("upperTumour", .smallTumour, value: values[3], x: 0, y: 0.1, a: 0.046, b: 0.046),
                Ellipse("middleTumour", .smallTumour, value: values[3], x: 0, y: -0.1, a: 0.046, b: 0.046),
                Ellipse("lowerLeftTumour", .smallTumour, value: values[3], x: -0.08, y: -0.605, a: 0.046, b: 0.023),
                Ellipse(
                    "lowerTumour", .smallTumour, value: values[3], x: 0, y: isStandard ? -0.605 : -0.606, a: 0.023,
                    b: 0.023),
                Ellipse("lowerRightTumour", .smallTumour, value: values[3], x: 0.06, y: -0.605, a: 0.023, b: 0.046),
            ]
        }
    }
}

extension SheppLogan.Ellipse {
    /// Whether a point lies inside or on the border.
    public func contains(_ px: Double, _ py: Double) -> Bool { UnitDisc(self).contains(px, py) }

    /// A point of the border.
    func border(at turn: Double) -> (x: Double, y: Double) {
        let c = cos(angle), s = sin(angle), u = a * cos(turn), v = b * sin(turn)
        return (x + u * c - v * s, y + u * s + v * c)
    }

    /// All lengths times a factor, about the origin.
    public func scaled(by factor: Double) -> Self {
        var copy = self
        copy.x *= factor
        copy.y *= factor
        copy.a *= factor
        copy.b *= factor
        return copy
    }

    /// Turned about the origin, by radians counter-clockwise.
    public func turned(by turn: Double) -> Self {
        var copy = self
        copy.x = x * cos(turn) - y * sin(turn)
        copy.y = x * sin(turn) + y * cos(turn)
        copy.angle += turn
        return copy
    }

    public func moved(_ dx: Double, _ dy: Double) -> Self {
        var copy = self
        copy.x += dx
        copy.y += dy
        return copy
    }
}
