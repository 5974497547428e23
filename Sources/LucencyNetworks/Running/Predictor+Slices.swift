import LucencyFoundation
import LucencyImaging
import LucencyTensor

extension Predictor {
    /// The network's results for an image or volume; a network of two dimensions takes volumes slice by slice.
    /// - Parameters:
    ///   - pixels: channels × z × y × x values.
    ///   - predict: the results for a tensor 1, C, spatial: in one piece, or in tiles.
    /// - Returns: classes × z × y × x values, and the number of classes.
    /// - Throws: what `predict` throws.
    package func slicewise(
        _ pixels: AlignedBuffer<Float>, channels: Int, size: GridSize, predict: (Tensor) throws -> Tensor
    ) throws -> (values: AlignedBuffer<Float>, classes: Int) {
        if network.axes == 3 || size.isPlanar {
            let spatial = network.axes == 3 ? [size.z, size.y, size.x] : [size.y, size.x]
            let output = try predict(Tensor(Shape([1, channels] + spatial), pixels))
            return (output.buffer, output.shape.channels)
        }
        let plane = size.x * size.y
        var values = AlignedBuffer<Float>([]), classes = 0
        for z in 0..<size.z {
            let slice = Tensor(trusted: try Shape([1, channels, size.y, size.x])) { target in
                pixels.withUnsafeBufferPointer { source in
                    for channel in 0..<channels {
                        let from = (channel * size.z + z) * plane
                        _ = UnsafeMutableBufferPointer(rebasing: target[channel * plane..<(channel + 1) * plane])
                            .initialize(from: source[from..<from + plane])
                    }
                }
            }
            let output = try predict(slice)
            if z == 0 {
                classes = output.shape.channels
                values = AlignedBuffer(repeating: 0, count: classes * size.count)
            }
            output.buffer.withUnsafeBufferPointer { source in
                guard let base = source.baseAddress else { return }
                for number in 0..<classes {
                    (values.stableAddress + (number * size.z + z) * plane).update(
                        from: base + number * plane, count: plane)
                }
            }
        }
        return (values, classes)
    }
}
