import LucencyFoundation

/// An array of numbers as NumPy stores it.
public struct NumPyArray: Sendable {
    /// How a number is stored.
    public struct ElementType: Hashable, Sendable, CustomStringConvertible {
        public enum Kind: Character, Sendable { case bool = "b", signed = "i", unsigned = "u", float = "f" }
        public let kind: Kind
        /// Bytes of one number: 1, 2, 4 or 8.
        public let bytes: Int
        public let isBigEndian: Bool

        /// Reads `<f4`, `>i2`, `|b1`.
        /// - Throws: `Diagnostic` for objects, which would have to be unpickled (code from the file would run), and for
        ///   texts, dates, complex and structured types.
        init(descr: String) throws(Diagnostic) {
            var rest = Substring(descr)
            var order: Character = "|"
            if let first = rest.first, "<>|=".contains(first) {
                order = first
                rest = rest.dropFirst()
            }
            let letter = rest.first ?? " "
            guard letter != "O" else {
                throw Diagnostic(
                    .unsafeContent, "the array holds Python objects, which only running code from the file would make",
                    remedy: "save numbers: numpy.save(FILE, numpy.stack(list).astype('float32'))")
            }
            guard let size = Int(rest.dropFirst()), let kind = Kind(rawValue: letter == "?" ? "b" : letter),
                kind == .bool ? size == 1 : kind == .float ? [2, 4, 8].contains(size) : [1, 2, 4, 8].contains(size)
            else {
                throw Diagnostic(
                    .unsupportedFeature, "numbers of type '\(descr.prefix(40))' are not read",
                    remedy: "save bool, int, uint, float16, float32 or float64")
            }
            self.kind = kind
            bytes = size
            isBigEndian = order == ">"
        }

        /// NumPy's name: `float32`.
        public var description: String {
            switch kind {
            case .bool: "bool"
            case .signed: "int\(8 * bytes)"
            case .unsigned: "uint\(8 * bytes)"
            case .float: "float\(8 * bytes)"
            }
        }
    }

    public let type: ElementType
    /// Extents, slowest first.
    public let shape: [Int]
    let isFortranOrder: Bool
    /// The stored bytes.
    let data: [UInt8]

    /// - Parameter data: exactly the bytes that the header announces.
    init(_ header: NumPyHeader, data: [UInt8]) {
        type = header.type
        shape = header.shape
        isFortranOrder = header.isFortranOrder
        self.data = data
    }

    public var count: Int { shape.reduce(1, *) }

    /// The numbers in C order (last axis fastest), to the nearest float32.
    public func floats() -> AlignedBuffer<Float> {
        inOrder(
            AlignedBuffer<Float>(count: count) { out in
                switch (type.kind, type.bytes) {
                case (.bool, _): convert(UInt8.self, out) { $0 == 0 ? 0 : 1 }
                case (.unsigned, 1): convert(UInt8.self, out) { Float($0) }
                case (.unsigned, 2): convert(UInt16.self, out) { Float($0) }
                case (.unsigned, 4): convert(UInt32.self, out) { Float($0) }
                case (.unsigned, _): convert(UInt64.self, out) { Float($0) }
                case (.signed, 1): convert(Int8.self, out) { Float($0) }
                case (.signed, 2): convert(Int16.self, out) { Float($0) }
                case (.signed, 4): convert(Int32.self, out) { Float($0) }
                case (.signed, _): convert(Int64.self, out) { Float($0) }
                case (.float, 2): convert(UInt16.self, out) { SampleConversion.half($0) }
                case (.float, 4): convert(UInt32.self, out) { Float(bitPattern: $0) }
                case (.float, _): convert(UInt64.self, out) { Float(Double(bitPattern: $0)) }
                }
            })
    }

    /// The numbers in C order as labels.
    /// - Throws: `Diagnostic` naming the first that is no whole number or does not fit 32 bits.
    public func labels() throws(Diagnostic) -> AlignedBuffer<Int32> {
        var wrong: Double?
        func exactly(_ value: Double) -> Int32 {
            if let label = Int32(exactly: value) { return label }
            if wrong == nil { wrong = value }
            return 0
        }
        let stored = AlignedBuffer<Int32>(count: count) { out in
            switch (type.kind, type.bytes) {
            case (.bool, _): convert(UInt8.self, out) { $0 == 0 ? 0 : 1 }
            case (.unsigned, 1): convert(UInt8.self, out) { Int32($0) }
            case (.unsigned, 2): convert(UInt16.self, out) { Int32($0) }
            case (.unsigned, 4): convert(UInt32.self, out) { exactly(Double($0)) }
            case (.unsigned, _): convert(UInt64.self, out) { exactly(Double($0)) }
            case (.signed, 1): convert(Int8.self, out) { Int32($0) }
            case (.signed, 2): convert(Int16.self, out) { Int32($0) }
            case (.signed, 4): convert(Int32.self, out) { $0 }
            case (.signed, _): convert(Int64.self, out) { exactly(Double($0)) }
            case (.float, 2): convert(UInt16.self, out) { exactly(Double(SampleConversion.half($0))) }
            case (.float, 4): convert(UInt32.self, out) { exactly(Double(Float(bitPattern: $0))) }
            case (.float, _): convert(UInt64.self, out) { exactly(Double(bitPattern: $0)) }
            }
        }
        if let wrong {
            throw Diagnostic(
                .badLabel, "the value \(wrong) is not a label: labels are whole numbers",
                remedy: "if these are probabilities, give the folder as predictions")
        }
        return inOrder(stored)
    }

    private func convert<Stored: FixedWidthInteger, Value>(
        _: Stored.Type, _ out: UnsafeMutableBufferPointer<Value>, _ transform: (Stored) -> Value
    ) {
        let swapped = type.isBigEndian
        data.withUnsafeBytes { bytes in
            for i in 0..<out.count {
                let stored = bytes.loadUnaligned(fromByteOffset: i &* MemoryLayout<Stored>.size, as: Stored.self)
                out[i] = transform(swapped ? Stored(bigEndian: stored) : Stored(littleEndian: stored))
            }
        }
    }

    /// Fortran order (first axis fastest) turned to C order.
    private func inOrder<Value>(_ stored: AlignedBuffer<Value>) -> AlignedBuffer<Value> {
        guard isFortranOrder, shape.count > 1, !stored.isEmpty else { return stored }
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in 1..<shape.count { strides[axis] = strides[axis - 1] * shape[axis - 1] }
        return stored.withUnsafeBufferPointer { source in
            AlignedBuffer<Value>(count: source.count) { target in
                var index = [Int](repeating: 0, count: shape.count), place = 0
                for i in 0..<target.count {
                    target[i] = source[place]
                    var axis = shape.count - 1
                    while axis >= 0 {
                        index[axis] += 1
                        place += strides[axis]
                        if index[axis] < shape[axis] { break }
                        place -= strides[axis] * shape[axis]
                        index[axis] = 0
                        axis -= 1
                    }
                }
            }
        }
    }
}

extension AlignedBuffer {
    fileprivate var isEmpty: Bool { count == 0 }
}
