import LucencyFoundation

/// Reads the pickles in which PyTorch writes state dictionaries, without running anything.
///
/// A pickle is a program for a stack machine. This one has the instructions that plain data and tensors need, and takes any
/// name that is not in `PickleGlobal` for a refusal. Instructions: CPython, `Lib/pickletools.py`; protocols 0 to 5.
struct PickleMachine {
    /// Why a pickle was not read.
    enum Failure: Error {
        case damaged(String)
        /// A name that is not on the list, such as `os.system`.
        case refused(String)
        case unsupported(String)
        case tooLarge(String)
    }

    private let bytes: [UInt8]
    /// Where the next instruction stands.
    private(set) var position: Int
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]

    private(set) var tuples: [[PickleValue]] = []
    private(set) var lists: [[PickleValue]] = []
    private(set) var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
    private(set) var storages: [PickleStorage] = []
    private(set) var tensors: [PickleTensor] = []

    private static let maximumDepth = 1 << 20
    private static let maximumObjects = 1 << 22
    /// How many values containers may still take: a few instructions can copy a long list again and again.
    private var remainingValues = 1 << 23

    init(_ bytes: [UInt8], from position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    /// Reads one pickle to its end; the next may follow there.
    mutating func run() throws(Failure) -> PickleValue {
        stack = []
        marks = []
        memo = [:]
        while true {
            let instruction = try byte()
            if instruction == UInt8(ascii: ".") {
                guard stack.count == 1, marks.isEmpty, let result = stack.last else {
                    throw .damaged("it ends with \(stack.count) values")
                }
                return result
            }
            try execute(instruction)
        }
    }

    // MARK: Instructions

    private mutating func execute(_ instruction: UInt8) throws(Failure) {
        switch instruction {
        case 0x80: guard try byte() <= 5 else { throw .unsupported("its pickle protocol is newer than 5") }
        case 0x95: _ = try integer(8)  // FRAME: how the writer cut its output
        case UInt8(ascii: "("):
            guard marks.count < Self.maximumDepth else { throw .tooLarge("its values nest too deep") }
            marks.append(stack.count)
        case UInt8(ascii: "0"):
            // POP takes a mark where nothing stands above it.
            if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
        case UInt8(ascii: "1"): _ = try popToMark()
        case UInt8(ascii: "2"): try push(try top())
        case UInt8(ascii: "N"): try push(.none)
        case 0x88: try push(.bool(true))
        case 0x89: try push(.bool(false))
        case UInt8(ascii: "I"): try push(try textInteger(try line(), mayBeBool: true))
        case UInt8(ascii: "L"):
            var text = try line()
            if text.hasSuffix("L") { text.removeLast() }
            try push(try textInteger(text, mayBeBool: false))
        case UInt8(ascii: "J"): try push(.integer(Int(Int32(truncatingIfNeeded: try integer(4)))))
        case UInt8(ascii: "K"): try push(.integer(try integer(1)))
        case UInt8(ascii: "M"): try push(.integer(try integer(2)))
        case 0x8A: try push(wideInteger(try take(try integer(1))))
        case 0x8B: try push(wideInteger(try take(try integer(4))))
        case UInt8(ascii: "F"):
            guard let number = Double(try line()) else { throw .damaged("a number is malformed") }
            try push(.number(number))
        case UInt8(ascii: "G"):
            let bits = try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            try push(.number(Double(bitPattern: bits)))
        case UInt8(ascii: "S"): try push(.string(try quotedLine()))
        case UInt8(ascii: "V"): try push(.string(try line()))
        case UInt8(ascii: "T"), UInt8(ascii: "X"): try push(.string(try text(try integer(4))))
        case UInt8(ascii: "U"), 0x8C: try push(.string(try text(try integer(1))))
        case 0x8D: try push(.string(try text(try integer(8))))
        case UInt8(ascii: "B"): try push(.bytes(Array(try take(try integer(4)))))
        case UInt8(ascii: "C"): try push(.bytes(Array(try take(try integer(1)))))
        case 0x8E, 0x96: try push(.bytes(Array(try take(try integer(8)))))
        case UInt8(ascii: "]"): try push(try list([]))
        case UInt8(ascii: "l"): try push(try list(try popToMark()))
        case UInt8(ascii: "a"): try append([try pop()])
        case UInt8(ascii: "e"): try append(try popToMark())
        case UInt8(ascii: ")"): try push(try tuple([]))
        case UInt8(ascii: "t"): try push(try tuple(try popToMark()))
        case 0x85: try push(try tuple(try pop(1)))
        case 0x86: try push(try tuple(try pop(2)))
        case 0x87: try push(try tuple(try pop(3)))
        case UInt8(ascii: "}"): try push(try dictionary([]))
        case UInt8(ascii: "d"): try push(try dictionary(try popToMark()))
        case UInt8(ascii: "s"): try insert(try pop(2))
        case UInt8(ascii: "u"): try insert(try popToMark())
        case UInt8(ascii: "p"): try remember(try lineNumber())
        case UInt8(ascii: "q"): try remember(try integer(1))
        case UInt8(ascii: "r"): try remember(try integer(4))
        case 0x94: try remember(memo.count)
        case UInt8(ascii: "g"): try recall(try lineNumber())
        case UInt8(ascii: "h"): try recall(try integer(1))
        case UInt8(ascii: "j"): try recall(try integer(4))
        case UInt8(ascii: "c"): try push(.global(try global(module: try line(), name: try line())))
        case 0x93:
            let names = try pop(2)
            guard case .string(let module) = names[0], case .string(let name) = names[1] else {
                throw .damaged("a name is not text")
            }
            try push(.global(try global(module: module, name: name)))
        case UInt8(ascii: "i"): throw .refused(Self.qualified(try line(), try line()))
        case UInt8(ascii: "R"):
            let call = try pop(2)
            try push(try reduce(call[0], call[1]))
        case UInt8(ascii: "b"):
            // The one state that is expected is the `_metadata` of a state dictionary, which says nothing of the tensors.
            _ = try pop()
            guard case .dictionary = try top() else {
                throw .unsupported("it sets the state of something else than a dictionary")
            }
        case UInt8(ascii: "Q"): try push(try persistent(try pop()))
        case UInt8(ascii: "P"), UInt8(ascii: "o"), 0x81, 0x92, 0x82, 0x83, 0x84, 0x8F, 0x90, 0x91, 0x97, 0x98:
            throw .unsupported("it makes objects (instruction \(instruction)) that are no plain data")
        default: throw .damaged("there is no instruction \(instruction)")
        }
    }

    private func global(module: String, name: String) throws(Failure) -> PickleGlobal {
        guard let global = PickleGlobal(module: module, name: name) else {
            throw .refused(Self.qualified(module, name))
        }
        return global
    }

    private static func qualified(_ module: String, _ name: String) -> String {
        String("\(module).\(name)".prefix(200))
    }

    /// What calling a name with arguments stands for.
    private mutating func reduce(_ function: PickleValue, _ arguments: PickleValue) throws(Failure) -> PickleValue {
        guard case .global(let global) = function, case .tuple(let index) = arguments else {
            throw .unsupported("it calls something that is no function")
        }
        let arguments = tuples[index]
        switch global {
        case .orderedDictionary:
            guard let first = arguments.first else { return try dictionary([]) }
            guard arguments.count == 1, let pairs = items(first) else { break }
            var flat: [PickleValue] = []
            for pair in pairs {
                guard let pair = items(pair), pair.count == 2 else { throw .damaged("a dictionary is malformed") }
                flat += pair
            }
            return try dictionary(flat)
        case .rebuildTensor, .rebuildTensor2:
            guard arguments.count >= 4, case .storage(let storage) = arguments[0],
                case .integer(let start) = arguments[1],
                let shape = integers(arguments[2]), let strides = integers(arguments[3])
            else { break }
            try countObject(tensors.count)
            tensors.append(PickleTensor(storage: storage, start: start, shape: shape, strides: strides))
            return .tensor(tensors.count - 1)
        case .rebuildParameter, .rebuildParameterWithState:
            guard case .tensor = arguments.first else { break }
            return arguments[0]
        case .size:
            guard arguments.count == 1, let sizes = items(arguments[0]) else { break }
            return try tuple(sizes)
        case .layout: return .none
        case .storage: break
        }
        throw .damaged("a tensor or dictionary is described wrongly")
    }

    /// The storage that a persistent name stands for: `("storage", type, key, device, count)`.
    private mutating func persistent(_ name: PickleValue) throws(Failure) -> PickleValue {
        guard let parts = items(name), parts.count >= 5, case .string("storage") = parts[0],
            case .global(.storage(let type)) = parts[1], case .string(let key) = parts[2],
            case .integer(let count) = parts[4], count >= 0
        else { throw .damaged("a storage is described wrongly") }
        if parts.count > 5 {
            guard case .none = parts[5] else { throw .unsupported("it is of PyTorch 0.1 (views of storages)") }
        }
        try countObject(storages.count)
        storages.append(PickleStorage(key: key, type: type, count: count))
        return .storage(storages.count - 1)
    }

    /// The values of a tuple or list.
    func items(_ value: PickleValue) -> [PickleValue]? {
        switch value {
        case .tuple(let index): tuples[index]
        case .list(let index): lists[index]
        default: nil
        }
    }

    private func integers(_ value: PickleValue) -> [Int]? {
        guard let values = items(value), values.count <= StoredTensor.maximumAxes else { return nil }
        let integers = values.compactMap { if case .integer(let integer) = $0 { integer } else { nil } }
        return integers.count == values.count ? integers : nil
    }

    // MARK: Objects

    private func countObject(_ count: Int) throws(Failure) {
        guard count < Self.maximumObjects else { throw .tooLarge("it has more than \(Self.maximumObjects) objects") }
    }

    private mutating func countValues(_ count: Int) throws(Failure) {
        remainingValues -= count
        guard remainingValues >= 0 else { throw .tooLarge("it has too many values") }
    }

    private mutating func tuple(_ values: [PickleValue]) throws(Failure) -> PickleValue {
        try countObject(tuples.count)
        try countValues(values.count)
        tuples.append(values)
        return .tuple(tuples.count - 1)
    }

    private mutating func list(_ values: [PickleValue]) throws(Failure) -> PickleValue {
        try countObject(lists.count)
        try countValues(values.count)
        lists.append(values)
        return .list(lists.count - 1)
    }

    private mutating func dictionary(_ flat: [PickleValue]) throws(Failure) -> PickleValue {
        try countObject(dictionaries.count)
        dictionaries.append([])
        try add(flat, to: dictionaries.count - 1)
        return .dictionary(dictionaries.count - 1)
    }

    private mutating func append(_ values: [PickleValue]) throws(Failure) {
        guard case .list(let index) = try top() else { throw .damaged("it appends to something that is no list") }
        try countValues(values.count)
        lists[index] += values
    }

    private mutating func insert(_ flat: [PickleValue]) throws(Failure) {
        guard case .dictionary(let index) = try top() else {
            throw .damaged("it inserts into something that is no dictionary")
        }
        try add(flat, to: index)
    }

    private mutating func add(_ flat: [PickleValue], to index: Int) throws(Failure) {
        try countValues(flat.count)
        guard flat.count % 2 == 0 else { throw .damaged("a dictionary has a key without a value") }
        for at in stride(from: 0, to: flat.count, by: 2) { dictionaries[index].append((flat[at], flat[at + 1])) }
    }

    // MARK: Stack and memo

    private mutating func push(_ value: PickleValue) throws(Failure) {
        guard stack.count < Self.maximumDepth else { throw .tooLarge("it has too many values at once") }
        stack.append(value)
    }

    /// Values below the last mark are out of reach, as in CPython.
    private var floor: Int { marks.last ?? 0 }

    private func top() throws(Failure) -> PickleValue {
        guard stack.count > floor, let value = stack.last else { throw .damaged("a value is missing") }
        return value
    }

    private mutating func pop() throws(Failure) -> PickleValue {
        guard stack.count > floor, let value = stack.popLast() else { throw .damaged("a value is missing") }
        return value
    }

    private mutating func pop(_ count: Int) throws(Failure) -> [PickleValue] {
        guard stack.count - floor >= count else { throw .damaged("a value is missing") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws(Failure) -> [PickleValue] {
        guard let mark = marks.popLast(), mark <= stack.count else { throw .damaged("a mark is missing") }
        defer { stack.removeLast(stack.count - mark) }
        return Array(stack[mark...])
    }

    private mutating func remember(_ index: Int) throws(Failure) {
        try countObject(memo.count)
        memo[index] = try top()
    }

    private mutating func recall(_ index: Int) throws(Failure) {
        guard let value = memo[index] else { throw .damaged("nothing is remembered as \(index)") }
        try push(value)
    }

    // MARK: Bytes

    private mutating func byte() throws(Failure) -> UInt8 {
        guard position < bytes.count else { throw .damaged("it ends too early") }
        position += 1
        return bytes[position - 1]
    }

    private mutating func take(_ count: Int) throws(Failure) -> ArraySlice<UInt8> {
        guard count >= 0, count <= bytes.count - position else { throw .damaged("it ends too early") }
        position += count
        return bytes[position - count..<position]
    }

    /// An unsigned little-endian integer; more than `Int` holds is refused.
    private mutating func integer(_ count: Int) throws(Failure) -> Int {
        let value = try take(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let value = Int(exactly: value) else { throw .damaged("a length is too large") }
        return value
    }

    private func wideInteger(_ bytes: ArraySlice<UInt8>) -> PickleValue {
        guard bytes.count <= 8 else { return .wideInteger(Array(bytes)) }
        let isNegative = (bytes.last ?? 0) >= 0x80
        let bits = bytes.reversed().reduce(isNegative ? UInt64.max : 0) { $0 << 8 | UInt64($1) }
        return .integer(Int(truncatingIfNeeded: bits))
    }

    private mutating func text(_ count: Int) throws(Failure) -> String {
        guard let text = String(validating: try take(count), as: UTF8.self) else {
            throw .damaged("a text is not UTF-8")
        }
        return text
    }

    /// The text up to the line's end, which is skipped.
    private mutating func line() throws(Failure) -> String {
        guard let end = bytes[position...].firstIndex(of: 0x0A) else { throw .damaged("it ends too early") }
        let text = try text(end - position)
        position += 1
        return text
    }

    private mutating func quotedLine() throws(Failure) -> String {
        let line = try line()
        guard line.utf8.count >= 2, let quote = line.first, quote == line.last, quote == "'" || quote == "\"" else {
            throw .damaged("a text has no quotes")
        }
        return String(line.dropFirst().dropLast())
    }

    private mutating func lineNumber() throws(Failure) -> Int {
        guard let number = Int(try line()), number >= 0 else { throw .damaged("a number is malformed") }
        return number
    }

    private func textInteger(_ text: String, mayBeBool: Bool) throws(Failure) -> PickleValue {
        if mayBeBool, text == "00" || text == "01" { return .bool(text == "01") }
        if let integer = Int(text) { return .integer(integer) }
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .damaged("a number is malformed")
        }
        return .wideInteger([])
    }
}
