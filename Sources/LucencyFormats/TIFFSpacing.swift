import LucencyFoundation
import LucencyImaging

/// Millimetres per pixel in the plane, and the unit in which they were stated.
struct TIFFSpacing: Hashable {
    var x, y: Double
    var unit: LengthUnit
}

/// The resolution tags of a page.
struct TIFFResolution: Hashable {
    /// Pixels per unit.
    var x, y: Double
    /// 1 no unit, 2 inch, 3 centimetre; nil without resolution tags.
    var unit: Int?

    init(x: Double, y: Double, unit: Int?) {
        // libtiff keeps float32; its shortest decimal is nearer to what was written than its own binary value.
        self.x = Double("\(Float(x))") ?? x
        self.y = Double("\(Float(y))") ?? y
        self.unit = unit
    }

    private var isUsable: Bool { unit != nil && x > 0 && y > 0 && x.isFinite && y.isFinite }

    /// What the tags alone state: nil without unit, for a screen's 72 or 96 dots per inch, and for the placeholder 1 × 1.
    var spacing: TIFFSpacing? {
        guard isUsable, !(x == 1 && y == 1) else { return nil }
        switch unit {
        case 2: return spacing(millimetresPerUnit: 25.4, unit: .mm)
        case 3: return spacing(millimetresPerUnit: 10, unit: .cm)
        default: return nil
        }
    }

    /// Pixels per a unit that a description names (ImageJ).
    func spacing(per unit: TIFFLengthUnit) -> TIFFSpacing? {
        spacing(millimetresPerUnit: unit.millimetres, unit: unit.unit)
    }

    private func spacing(millimetresPerUnit scale: Double, unit: LengthUnit) -> TIFFSpacing? {
        guard isUsable else { return nil }
        func isScreen(_ density: Double) -> Bool { Resolution.isScreenDefault(pixelsPerMetre: density * 1000 / scale) }
        if isScreen(x) && isScreen(y) { return nil }
        let result = TIFFSpacing(x: scale / x, y: scale / y, unit: unit)
        return result.x.isFinite && result.y.isFinite && result.x > 0 && result.y > 0 ? result : nil
    }
}

/// A unit of length as ImageJ and OME spell it.
package struct TIFFLengthUnit: Hashable {
    package var millimetres: Double
    /// The nearest of our own units (inches count as millimetres).
    var unit: LengthUnit

    /// nil for pixels and for anything that is not a length.
    package init?(_ text: String) {
        var name = ""
        var rest = Substring(text)
        // ImageJ writes non-ASCII letters as \u00B5.
        while let first = rest.first {
            if rest.hasPrefix("\\u"), let code = UInt32(rest.dropFirst(2).prefix(4), radix: 16),
                let scalar = Unicode.Scalar(code)
            {
                name.unicodeScalars.append(scalar)
                rest = rest.dropFirst(6)
            } else {
                name.append(first)
                rest = rest.dropFirst()
            }
        }
        name = name.filter { $0 != " " && $0 != "\r" && $0 != "\t" }
        switch name {
        case "Å", "angstrom": (millimetres, unit) = (1e-7, .nm)
        case "pm": (millimetres, unit) = (1e-9, .nm)
        case "nm": (millimetres, unit) = (1e-6, .nm)
        case "µm", "μm", "um": (millimetres, unit) = (1e-3, .um)
        case "mm": (millimetres, unit) = (1, .mm)
        case "cm": (millimetres, unit) = (10, .cm)
        case "dm": (millimetres, unit) = (100, .cm)
        case "m": (millimetres, unit) = (1000, .m)
        case "in", "\"": (millimetres, unit) = (25.4, .mm)
        default:
            switch name.lowercased() {
            case "nanometer", "nanometers", "nanometre", "nanometres": (millimetres, unit) = (1e-6, .nm)
            case "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres":
                (millimetres, unit) = (1e-3, .um)
            case "millimeter", "millimeters", "millimetre", "millimetres": (millimetres, unit) = (1, .mm)
            case "centimeter", "centimeters", "centimetre", "centimetres": (millimetres, unit) = (10, .cm)
            case "meter", "meters", "metre", "metres": (millimetres, unit) = (1000, .m)
            case "inch", "inches": (millimetres, unit) = (25.4, .mm)
            default: return nil
            }
        }
    }
}
