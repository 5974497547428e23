import LucencyFoundation

extension ModelFile {
    /// The same model with its float32 tensors in half precision (11 bits): half the bytes. What reads it works in float32 as
    /// before, with numbers that differ by up to a 2048th.
    /// - Throws: `Diagnostic` for weights beyond ±65504, which a half cannot hold, and for files that name no network.
    public func halved() throws(Diagnostic) -> ModelFile {
        guard let network else {
            throw Diagnostic(.missingKey, "plain weights are written as they are: they name no network")
        }
        var tensors: [StoredTensor] = []
        for tensor in weights.tensors {
            guard tensor.elementType == .float32 else {
                tensors.append(tensor)
                continue
            }
            let floats = try tensor.floats()
            var bytes: [UInt8] = []
            bytes.reserveCapacity(2 * floats.count)
            var largest: Float = 0
            floats.withUnsafeBufferPointer { values in
                for value in values {
                    let magnitude = abs(value)
                    largest = max(largest, magnitude)
                    let half = ElementType.half(min(magnitude, 65504)) | (value.sign == .minus ? 0x8000 : 0)
                    bytes.append(UInt8(truncatingIfNeeded: half))
                    bytes.append(UInt8(truncatingIfNeeded: half >> 8))
                }
            }
            guard largest <= 65504 else {
                throw Diagnostic(
                    .badValue, "the tensor '\(tensor.name)' holds \(largest), which is too large for half precision",
                    remedy: "write the model in single precision")
            }
            tensors.append(
                try StoredTensor(name: tensor.name, elementType: .float16, shape: tensor.shape, bytes: bytes))
        }
        return try ModelFile(
            network: network, preprocessing: preprocessing, classes: classes, training: training,
            weights: Weights(tensors, metadata: weights.metadata))
    }
}
