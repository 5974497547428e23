import LucencyFoundation

/// One kind of computation: its shape rule, forward and backward. An operation is a file in `Ops`, holds only its
/// settings, and knows nothing of tapes and plans; it is handed pointers.
package protocol Operation: Sendable {
    /// `convolution`, as errors and profiles say it.
    var name: String { get }

    /// The shapes of the results.
    /// - Throws: `Diagnostic` (made with `mismatch`) naming the operation and the shapes that do not fit.
    func outputShapes(_ inputs: [Shape]) throws(Diagnostic) -> [Shape]

    /// In which layouts it takes and gives tensors. `available` are those in which its inputs exist already: an
    /// operation that works on either answers with what is there.
    func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts

    /// Which tensors `backward` reads; all others need not be kept for it.
    var backwardReads: BackwardReads { get }

    /// Memory that it needs besides its inputs and results, depending on shapes, layouts and kernels only.
    func memory(_ signature: OperationSignature) -> OperationMemory

    /// Brings parameters into the form that `forward` wants (packed weights). In inference this runs once.
    func prepare(_ context: OperationContext)

    /// Whether `prepare` reads an input. Where such an input is no parameter, it runs every time.
    func preparesInput(_ position: Int) -> Bool

    /// Whether `forward` changes states of the network, such as running means.
    var changesStates: Bool { get }

    /// Computes `context.outputs`, every element of them.
    func forward(_ context: OperationContext)

    /// Computes those `context.inputGradients` that are wanted from `context.outputGradients`. Each is overwritten,
    /// or added to where `context.accumulates` says so, which happens only if `addsGradients`.
    func backward(_ context: OperationContext)

    /// Whether `backward` honours `context.accumulates`; otherwise the plan adds.
    var addsGradients: Bool { get }

    /// Whether it honours the strides of `context`, so that operands may be parts of a concatenation instead of being copied
    /// into it. Others only ever meet adjacent images.
    var acceptsStrides: Bool { get }

    /// Whether the results are the first input's bytes under another shape. `forward` and `backward` are not called.
    var isView: Bool { get }

    /// Whether a gradient of the results says anything about the inputs; otherwise none is passed on.
    var passesGradients: Bool { get }

    /// Whether the results are cheap to compute again, so that checkpointing may drop them.
    var isCheap: Bool { get }

    /// This operation with the next one, which alone reads its result at `position`, done in the same pass; nil where that
    /// cannot be. Only asked in inference. The fused operation's inputs are this one's, then the next one's others.
    func absorbing(_ next: any Operation, at position: Int, shapes: FusionShapes) -> (any Operation)?

    /// This operation, knowing that only `reader` uses its result; to leave out work that then comes to nothing.
    func specialised(for reader: any Operation) -> any Operation

    /// Multiply-adds counted twice, for summaries; 0 for what only moves memory.
    func floatingPointOperations(_ inputs: [Shape], _ outputs: [Shape]) -> Int
}

extension Operation {
    package func layouts(_ inputs: [Shape], available: [Layout]) -> OperationLayouts { .plain }
    package var backwardReads: BackwardReads { .all }
    package func memory(_ signature: OperationSignature) -> OperationMemory { OperationMemory() }
    package func prepare(_ context: OperationContext) {}
    package func preparesInput(_ position: Int) -> Bool { position > 0 }
    package var changesStates: Bool { false }
    package var addsGradients: Bool { false }
    package var acceptsStrides: Bool { false }
    package var isView: Bool { false }
    package var passesGradients: Bool { true }
    package var isCheap: Bool { false }
    package func absorbing(_ next: any Operation, at position: Int, shapes: FusionShapes) -> (any Operation)? { nil }
    package func specialised(for reader: any Operation) -> any Operation { self }
    package func floatingPointOperations(_ inputs: [Shape], _ outputs: [Shape]) -> Int { 0 }

    /// The error of shapes that do not fit: names the operation and the shapes.
    package func mismatch(_ what: String, _ shapes: Shape...) -> Diagnostic {
        let list = shapes.map(\.description).joined(separator: " and ")
        return Diagnostic(.shapeMismatch, "\(name): \(what)" + (list.isEmpty ? "" : ", found \(list)"))
    }
}

/// The shapes around a pair of operations that may be fused.
package struct FusionShapes: Sendable {
    /// Inputs of the first operation, its result, and the inputs of the second.
    package let inputs: [Shape]
    package let result: Shape
    package let nextInputs: [Shape]
}

/// Layouts of an operation's inputs and results. Where a list is shorter than the operands, its last element goes on.
package struct OperationLayouts: Sendable {
    package let inputs: [Layout]
    package let outputs: [Layout]

    package init(inputs: [Layout], outputs: [Layout]) {
        self.inputs = inputs
        self.outputs = outputs
    }

    package static let plain = OperationLayouts(inputs: [.plain], outputs: [.plain])
    package static let blocked = OperationLayouts(inputs: [.blocked], outputs: [.blocked])
    /// The first input and the results blocked; everything else (weights) plain.
    package static let blockedData = OperationLayouts(inputs: [.blocked, .plain], outputs: [.blocked])

    package func input(_ index: Int) -> Layout { inputs[min(index, inputs.count - 1)] }
    package func output(_ index: Int) -> Layout { outputs[min(index, outputs.count - 1)] }
}

/// What a backward pass reads besides the gradients of the results.
package struct BackwardReads: Sendable {
    package let inputs: [Int]?
    package let outputs: [Int]?

    /// - Parameters: positions; nil stands for all.
    package init(inputs: [Int]? = [], outputs: [Int]? = []) {
        self.inputs = inputs
        self.outputs = outputs
    }

    package static let all = BackwardReads(inputs: nil, outputs: nil)
    package static let nothing = BackwardReads()

    package func readsInput(_ index: Int) -> Bool { inputs?.contains(index) ?? true }
    package func readsOutput(_ index: Int) -> Bool { outputs?.contains(index) ?? true }
}

/// Everything about operands that is known before running.
package struct OperationSignature: Sendable {
    package let inputs: [Shape]
    package let outputs: [Shape]
    package let inputLayouts: [Layout]
    package let outputLayouts: [Layout]
    /// Whether gradients will be asked for.
    package let isTraining: Bool
    package let kernels: Kernels
}

/// Floats that an operation needs besides its operands.
package struct OperationMemory: Sendable {
    /// What `prepare` makes for `forward`.
    package var prepared = 0
    /// What `forward` keeps for `backward`.
    package var saved = 0
    /// Working memory shared by all workers, in `forward` and in `backward`.
    package var forwardScratch = 0
    package var backwardScratch = 0
    /// Working memory of each worker.
    package var workerScratch = 0

    package init(
        prepared: Int = 0, saved: Int = 0, forwardScratch: Int = 0, backwardScratch: Int = 0, workerScratch: Int = 0
    ) {
        self.prepared = prepared
        self.saved = saved
        self.forwardScratch = forwardScratch
        self.backwardScratch = backwardScratch
        self.workerScratch = workerScratch
    }
}

/// Floats from one image to the next of every operand.
package struct OperationStrides: Sendable {
    package let inputs: [Int]
    package let outputs: [Int]
    package let outputGradients: [Int]
    package let inputGradients: [Int]
}

/// The operands of one call, as pointers into a workspace. Made once for each step of a plan.
package final class OperationContext {
    package let signature: OperationSignature
    /// An input that this pass does not read may dangle: `backward` gets what `backwardReads` names.
    package let inputs: [UnsafePointer<Float>]
    package let outputs: [UnsafeMutablePointer<Float>]
    /// nil where no gradient reaches that result: it is zero.
    package let outputGradients: [UnsafePointer<Float>?]
    /// nil where none is wanted.
    package let inputGradients: [UnsafeMutablePointer<Float>?]
    package let accumulates: [Bool]
    package let strides: OperationStrides
    package let prepared: UnsafeMutablePointer<Float>
    package let saved: UnsafeMutablePointer<Float>
    package let scratch: UnsafeMutablePointer<Float>
    /// Whether results that were dropped are made again: nothing but the results may change then.
    package let isRecomputation: Bool
    package let pool: ThreadPool
    /// Tells this operation apart from others of the plan, for random numbers.
    package let stream: UInt64
    package internal(set) var seed: UInt64 = 0
    /// Counts runs, so that every training step draws other random numbers.
    package internal(set) var step: UInt64 = 0

    private let workers: UnsafeMutablePointer<Float>
    private let workerStride: Int

    init(
        signature: OperationSignature, inputs: [UnsafePointer<Float>], outputs: [UnsafeMutablePointer<Float>],
        outputGradients: [UnsafePointer<Float>?], inputGradients: [UnsafeMutablePointer<Float>?], accumulates: [Bool],
        strides: OperationStrides, prepared: UnsafeMutablePointer<Float>, saved: UnsafeMutablePointer<Float>,
        scratch: UnsafeMutablePointer<Float>, isRecomputation: Bool, pool: ThreadPool, stream: UInt64,
        workers: UnsafeMutablePointer<Float>, workerStride: Int
    ) {
        self.signature = signature
        self.inputs = inputs
        self.outputs = outputs
        self.outputGradients = outputGradients
        self.inputGradients = inputGradients
        self.accumulates = accumulates
        self.strides = strides
        self.prepared = prepared
        self.saved = saved
        self.scratch = scratch
        self.isRecomputation = isRecomputation
        self.pool = pool
        self.stream = stream
        self.workers = workers
        self.workerStride = workerStride
    }

    package var inputShapes: [Shape] { signature.inputs }
    package var outputShapes: [Shape] { signature.outputs }

    /// Calls `body` for every index below `count` on the pool's threads. Which thread does what must not change results.
    package func parallel(_ count: Int, _ body: @Sendable (_ index: Int) -> Void) { pool.forEach(count, body) }

    /// As `parallel`, with working memory (`workerScratch` floats) that no other call uses at the same time.
    package func parallelWithScratch(
        _ count: Int, _ body: @Sendable (_ index: Int, _ scratch: UnsafeMutablePointer<Float>) -> Void
    ) {
        // Only distances from one base are formed, each worker within its own stride.
        nonisolated(unsafe) let base = workers
        let stride = workerStride
        pool.forEachWorker(count) { index, worker in body(index, base + worker * stride) }
    }
}
