import LucencyFoundation

/// What stands before the numbers of an NPY file: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}`.
///
/// Format: NumPy Enhancement Proposal 1 and `numpy/lib/format.py`, versions 1.0 to 3.0. The header is a Python dictionary;
/// of that language only texts, truth values, whole numbers and tuples are understood, and nothing is evaluated.
struct NumPyHeader: Equatable {
    let type: NumPyArray.ElementType
    let isFortranOrder: Bool
    /// Extents, slowest first; empty for a single number.
    let shape: [Int]
    /// Where the numbers begin.
    let dataOffset: Int

    static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
    /// Longer headers are refused; NumPy itself warns beyond 10,000 bytes.
    static let longest = 1 << 16

    /// Reads the header at the beginning of `bytes`, which hold at least that or the whole file.
    init(_ bytes: [UInt8]) throws(Diagnostic) {
        guard bytes.starts(with: Self.magic) else {
            throw Diagnostic(.unknownFormat, "this is not an NPY array: it begins otherwise")
        }
        guard bytes.count >= 10 else { throw Self.damaged("it ends within its header") }
        guard (1...3).contains(bytes[6]), bytes[7] == 0 else {
            throw Diagnostic(
                .unsupportedFeature, "NPY version \(bytes[6]).\(bytes[7]) is not known; versions 1.0, 2.0 and 3.0 are")
        }
        let start = bytes[6] == 1 ? 10 : 12
        guard bytes.count >= start else { throw Self.damaged("it ends within its header") }
        let length = bytes[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= Self.longest else {
            throw Diagnostic(.tooLarge, "the header states \(length) bytes; at most \(Self.longest) are read")
        }
        guard bytes.count - start >= length else { throw Self.damaged("it ends within its header") }
        var parser = Parser(Array(bytes[start..<start + length]))
        let fields = try parser.dictionary()
        guard case .text(let descr)? = fields["descr"] else {
            if fields["descr"] != nil {
                throw Diagnostic(
                    .unsupportedFeature, "the array has fields by name (a structured type)",
                    remedy: "save a plain array of numbers: numpy.save(FILE, array['field'])")
            }
            throw Self.damaged("its header does not say the type")
        }
        guard case .truth(let isFortranOrder)? = fields["fortran_order"], case .tuple(let shape)? = fields["shape"]
        else { throw Self.damaged("its header does not say the order or the shape") }
        guard shape.count <= 32 else { throw Self.damaged("it has \(shape.count) axes") }
        type = try NumPyArray.ElementType(descr: descr)
        self.isFortranOrder = isFortranOrder
        self.shape = shape
        dataOffset = start + length
    }

    /// Bytes that the numbers take; nil where that is beyond counting.
    var dataBytes: Int? {
        shape.reduce(type.bytes) { (total: Int?, side) in
            guard let total else { return nil }
            let (product, overflow) = total.multipliedReportingOverflow(by: side)
            return overflow ? nil : product
        }
    }

    static func damaged(_ reason: String) -> Diagnostic {
        Diagnostic(.damagedFile, "the NPY array is damaged: \(reason)", remedy: "save or copy it again")
    }

    private enum Value: Equatable {
        case text(String)
        case truth(Bool)
        case number(Int)
        case tuple([Int])
        /// A list of fields, which is not looked into.
        case fields
    }

    private struct Parser {
        private let bytes: [UInt8]
        private var place = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        mutating func dictionary() throws(Diagnostic) -> [String: Value] {
            var fields: [String: Value] = [:]
            try expect("{")
            while !take("}") {
                guard case .text(let key) = try value(), take(":") else { throw wrong }
                fields[key] = try value()
                if !take(",") {
                    try expect("}")
                    break
                }
            }
            return fields
        }

        private mutating func value() throws(Diagnostic) -> Value {
            skipSpaces()
            guard place < bytes.count else { throw wrong }
            switch bytes[place] {
            case UInt8(ascii: "'"), UInt8(ascii: "\""):
                let quote = bytes[place]
                guard let end = bytes[(place + 1)...].firstIndex(of: quote) else { throw wrong }
                let text = String(decoding: bytes[place + 1..<end], as: UTF8.self)
                place = end + 1
                return .text(text)
            case UInt8(ascii: "("):
                place += 1
                var numbers: [Int] = []
                while !take(")") {
                    guard case .number(let number) = try value() else { throw wrong }
                    numbers.append(number)
                    if !take(",") {
                        try expect(")")
                        break
                    }
                }
                return .tuple(numbers)
            case UInt8(ascii: "["):
                // Only to say that it is there: brackets are balanced, texts skipped by their quotes.
                var depth = 0
                while place < bytes.count {
                    switch bytes[place] {
                    case UInt8(ascii: "["): depth += 1
                    case UInt8(ascii: "]"): depth -= 1
                    default: break
                    }
                    place += 1
                    if depth == 0 { return .fields }
                }
                throw wrong
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                var number = 0
                while place < bytes.count, (0x30...0x39).contains(bytes[place]) {
                    let (ten, overflow) = number.multipliedReportingOverflow(by: 10)
                    let (next, overflow2) = ten.addingReportingOverflow(Int(bytes[place]) - 0x30)
                    guard !overflow, !overflow2 else { throw wrong }
                    (number, place) = (next, place + 1)
                }
                // Python 2 wrote long numbers as 3L.
                if place < bytes.count, bytes[place] == UInt8(ascii: "L") { place += 1 }
                return .number(number)
            default:
                for (word, truth) in [("True", true), ("False", false)] where bytes[place...].starts(with: word.utf8) {
                    place += word.utf8.count
                    return .truth(truth)
                }
                throw wrong
            }
        }

        private mutating func skipSpaces() {
            while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
        }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            skipSpaces()
            guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
            place += 1
            return true
        }

        private mutating func expect(_ character: Unicode.Scalar) throws(Diagnostic) {
            guard take(character) else { throw wrong }
        }

        private var wrong: Diagnostic { NumPyHeader.damaged("its header is not a description of an array") }
    }
}
