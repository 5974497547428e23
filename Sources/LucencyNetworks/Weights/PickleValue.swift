/// What a pickle describes. Containers are numbers into the machine's lists, so that values may contain themselves and
/// nothing is copied or freed recursively.
enum PickleValue: Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    /// An integer beyond 64 bits: its little-endian two's complement.
    case wideInteger([UInt8])
    case number(Double)
    case string(String)
    case bytes([UInt8])
    case tuple(Int)
    case list(Int)
    case dictionary(Int)
    case global(PickleGlobal)
    case storage(Int)
    case tensor(Int)
}

/// The names that a pickle may ask for. None of them is called; each stands for a fixed rule of the machine.
enum PickleGlobal: Hashable, Sendable {
    case orderedDictionary
    case rebuildTensor
    case rebuildTensor2
    case rebuildParameter
    case rebuildParameterWithState
    case size
    case layout
    case storage(ElementType)

    /// - Returns: nil for every name that is not on the list.
    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor2
        case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
        case ("torch._utils", "_rebuild_parameter_with_state"): self = .rebuildParameterWithState
        case ("torch", "Size"): self = .size
        case ("torch.serialization", "_get_layout"): self = .layout
        case ("torch", _):
            guard let type = Self.storages[name] else { return nil }
            self = .storage(type)
        default: return nil
        }
    }

    private static let storages: [String: ElementType] = [
        "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16,
        "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8,
        "ByteStorage": .uint8, "BoolStorage": .bool,
    ]
}

/// Numbers that tensors share: a storage is named by the pickle and lies elsewhere in the file.
struct PickleStorage: Hashable, Sendable {
    let key: String
    let type: ElementType
    /// How many numbers the pickle says it has.
    let count: Int
}

/// A tensor as a view of a storage, not yet checked against it.
struct PickleTensor: Sendable {
    let storage: Int
    let start: Int
    let shape: [Int]
    let strides: [Int]
}
