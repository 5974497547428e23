import LucencyFoundation
import LucencyKernels

/// Loops over the flat buffers of weights, gradients and moments, on all threads of a pool. Buffers are cut by their size
/// only, so that the number of threads changes no bit.
package struct WeightUpdates {
    /// A run of numbers in the flat buffers.
    package struct Run: Hashable, Sendable {
        package let offset: Int
        package let count: Int

        package init(offset: Int, count: Int) {
            self.offset = offset
            self.count = count
        }
    }

    /// Settings of an Adam step; see `lk_adam`.
    package struct Adam {
        package var rate: Float
        package var beta1: Float
        package var beta2: Float
        package var epsilon: Float
        package var decay: Float
        /// Steps so far, this one included.
        package var step: Int
        /// AdamW: the decay acts on the weights themselves instead of on the gradient.
        package var isDecoupled: Bool

        package init(
            rate: Float, beta1: Float, beta2: Float, epsilon: Float, decay: Float, step: Int, isDecoupled: Bool
        ) {
            self.rate = rate
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.decay = decay
            self.step = step
            self.isDecoupled = isDecoupled
        }
    }

    private let family: lk_family
    private let pool: ThreadPool
    /// Numbers in a task; a multiple of 16.
    private static let chunk = 1 << 15

    package init(_ family: KernelFamily, pool: ThreadPool) {
        self.family = family.code
        self.pool = pool
    }

    private func forEachChunk(_ run: Run, _ body: @Sendable (_ offset: Int, _ count: Int) -> Void) {
        pool.forEach((run.count + Self.chunk - 1) / Self.chunk) { index in
            let first = index * Self.chunk
            body(run.offset + first, min(Self.chunk, run.count - first))
        }
    }

    /// One step of Adam or AdamW; see Kingma and Ba 2015, Loshchilov and Hutter 2019.
    package func adam(
        _ settings: Adam, _ run: Run, weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>,
        first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>
    ) {
        let adam = lk_adam(
            rate: settings.rate, beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
            decay: settings.decay, correction1: Self.correction(settings.beta1, settings.step),
            correction2: Self.correction(settings.beta2, settings.step), decoupled: settings.isDecoupled ? 1 : 0)
        let weights = SharedPointer(weights), gradients = SharedPointer(gradients)
        let first = SharedPointer(first), second = SharedPointer(second), family = family
        forEachChunk(run) { offset, count in
            withUnsafePointer(to: adam) {
                lk_adam_step(
                    family, $0, weights + offset, gradients + offset, first + offset, second + offset, Int64(count))
            }
        }
    }

    /// 1 - βᵗ, in double precision and by multiplications only, so that it is the same everywhere.
    private static func correction(_ beta: Float, _ step: Int) -> Float {
        var power = 1.0, base = Double(beta), exponent = max(0, step)
        while exponent > 0 {
            if exponent & 1 == 1 { power *= base }
            base *= base
            exponent >>= 1
        }
        return Float(1 - power)
    }

    /// One step of stochastic gradient descent; `velocity` may be nil without momentum.
    package func descent(
        rate: Float, momentum: Float, decay: Float, isNesterov: Bool, _ run: Run,
        weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>, velocity: UnsafeMutablePointer<Float>?
    ) {
        let settings = lk_sgd(rate: rate, momentum: momentum, decay: decay, nesterov: isNesterov ? 1 : 0)
        let weights = SharedPointer(weights), gradients = SharedPointer(gradients), family = family
        let velocity = velocity.map { SharedPointer($0) }
        forEachChunk(run) { offset, count in
            withUnsafePointer(to: settings) {
                lk_sgd_step(
                    family, $0, weights + offset, gradients + offset, velocity.map { $0 + offset }, Int64(count))
            }
        }
    }

    /// The sum of squares in double precision: chunk by chunk in 16 lanes, chunks added in their order.
    /// - Parameter count: a multiple of 16.
    package func sumOfSquares(_ numbers: UnsafePointer<Float>, count: Int) -> Double {
        let chunks = (count + Self.chunk - 1) / Self.chunk, width = 2 * Layout.lanes
        var partials = AlignedBuffer<Double>(repeating: 0, count: chunks * width)
        let numbers = SharedPointer(numbers), family = family
        return partials.withUnsafeMutableBufferPointer { partials in
            guard let base = partials.baseAddress else { return 0 }
            let shared = SharedPointer(base)
            forEachChunk(Run(offset: 0, count: count)) { offset, count in
                lk_channel_sums(
                    family, numbers + offset, Int64(count / Layout.lanes), shared + offset / Self.chunk * width)
            }
            var sum = 0.0
            for chunk in 0..<chunks {
                for lane in Layout.lanes..<width { sum += base[chunk * width + lane] }
            }
            return sum
        }
    }

    /// Multiplies numbers in place.
    package func scale(_ numbers: UnsafeMutablePointer<Float>, count: Int, by factor: Float) {
        let numbers = SharedPointer(numbers)
        forEachChunk(Run(offset: 0, count: count)) { offset, count in
            let part = numbers + offset
            for index in 0..<count { part[index] *= factor }
        }
    }

    /// average += (1 - keep) · (numbers - average).
    package func average(
        _ numbers: UnsafePointer<Float>, into average: UnsafeMutablePointer<Float>, count: Int, keep: Float
    ) {
        let numbers = SharedPointer(numbers), average = SharedPointer(average), share = 1 - keep
        forEachChunk(Run(offset: 0, count: count)) { offset, count in
            let from = numbers + offset, to = average + offset
            for index in 0..<count { to[index] += share * (from[index] - to[index]) }
        }
    }
}
