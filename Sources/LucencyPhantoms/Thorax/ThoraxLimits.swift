import LucencyFoundation

/// The ranges that settings must keep to, so that every patient can be drawn.
enum ThoraxLimits {
    static func check(_ phantom: ThoraxPhantom) throws {
        let body = phantom.body, organs = phantom.organs, bones = phantom.skeleton, nodules = phantom.nodules
        let exposure = phantom.exposure, display = phantom.display
        let intervals: [(String, Interval, ClosedRange<Double>)] = [
            ("body.patientSize", body.patientSize, 0.5...1.5), ("body.chestWall", body.chestWall, 8...80),
            ("body.wallDepth", body.wallDepth, 10...150), ("body.muscleDepth", body.muscleDepth, 0...60),
            ("body.neckHalfWidth", body.neckHalfWidth, 40...90),
            ("body.shoulderDrop", body.shoulderDrop, -25...25), ("body.armAngle", body.armAngle, 0...70),
            ("body.breastDepth", body.breastDepth, 2...90), ("body.unevenness", body.unevenness, 0...0.1),
            ("organs.cageHalfWidth", organs.cageHalfWidth, 100...180),
            ("organs.lungHeight", organs.lungHeight, 150...300), ("organs.cageDepth", organs.cageDepth, 0.6...1.4),
            ("organs.domeDifference", organs.domeDifference, -20...40),
            ("organs.domeHeight", organs.domeHeight, 15...90),
            ("organs.cardiothoracicRatio", organs.cardiothoracicRatio, 0.25...0.75),
            ("organs.aorticKnobRadius", organs.aorticKnobRadius, 8...35),
            ("organs.lungDensity", organs.lungDensity, 0.05...0.6), ("organs.lungTexture", organs.lungTexture, 0...0.4),
            ("organs.hilarVesselRadius", organs.hilarVesselRadius, 2...12),
            ("organs.thinnestVessel", organs.thinnestVessel, 0.25...3),
            ("skeleton.ribHeight", bones.ribHeight, 6...22), ("skeleton.ribThickness", bones.ribThickness, 3...14),
            ("skeleton.ribCortex", bones.ribCortex, 0...3), ("skeleton.ribSlope", bones.ribSlope, 0.5...1.5),
            ("skeleton.spongiosa", bones.spongiosa, 0...0.6), ("skeleton.vertebraWidth", bones.vertebraWidth, 18...50),
            ("skeleton.clavicleRadius", bones.clavicleRadius, 2...12),
            ("skeleton.clavicleRise", bones.clavicleRise, -30...80),
            ("skeleton.scapulaOverlap", bones.scapulaOverlap, -40...60),
            ("skeleton.cartilageCalcification", bones.cartilageCalcification, 0...1),
            ("nodules.number", nodules.number, 0...50), ("nodules.diameter", nodules.diameter, 1...80),
            ("nodules.contrast", nodules.contrast, 0...2), ("exposure.photons", exposure.photons, 10...1e9),
            ("exposure.electronicNoise", exposure.electronicNoise, 0...1e4),
            ("exposure.scatter", exposure.scatter, 0...2),
            ("exposure.scatterSpread", exposure.scatterSpread, 1...200), ("exposure.blur", exposure.blur, 0...10),
            ("display.darkest", display.darkest, 0...0.45), ("display.brightest", display.brightest, 0...0.45),
            ("display.compression", display.compression, 0...1), ("display.detail", display.detail, 0...5),
        ]
        for (name, interval, range) in intervals {
            guard range.contains(interval.lower), range.contains(interval.upper), interval.lower <= interval.upper
            else {
                throw Diagnostic(
                    .badArgument, "\(name) of \(interval.lower) to \(interval.upper) is out of range",
                    remedy: "choose a number or range within \(range.lowerBound) to \(range.upperBound)")
            }
        }
        let numbers: [(String, Double, ClosedRange<Double>)] = [
            ("body.breastChance", body.breastChance, 0...1), ("body.stomachGasChance", body.stomachGasChance, 0...1),
            ("exposure.dualShare", exposure.dualShare, 0.01...10), ("display.bits", Double(display.bits), 8...16),
            ("display.compressionScale", display.compressionScale, 5...200),
            ("display.detailScale", display.detailScale, 0.5...50),
        ]
        for (name, number, range) in numbers {
            guard range.contains(number) else {
                throw Diagnostic(
                    .badArgument, "\(name) of \(number) is out of range",
                    remedy: "choose \(range.lowerBound) to \(range.upperBound)")
            }
        }
    }
}
